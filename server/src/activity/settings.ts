/**
 * The server's own settings: read by everybody inside, changed by full administrators, audited, applied at once. The
 * webhook's secret is sealed before it is stored and leaves by nothing but a signature.
 */

import type { Issue } from "@chatelaine/contract/errors";
import { type Secrets, WEBHOOK_SEAL } from "../crypto.ts";
import { differences } from "../domain/audit.ts";
import { type Caller, requireRole } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError, refuseIssues } from "../domain/errors.ts";
import { keptTextIssues } from "../domain/kept-text.ts";
import { type KeyPolicy, mayMakeNonExpiring } from "../domain/key-policy.ts";
import { requireMayMint } from "../domain/minting.ts";
import { type Settings, type SettingsPatch, settingFault } from "../domain/settings.ts";
import { changedMeanwhile, requireVersion } from "../domain/version.ts";
import { shownWebhookUrl } from "../domain/webhook-target.ts";
import { rememberRequest } from "../keys/keys.ts";
import type { Store } from "../store/store.ts";
import { recordOf } from "./audit.ts";
import type { Feed } from "./feed.ts";

/** What a repeated request has changed, as `Idempotency-Key` remembers it: there is one row of settings. */
const SETTINGS_ID = 0;

/** All but the webhook's secret, of which is told only whether there is one. */
type ShownSettings = Omit<Settings, "webhookSecret"> & { readonly webhookSecretSet: boolean };

/** What everybody who may hold keys should know before making one. */
interface ShownPolicy extends KeyPolicy {
  /** Whether this caller may make keys that never expire. */
  readonly mayMakeNonExpiring: boolean;
}

interface SettingsChange extends SettingsPatch {
  /** The version that the change was decided on; another one is a conflict. Absent: whatever is there. */
  readonly version?: number | undefined;
}

export interface SettingsUseCase {
  /** READONLY_ADMIN. Of the webhook's address the host alone is shown. */
  show(caller: Caller): Promise<ShownSettings>;
  /**
   * FULL_ADMIN. The webhook's secret is given in clear; its address as it is shown leaves the one that is there. Throws
   * invalid with issues, conflict where the settings are not at the version that the change was decided on.
   */
  change(caller: Caller, change: SettingsChange): Promise<ShownSettings>;
  policy(caller: Caller): Promise<ShownPolicy>;
  /**
   * For code that cannot wait: as they are now on a database that answers at once, else as of the last change that the feed
   * knows. Throws unavailable where they cannot be read.
   */
  current(): Settings;
}

export interface SettingsDeps {
  readonly store: Store;
  readonly feed: Pick<Feed, "subscribe">;
  readonly clock: Clock;
  readonly secrets: Pick<Secrets, "seal">;
  /** Why a certificate, in PEM, cannot be bound to; undefined where it can. */
  readonly bindingFault: (pem: string) => string | undefined;
}

export async function openSettings(deps: SettingsDeps): Promise<SettingsUseCase> {
  const { store } = deps;
  const current = await keepCurrent(deps);
  return {
    show: async (caller) => {
      requireRole(caller, "READONLY_ADMIN");
      return shown(await store.readSettings());
    },
    change: (caller, wanted) => change(deps, caller, wanted),
    policy: async (caller) => {
      const { keyDaysMax, nonExpiringKeys, nonExpiringRoles } = await store.readSettings();
      const policy = { keyDaysMax, nonExpiringKeys, nonExpiringRoles };
      return { ...policy, mayMakeNonExpiring: mayMakeNonExpiring(policy, caller.roles) };
    },
    current,
  };
}

/**
 * A database that answers at once is asked each time: it keeps them itself until something is committed. For one that answers later they
 * are kept, and read again at each change that the feed tells (held by `server/test/current-settings.test.ts`).
 */
