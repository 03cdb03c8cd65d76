/** SCRAM and key files. The programs are run, and the vector is worked out, by `docs-truth.test.ts`. */
import { guide } from "./guide.ts";
import scram from "./guides/scram.md" with { type: "text" };

/** Over https the programs wrap their connection in TLS; over http the official client must be told to bind to nothing. */
export const SCRAM = guide("scram", scram, (origin) => {
  const isTls = origin.startsWith("https:");
  return {
    port: isTls ? "443" : "80",
    "import-ssl": isTls ? "\nimport ssl" : "",
    "wrap-in-tls": isTls
      ? "line = ssl.create_default_context().wrap_socket(line, server_hostname=url.hostname)\n"
      : "",
    "without-binding": isTls ? "" : ", channel_binding=False",
  };
});
