/**
 * Credentials whose way here is not known to be safe: the setting of their door decides, for keys, passwords and tokens alike.
 *
 * A password or a token is taken or refused. A right key is taken, refused, or refused and revoked, and it is revoked only
 * where it is proved to have come in clear text. Every door asks here: sign-in, keys in the headers of a request, and checks
 * for proxies. Held by `server/test/clear-text.test.ts` and `server/test/transport-matrix.test.ts`.
 */
import type { Origin } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError, errorCode } from "../domain/errors.ts";
import { clearTextRule, type Fate, fateOf, transportMessage } from "../domain/transport.ts";
import type { Keys } from "../keys/keys.ts";
import type { Log } from "../log.ts";
import type { Store, Transaction } from "../store/store.ts";

type SettingsReader = Pick<Store | Transaction, "readSettings">;

/** Whether a password or token that came like this is looked at. */
export async function isTransportAllowed(store: SettingsReader, origin: Origin): Promise<boolean> {
  if (origin.transport === "secure") return true;
  return clearTextRule(await store.readSettings(), origin.door) === "allow";
}

/** Throws insecure_transport where it is not. */
export async function requireAllowedTransport(store: SettingsReader, origin: Origin): Promise<void> {
  if (await isTransportAllowed(store, origin)) return;
  throw new AppError("insecure_transport", transportMessage(origin.transport));
}

/** What became of a right key. */
export interface KeyInClear {
  readonly fate: Fate;
  /** Why, for the audit; absent: as of any other refusal. */
  readonly words?: string;
  /** What to do about the connection, for the client of a key that was left whole. */
  readonly advice?: string;
}

export interface KeysInClearDeps {
  readonly store: SettingsReader;
  readonly keys: Pick<Keys, "revokeExposed">;
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: Pick<Log, "warn">;
}

/** Only these two are taken of what is given. */
interface ShownKey {
  readonly id: number;
  readonly name?: string;
}

const WARN_EVERY_MS = 60_000;
const WARNED_MAX = 1_000;

export class KeysInClear {
  readonly #deps: KeysInClearDeps;
  readonly #warnedAt = new Map<number, number>();

  constructor(deps: KeysInClearDeps) {
    this.#deps = deps;
  }

  /**
   * Revokes and warns, where that follows.
   * @param isShown false for one that came while that was allowed and is judged again: nothing follows for it
   */
  async judge(key: ShownKey, origin: Origin, isShown = true): Promise<KeyInClear> {
    const rule = clearTextRule(await this.#deps.store.readSettings(), origin.door);
    const fate = fateOf(rule, origin.transport);
    if (fate === "pass") return { fate };
    if (!isShown) return { fate: "refuse" };
    if (fate === "revoke") await this.#revoke(key.id);
    this.#warn(key, fate, origin);
    if (fate === "revoke") return { fate, words: "API key revoked due to insecure transport" };
    if (origin.transport === "clear" && rule === "refuse") return { fate };
    const advice = transportMessage(origin.transport);
    return { fate, words: advice, advice };
  }

  async #revoke(id: number): Promise<void> {
    try {
      await this.#deps.keys.revokeExposed(id);
    } catch (error) {
      // Another request has revoked or deleted it.
      if (!["conflict", "not_found"].includes(errorCode(error))) throw error;
    }
  }

  /** Once a minute for a key. */
  #warn(key: ShownKey, fate: Fate, { address, door, transport }: Origin): void {
    const now = this.#deps.clock.monotonic();
    const last = this.#warnedAt.get(key.id);
    if (last !== undefined && now - last < WARN_EVERY_MS) return;
    if (this.#warnedAt.size >= WARNED_MAX) this.#warnedAt.clear();
    this.#warnedAt.set(key.id, now);
    const refused =
      transport === "unknown"
        ? "A key came through a proxy that is not named, or does not say how its client came, and was refused; let it send X-Forwarded-Proto, and name it with --trusted-proxy"
        : "A key came over an insecure transport and was refused";
    const message = fate === "revoke" ? "A key came over an insecure transport and was revoked" : refused;
    const { id, name } = key;
    this.#deps.log.warn(message, { id, name, address, door });
  }
}
