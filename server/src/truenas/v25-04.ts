/** v25.04.0 does not say why a key is revoked, nor which sign-in a session came from, and has no options to tell. */
import { V25_10 } from "./v25-10.ts";
import { type Entry, omit, type Version } from "./version.ts";

export const V25_04: Version = {
  ...V25_10,
  name: "v25.04.0",
  optionsResult: () => null,
  keyEntry: (entry) => omit(V25_10.keyEntry(entry), "revoked_reason"),
  sessionEntry: (entry) => ({
    ...entry,
    credentials_data: omit(entry.credentials_data as Entry, "login_id"),
  }),
};
