/** How safe the way of a credential was, and what follows from it. */
import type { InsecureTransportDialectRule, Settings } from "./settings.ts";

/**
 * As the client sees its connection: nobody else can listen (TLS, a unix socket, loopback, a network named by
 * `--secure-from`), everybody on the way can, or nobody here can say. In clear is said only where it is proved.
 */
export type Transport = "secure" | "clear" | "unknown";

/** What becomes of a right key. */
export type Fate = "pass" | "refuse" | "revoke";

export const UNKNOWN_TRANSPORT =
  "Whether this connection is safe is not known: a proxy stands before this server that is not named, or that does not say how its client came. Name it with --trusted-proxy and let it send X-Forwarded-Proto (the guide “Behind a reverse proxy”). Nothing was revoked";
const CLEAR_TEXT =
  "Passwords, tokens and keys are not taken in clear text: use https or wss, or connect on the machine itself";

/** The setting that speaks for a door: the TrueNAS API has one of its own. */
export function clearTextRule(
  settings: Pick<Settings, "insecureTransport" | "insecureTransportDialect">,
  door: string,
): InsecureTransportDialectRule {
  return door === "websocket" ? settings.insecureTransportDialect : settings.insecureTransport;
}

export function fateOf(rule: InsecureTransportDialectRule, transport: Transport): Fate {
  if (transport === "secure" || rule === "allow") return "pass";
  return transport === "clear" && rule === "revoke" ? "revoke" : "refuse";
}

/** Why it is refused, and what to do. */
export function transportMessage(transport: Transport): string {
  return transport === "unknown" ? UNKNOWN_TRANSPORT : CLEAR_TEXT;
}
