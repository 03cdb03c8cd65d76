/** The newest version: nothing to bend. The two old sign-in methods work and are not told of. */
import type { Entry, Version } from "./version.ts";

const same = (entry: Entry): Entry => entry;

export const V27_00: Version = {
  name: "v27.0.0",
  lacks: [],
  hides: ["auth.login", "auth.login_with_api_key"],
  hasScram: true,
  hasReconnectToken: true,
  validatesFirst: false,
  optionsResult: (options) => options,
  keyEntry: same,
  userEntry: same,
  sessionEntry: same,
  signInResult: same,
};
