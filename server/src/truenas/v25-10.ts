/** v25.10.0 knows no SCRAM: not as a mechanism, not in a key's entry, not in what a new key comes with. */
import { V26_00 } from "./v26-00.ts";
import { omit, type Version } from "./version.ts";

export const V25_10: Version = {
  ...V26_00,
  name: "v25.10.0",
  lacks: ["api_key.convert_raw_key"],
  hasScram: false,
  hasReconnectToken: false,
  keyEntry: (entry) => omit(entry, "iterations", "salt", "stored_key", "server_key", "client_key"),
  userEntry: (entry) => omit(entry, "webshare"),
  signInResult: (result) =>
    result.response_type === "DENIED" ? { response_type: "AUTH_ERR" } : omit(result, "reconnect_token"),
};
