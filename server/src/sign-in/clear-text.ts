/**
 * Credentials whose way here is not known to be safe: the setting of the door decides, for keys, passwords and tokens alike.
 * A key is revoked only where it is proved to have come in clear text. Held for both doors by
 * `server/test/clear-text.test.ts` and `server/test/transport-matrix.test.ts`.
 */
import type { Origin } from "../domain/caller.ts";
import { AppError } from "../domain/errors.ts";
import type { InsecureTransportDialectRule } from "../domain/settings.ts";
import { transportMessage } from "../domain/transport.ts";
import type { Store, Transaction } from "../store/store.ts";

type SettingsReader = Pick<Store | Transaction, "readSettings">;

/** What the setting of this door says. */
export async function clearTextRule(
  store: SettingsReader,
  { door }: Pick<Origin, "door">,
): Promise<InsecureTransportDialectRule> {
  const settings = await store.readSettings();
  return door === "websocket" ? settings.insecureTransportDialect : settings.insecureTransport;
}

/** Whether a password or token that came like this is looked at. There is nothing to revoke: it is taken or refused. */
export async function isTransportAllowed(store: SettingsReader, origin: Origin): Promise<boolean> {
  return origin.transport === "secure" || (await clearTextRule(store, origin)) === "allow";
}

/** Throws insecure_transport where it is not. */
export async function requireAllowedTransport(store: SettingsReader, origin: Origin): Promise<void> {
  if (await isTransportAllowed(store, origin)) return;
  throw new AppError("insecure_transport", transportMessage(origin.transport));
}
