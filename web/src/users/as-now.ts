/**
 * Users and groups as they are at this moment, found by their numbers: somebody else may rename or delete them while a panel
 * or a dialog about them stands open, and give their name to another. null: they are gone.
 * Held by `web/test/meanwhile.test.ts`.
 */
import { useQuery } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { problemOf } from "../api/problem.ts";
import type { GroupEntry } from "./group.ts";
import type { UserEntry } from "./user.ts";

/** Nothing that was read before counts. */
const FRESH = { staleTime: 0, gcTime: 0 } as const;

export function useUserNow(user: Pick<UserEntry, "id"> | undefined) {
  return useQuery({
    queryKey: ["user", user?.id, "now"],
    queryFn: async ({ signal }) => (await readUser(user?.id ?? 0, signal)) ?? null,
    enabled: user !== undefined,
    ...FRESH,
  });
}

export function useGroupNow(group: Pick<GroupEntry, "id"> | undefined) {
  return useQuery({
    queryKey: ["group", group?.id, "now"],
    queryFn: async ({ signal }) => (await readGroup(group?.id ?? 0, signal)) ?? null,
    enabled: group !== undefined,
    ...FRESH,
  });
}

/** @returns undefined for somebody who is gone */
export async function readUser(id: number, signal?: AbortSignal): Promise<UserEntry | undefined> {
  const filter = JSON.stringify([["id", "=", id]]);
  return (await call("users.list", { query: { filter } }, { signal })).entries[0];
}

/** @returns undefined for one that is gone */
export async function readGroup(id: number, signal?: AbortSignal): Promise<GroupEntry | undefined> {
  return (await call("groups.list", {}, { signal })).entries.find((group) => group.id === id);
}

/**
 * For a deletion by a name that is not found: somebody else may have deleted the user or group already, which is no failure, or
 * renamed it, which is.
 */
export async function unlessGone(error: unknown, read: () => Promise<unknown>): Promise<void> {
  if (problemOf(error).code !== "not_found" || (await read()) !== undefined) throw error;
}