async function keepCurrent({ store, feed }: SettingsDeps): Promise<() => Settings> {
  let kept: Settings | undefined;
  let answersLater = false;
  const keep = (settings: Settings): void => {
    kept = settings;
  };
  const forget = (): void => {
    // Read again when they are needed next, by somebody who hears why they cannot be read.
    kept = undefined;
  };
  const read = (): Settings | Promise<void> => {
    const settings = store.readSettings();
    if (!(settings instanceof Promise)) return settings;
    answersLater = true;
    return settings.then(keep, forget);
  };
  feed.subscribe(({ kind }) => (answersLater && kind === "settings" ? read() : undefined));
  try {
    await read();
  } catch {
    // Whoever needs them next hears why they cannot be read.
  }
  return () => {
    if (answersLater && kept !== undefined) return kept;
    const settings = read();
    if (!(settings instanceof Promise)) return settings;
    throw new AppError("unavailable", "The settings cannot be read at the moment; try again");
  };
}

async function change(
  { store, clock, secrets, bindingFault }: SettingsDeps,
  caller: Caller,
  { version, ...given }: SettingsChange,
): Promise<ShownSettings> {
  requireRole(caller, "FULL_ADMIN");
  const { webhookSecret } = given;
  const sealed = webhookSecret
    ? {
        webhookSecret: Buffer.from(secrets.seal(Buffer.from(webhookSecret), WEBHOOK_SEAL)).toString("base64"),
      }
    : {};
  await store.transact(caller, async (tx) => {
    const before = await tx.readSettings();
    requireMayMint(caller, { what: "settings" });
    requireVersion("settings", before.version, version);
    const patch = withoutShown(before, given);
    refuseFaults(before, patch, bindingFault);
    const details = { changes: notedChanges(before, patch) };
    await rememberRequest(tx, caller, SETTINGS_ID, clock.now());
    if (Object.keys(details.changes).length === 0) return;
    if (!(await tx.putSettings(before.version, { ...patch, ...sealed }))) throw changedMeanwhile("settings");
    const target = { kind: "settings", id: null, name: "settings" } as const;
    const note = { action: "settings.update", description: "Change settings", target, details };
    tx.audit(recordOf(caller, clock.now(), note));
  });
  return shown(await store.readSettings());
}

/** Throws invalid for values that will not do, alone or together. */
function refuseFaults(
  before: Settings,
  patch: SettingsPatch,
  bindingFault: (pem: string) => string | undefined,
): void {
  const issues: Issue[] = Object.entries(patch).flatMap(([name, value]) => {
    const fault = settingFault(name, value);
    const isCertificate = name === "clientCertificate" && typeof value === "string";
    const message = fault ?? (isCertificate ? bindingFault(value) : undefined);
    return message === undefined ? [] : [{ path: [name], code: "shape", message }];
  });
  issues.push(...keptTextIssues(patch));
  const { webhookUrl, webhookSecret } = { ...before, ...patch };
  if (issues.length === 0 && webhookUrl !== null && webhookSecret === null)
    issues.push({
      path: ["webhookSecret"],
      code: "shape",
      message: "What is sent to a webhook is signed: give a secret",
    });
  refuseIssues(issues);
}

function shown({ webhookSecret, ...settings }: Settings): ShownSettings {
  const { webhookUrl } = settings;
  return {
    ...settings,
    webhookUrl: webhookUrl && shownWebhookUrl(webhookUrl),
    webhookSecretSet: webhookSecret !== null,
  };
}

/** A caller who sends back what they were shown wants it to stay. */
function withoutShown({ webhookUrl: before }: Settings, given: SettingsPatch): SettingsPatch {
  const { webhookUrl, ...others } = given;
  return before !== null && webhookUrl === shownWebhookUrl(before) ? others : given;
}

/** As the audit may keep it. */
function notedChanges(before: Settings, patch: SettingsPatch): Record<string, [unknown, unknown]> {
  const { webhookSecret, ...plain } = patch;
  const changes = differences<Settings>(before, plain);
  const url = (value: string | null): string | null => value && shownWebhookUrl(value);
  if (changes.webhookUrl) changes.webhookUrl = [url(before.webhookUrl), url(patch.webhookUrl ?? null)];
  if (webhookSecret === undefined) return changes;
  const had = before.webhookSecret === null ? "none" : "set";
  return { ...changes, webhookSecret: [had, webhookSecret === null ? "none" : "set anew"] };
}
