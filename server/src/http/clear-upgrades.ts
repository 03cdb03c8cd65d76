/**
 * WebSockets in clear text from another machine, where the settings say `close`: refused before a key can be sent on them,
 * with the address to use instead. Which program tried is noted, and an alert tells it (held by
 * `server/test/close-clear-text.test.ts`).
 */
import type { Audit } from "../activity/audit.ts";
import type { SettingsUseCase } from "../activity/settings.ts";
import { isLoopbackHost } from "../domain/address.ts";
import { CLEAR_TEXT_ACTION } from "../domain/alert.ts";
import type { Origin } from "../domain/caller.ts";
import { AppError } from "../domain/errors.ts";
import type { Settings } from "../domain/settings.ts";
import { clearTextRule } from "../domain/transport.ts";
import type { Log } from "../log.ts";
import { createWarnOncePerMinute } from "./check/warn-once.ts";
import { problemResponse } from "./rest/problem.ts";

export interface ClearUpgradesDeps {
  readonly settings: Pick<SettingsUseCase, "current">;
  readonly audit: Pick<Audit, "refuse">;
  /** Port of the https listener that other machines reach; undefined: there is none. */
  readonly httpsPort: () => number | undefined;
  readonly clock: Parameters<typeof createWarnOncePerMinute>[0]["clock"];
  readonly log: Log;
}

/** @returns undefined where the connection may be opened */
export type RefuseClear = (req: Request, origin: Origin) => Response | undefined;

export function createClearUpgrades(deps: ClearUpgradesDeps): RefuseClear {
  const { settings: known, audit, httpsPort, log } = deps;
  const hint = createWarnOncePerMinute(deps);
  const judge = (req: Request, origin: Origin, settings: Settings): Response | undefined => {
    if (clearTextRule(settings, origin.door) !== "close") return undefined;
    const { address, door, client } = origin;
    hint("A program came in clear text and was refused before it could send a key", { address, client });
    const reason = "insecure_transport";
    const act = { event: "AUTHENTICATION", action: CLEAR_TEXT_ACTION, address, door, reason } as const;
    const port = httpsPort();
    const words = wordsOf(addressFor(req, settings.publicUrl, port), port);
    audit.refuse(act, () => ({
      sessionId: null,
      description: "Connect in clear text",
      details: { reason, client },
      error: words,
    }));
    return problemResponse(new AppError(reason, words), crypto.randomUUID(), log);
  };
  return (req, origin) => {
    if (origin.transport !== "clear") return undefined;
    return judge(req, origin, known.current());
  };
}

/** The same path over TLS; undefined where nobody has said where that is, or by which name (HTTP/1.0 without Host). */
function addressFor(req: Request, publicUrl: string | null, port: number | undefined): string | undefined {
  const { hostname, pathname } = new URL(req.url);
  if (publicUrl?.startsWith("https:")) return `${publicUrl}${pathname}`;
  if (port === undefined || !req.headers.get("host")) return undefined;
  return `${new URL(`https://${hostname}:${port}`).origin}${pathname}`;
}

function wordsOf(address: string | undefined, port: number | undefined): string {
  const refused =
    "This connection is in clear text, where everybody on the way can read a key: it was not opened, and no key was sent.";
  if (address === undefined && port !== undefined) return `${refused} Use https and wss, at port ${port}.`;
  if (address === undefined)
    return `${refused} Use https and wss; this server has no address for them yet that other machines reach (--https, or the setting public_url).`;
  return `${refused} Use ${address} (wss).`;
}

/** Of a listener that other machines reach. */
export function reachedPort(listeners: readonly { readonly url: string }[]): number | undefined {
  const address = listeners
    .map(({ url }) => new URL(url))
    .find(({ hostname }) => !isLoopbackHost(hostname.replace(/^\[|\]$/g, "")));
  return address && Number(address.port || 443);
}
