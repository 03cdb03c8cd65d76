/**
 * What stops when keys are taken away: asked of the server when it is about to happen, and again for as long as it is looked at.
 * What cannot be learnt is called not known. Held by `web/test/truth.test.ts`.
 */
import { DAY_MS } from "@chatelaine/contract/instant";
import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { call } from "../api/call.ts";
import { problemOf } from "../api/problem.ts";
import { CopyButton } from "../form/copy-button.tsx";
import { sayDistance, useNow } from "../time/instant.tsx";
import { type KeyEntry, sayLastUse } from "./key.ts";
import { KeyStatus } from "./key-status.tsx";

export const AGAIN_MS = 15_000;
const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * DAY_MS;
const ASKED_MAX = 50;
const NAMED_MAX = 6;
/** Somebody in a hurry does not wait longer for an answer that does not come. */
const PATIENCE_MS = 3_000;

/** Nothing that was read before counts. */
const FRESH = { staleTime: 0, gcTime: 0, refetchOnMount: "always", refetchInterval: AGAIN_MS } as const;

/** A key as it is now. */
export function useFreshKey(id: number | undefined) {
  return useQuery({
    queryKey: ["key", id, "fresh"],
    queryFn: ({ signal }) => call("keys.get", { id: id ?? 0, query: { latest_use: true } }, { signal }),
    enabled: id !== undefined,
    ...FRESH,
  });
}

export type Whose = { readonly ids: readonly number[] } | { readonly usernames: readonly string[] };

/** Several keys, those used last first. */
export function useFreshKeys(whose: Whose, isWanted = true) {
  return useQuery({
    queryKey: ["keys", "fresh", whose],
    queryFn: ({ signal }) =>
      call(
        "keys.list",
        {
          query: {
            ...("ids" in whose ? { ids: [...whose.ids] } : { username: [...whose.usernames] }),
            order: "-last_used_at",
            limit: ASKED_MAX,
            latest_use: true,
          },
        },
        { signal },
      ),
    enabled: isWanted,
    ...FRESH,
  });
}

/** Whether somebody may decide: the answer is there, or has been waited for long enough. */
export function useIsTold(query: { readonly isPending: boolean }): boolean {
  const [isPatient, setPatient] = useState(true);
  useEffect(() => {
    const timer = setTimeout(() => setPatient(false), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  return !query.isPending || !isPatient;
}

/** Also where an address names what nothing can be called. */
export function isGone(query: { readonly isError: boolean; readonly error: unknown }): boolean {
  return query.isError && ["not_found", "invalid"].includes(problemOf(query.error).code);
}

/** Of one key: when and by whom it was used last, and by whom in the last hour. */
export function LastUse({ query }: { readonly query: ReturnType<typeof useFreshKey> }): ReactNode {
  const now = useNow();
  const { data: key } = query;
  if (query.isPending) return <Skeleton height={20} />;
  if (query.isError || key === undefined) return <NotKnown />;
  return (
    <>
      <p className="break">{sayLastUse(key, (at) => sayDistance(at, now))}</p>
      {isUsedSince(key, now - HOUR_MS) && <Clients id={key.id} />}
    </>
  );
}

function NotKnown() {
  return <p>It is not known when it was last used: the server did not answer.</p>;
}

/** Who used a key in the last hour, as a list to copy. */
function Clients({ id }: { readonly id: number }) {
  const { data, isError } = useQuery({
    queryKey: ["key", id, "clients"],
    queryFn: ({ signal }) => call("keys.clients", { id }, { signal }),
    ...FRESH,
  });
  if (isError && !data) return <p>It is not known who used it in the last hour.</p>;
  const clients = [...new Set((data?.entries ?? []).map(sayClient))];
  if (clients.length === 0) return null;
  return (
    <div>
      <p>Used in the last hour by:</p>
      <ul className="plain-list">
        {clients.map((client) => (
          <li key={client} className="mono break">
            {client}
          </li>
        ))}
      </ul>
      <CopyButton text={clients.join("\n")} label="Copy list" />
    </div>
  );
}

/** A service that asks about a key need not say for whom. */
function sayClient({ address, client }: { readonly address: string | null; readonly client: string | null }) {
  return [address, client].filter(Boolean).join(" ") || "(address and client not told)";
}

interface SeveralProps {
  readonly query: ReturnType<typeof useFreshKeys>;
  /** Without those that do not work anyway. */
  readonly onlyWorking?: boolean;
  readonly withOwner?: boolean;
}

/** Of several keys: how many were used lately, and which of them, by whom. */
export function SeveralLastUses({ query, onlyWorking = false, withOwner = false }: SeveralProps): ReactNode {
  const now = useNow();
  if (query.isPending) return <Skeleton height={60} />;
  if (query.isError && !query.data)
    return (
      <p>It is not known which keys there are and when they were last used: the server did not answer.</p>
    );
  const { entries = [], total = 0 } = query.data ?? {};
  const shown = onlyWorking ? entries.filter(({ status }) => status === "active") : entries;
  const named = shown.slice(0, NAMED_MAX);
  const isAll = total <= entries.length;
  const more = (isAll ? shown.length : total) - named.length;
  if (shown.length === 0) return <p>No key stops working.</p>;
  return (
    <>
      {shown.length > 1 && <p>{sayLately(shown, now, !isAll)}</p>}
      <ul className="plain-list stopping">
        {named.map((key) => (
          <li key={key.id}>
            <strong className="break">{key.name}</strong>{" "}
            {withOwner && <span className="muted">owned by {key.username}</span>}{" "}
            {key.status !== "active" && <KeyStatus status={key.status} />}
            <div className="muted break">{sayLastUse(key, (at) => sayDistance(at, now))}</div>
            {isUsedSince(key, now - HOUR_MS) && <Clients id={key.id} />}
          </li>
        ))}
        {more > 0 && <li className="muted">and {more} more, used earlier or never</li>}
      </ul>
    </>
  );
}

function sayLately(keys: readonly KeyEntry[], now: number, isCut: boolean): string {
  const hour = keys.filter((key) => isUsedSince(key, now - HOUR_MS)).length;
  const week = keys.filter((key) => isUsedSince(key, now - WEEK_MS)).length;
  const orMore = isCut && week === keys.length ? " or more" : "";
  if (week === 0) {
    const never = keys.every(({ last_used_at }) => last_used_at === null);
    return never && !isCut ? "None of them has ever been used." : "None was used in the last 7 days.";
  }
  const part = isCut ? `${week}${orMore}` : `${week} of ${keys.length}`;
  return `${part} used in the last 7 days, ${hour === 0 ? "none" : hour} in the last hour.`;
}

function isUsedSince({ last_used_at }: Pick<KeyEntry, "last_used_at">, since: number): boolean {
  return last_used_at !== null && new Date(last_used_at).getTime() >= since;
}
