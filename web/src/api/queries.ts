/** Alone because what is not a component reads and invalidates the cache too. */
import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { isSessionOver, problemOf } from "./problem.ts";
import { sessionQuery } from "./session.ts";

const RETRIES = 2;

/** A session that has ended is known at once, whatever asked. */
export function noteEnd(error: unknown): void {
  if (!isSessionOver(error)) return;
  queries.setQueryData(sessionQuery.queryKey, { user: null });
}

/** Answers of the server, kept for as long as nothing says that they have changed. */
export const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: noteEnd }),
  mutationCache: new MutationCache({ onError: noteEnd }),
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      networkMode: "always",
      retry: (count, error) =>
        count < RETRIES && ["unreachable", "unavailable"].includes(problemOf(error).code),
      retryDelay: (count) => 400 * 2 ** count,
    },
    mutations: { networkMode: "always" },
  },
});
