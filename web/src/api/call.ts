import { createClient } from "@chatelaine/client/client";

const client = createClient();

/** Calls one operation of the REST API with the session's cookie. Throws what `problemOf` reads. */
export const call = client.call;

/** The address of the audit log as a file. */
export function exportAddress(query: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return `/api/v1/audit/export?${new URLSearchParams(pairs)}`;
}
