/** Alone because every screen calls the API by it, and it needs nothing of a screen. */
import { ChatelaineError, createClient } from "@chatelaine/client/client";
import { NoAnswer } from "./problem.ts";
import { noteServerTime } from "./server-clock.ts";

/** A change that is not answered by then counts as one of which nothing is known. */
export const CHANGE_MS_MAX = 30_000;

const client = createClient({
  fetch: async (address, init) => {
    const askedAt = Date.now();
    const response = await fetch(address, withEnd(init));
    noteServerTime({ date: response.headers.get("date"), askedAt, cameAt: Date.now() });
    return response;
  },
});

function withEnd(init: RequestInit): RequestInit {
  if (init.method === "GET" || init.signal) return init;
  return { ...init, signal: AbortSignal.timeout(CHANGE_MS_MAX) };
}

/** Calls one operation of the REST API with the session's cookie. Throws what `problemOf` reads. */
export const call: typeof client.call = async (...asked) => {
  try {
    return await client.call(...asked);
  } catch (error) {
    throw error instanceof ChatelaineError
      ? error
      : new NoAnswer("The server does not answer", { cause: error });
  }
};

/** The address of the audit log as a file. */
export function exportAddress(query: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return `/api/v1/audit/export?${new URLSearchParams(pairs)}`;
}
