/**
 * Credentials that come in clear text from another machine: the setting of the door decides, for keys, passwords and
 * tokens alike. Held for both doors by `server/test/clear-text.test.ts`.
 */
import type { Origin } from "../domain/caller.ts";
import { AppError } from "../domain/errors.ts";
import type { InsecureTransportRule } from "../domain/settings.ts";
import type { Store, Transaction } from "../store/store.ts";

type SettingsReader = Pick<Store | Transaction, "readSettings">;

/** What becomes of a credential that this door saw in clear text. */
export async function clearTextRule(
  store: SettingsReader,
  { door }: Pick<Origin, "door">,
): Promise<InsecureTransportRule> {
  const settings = await store.readSettings();
  return door === "websocket" ? settings.insecureTransportDialect : settings.insecureTransport;
}

/** Whether a password or token that came like this is looked at. There is nothing to revoke: it is taken or refused. */
export async function isTransportAllowed(store: SettingsReader, origin: Origin): Promise<boolean> {
  return origin.secure || (await clearTextRule(store, origin)) === "allow";
}

/** Throws insecure_transport where it is not. */
export async function requireAllowedTransport(store: SettingsReader, origin: Origin): Promise<void> {
  if (await isTransportAllowed(store, origin)) return;
  const message =
    "Passwords and tokens are not taken in clear text: use https or wss, or connect on the machine itself";
  throw new AppError("insecure_transport", message);
}
