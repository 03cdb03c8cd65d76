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

/** Who is signed in. While a session is over and its page waits behind the sign-in, who was. */
export function useMe(): Me {
  const { data } = useSuspenseQuery(sessionQuery);
  if (isSignedIn(data)) lastMe = data;
  if (lastMe === undefined) throw new Error("Nobody is signed in");
  return lastMe;
}

/** Whether the signed-in user may call the operation at all. */
export function useMay(): (operation: string) => boolean {
  const { may } = useMe();
  return (operation) => may.includes(operation);
}
