import type { OutputOf } from "@chatelaine/contract/operations/operations";
import { queryOptions, useSuspenseQuery } from "@tanstack/react-query";
import { call } from "./call.ts";
import { isSessionOver } from "./problem.ts";

export type WhoAmI = OutputOf<"session.get">;
export type Me = Extract<WhoAmI, { roles: unknown }>;
const NOBODY: WhoAmI = { user: null };

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async ({ signal }): Promise<WhoAmI> => {
    try {
      return await call("session.get", {}, { signal });
    } catch (error) {
      if (isSessionOver(error)) return NOBODY;
      throw error;
    }
  },
  staleTime: 60_000,
});

export function isSignedIn(who: WhoAmI | undefined): who is Me {
  return who !== undefined && who.user !== null;
}

let lastMe: Me | undefined;

/**
 * Whose page this is: who is signed in, or was when the session ended and the page waits behind the sign-in. It stays theirs
 * when somebody else signs in, in another tab, until it is loaded again.
 */
export function useMe(): Me {
  const { data } = useSuspenseQuery(sessionQuery);
  if (isSignedIn(data) && (lastMe === undefined || data.user.id === lastMe.user.id)) lastMe = data;
  if (lastMe === undefined) throw new Error("Nobody is signed in");
  return lastMe;
}

/** Whether the signed-in user may call the operation at all. */
export function useMay(): (operation: string) => boolean {
  const { may } = useMe();
  return (operation) => may.includes(operation);
}
