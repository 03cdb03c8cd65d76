/**
 * The life of a key: who may make, see, edit, reset, pause, revoke and delete it, and what then happens.
 *
 * Every change is decided, made and audited in one transaction, and is guarded by the version it was decided on: of two
 * callers one wins, the other gets `conflict`. Nobody hands out rights that they lack. A secret leaves in exactly two
 * operations, create and reset, and only after their commit.
 */

import type { Issue } from "@chatelaine/contract/errors";
import { REASON_CHARS_MAX } from "@chatelaine/contract/limits";
import { type Audit, recordOf } from "../activity/audit.ts";
import type { Random, Secrets } from "../crypto.ts";
import { type AuditRecord, differences } from "../domain/audit.ts";
import { askingOf, type Caller, requireRole, systemCaller } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError, refuseIssues, takenAs, unveil } from "../domain/errors.ts";
import type { Condition } from "../domain/filter.ts";
import {
  KEY_TEXTS,
  KEYS_PER_USER_MAX,
  type Key,
  type KeyFields,
  type KeySecret,
  keyEntry,
  type ShownKey,
} from "../domain/key.ts";
import type { ListQuery, Page } from "../domain/listing.ts";
import { requireMayMint } from "../domain/minting.ts";
import { inBothForms, inNfc } from "../domain/names.ts";
import type { User } from "../domain/user.ts";
import { changedMeanwhile, requireVersion } from "../domain/version.ts";
import { overOwnKey } from "../sign-in/caller.ts";
import type { KeyPatch, MaybePromise, Store, Transaction } from "../store/store.ts";
import { narrows, patchOf, wordIssues } from "./changes.ts";
import { createEnds, type Ends } from "./ends.ts";
import { findRepeated, isAsLeft, rememberKeyRequest, rememberRequest } from "./idempotency.ts";
import {
  type NewKeyInput,
  newKeyFields,
  requireMakable,
  requirePolicy,
  type SettingsReader,
} from "./new-key.ts";
import {
  endAfterReset,
  endByCeiling,
  fieldIssues,
  lifetimeIssues,
  mayEdit,
  maySee,
  missing,
  ownerIssues,
  requireKeyRole,
  requireOwnership,
  requireReach,
  requireReason,
  wholeSeconds,
} from "./rules.ts";
import { createDerive, type Derive, makeSecret } from "./secrets.ts";
import { createVerifiers, type Verifiers } from "./verifiers.ts";

export { rememberRequest } from "./idempotency.ts";

export interface Keys extends Verifiers, Ends {
  /** API_KEY_READ sees all; everybody else who may hold keys sees their own. Members as of Key. */
  list(caller: Caller, query: ListQuery): Promise<Page<Key>>;
  /** Throws not_found, also for keys that the caller may not see. */
  get(caller: Caller, id: number): MaybePromise<Key>;
  /** Throws invalid or name_taken with issues, forbidden, limit_reached, unavailable where too many are made. */
  create(caller: Caller, input: NewKeyInput): Promise<MadeKey>;
  /** Throws not_found, invalid, forbidden, conflict. */
  update(caller: Caller, id: number, change: KeyChange): Promise<Key>;
  /** Makes a new secret, and edits in the same step. A revoked or paused key works again. Throws as `update` does. */
  reset(caller: Caller, id: number, change?: KeyChange): Promise<MadeKey>;
  /** Does nothing where the key is paused already. */
  pause(caller: Caller, id: number): Promise<Key>;
  /** Does nothing where the key is not paused. */
  resume(caller: Caller, id: number): Promise<Key>;
  /** Until reset. Throws conflict where the key is revoked already. */
  revoke(caller: Caller, id: number, reason: string): Promise<Key>;
  /** The key's text proved itself over a transport that tells it to everybody: anyone who holds it may have it revoked. */
  revokeExposed(id: number): Promise<void>;
  remove(caller: Caller, id: number): Promise<Key>;
  /** The key as the caller is shown it now. */
  entryOf(caller: Caller, key: Key): ShownKey;
  /** Whether the caller may edit, reset and resume the key as it is now. */
  mayEdit(caller: Caller, key: Key): boolean;
  /** The key that this very request (`caller.once`) has made or changed before. Throws invalid for another request. */
  repeated(caller: Caller): Promise<number | undefined>;
  /** Whether nobody has changed or used the key since this very request has made or changed it. */
  isAsLeft(caller: Caller, key: Key): Promise<boolean>;
  /** The key that asks, whatever it may: throws forbidden for a caller who is none. */
  readonly self: SelfKeys;
}

/**
 * What a key may do to itself, whatever it was narrowed to: learn its limits, be rotated, be revoked. It acts with its
 * owner's rights then, on itself alone, and so a key can neither widen nor extend itself.
 */
interface SelfKeys {
  get(caller: Caller): Promise<Key>;
  /** @param expiresAt undefined keeps it; to change it needs the role that editing keys needs */
  reset(caller: Caller, expiresAt: number | null | undefined): Promise<MadeKey>;
  revoke(caller: Caller, reason: string): Promise<Key>;
}

interface KeyChange extends KeyFields {
  /** The version that the change was decided on; another one is a conflict. Absent: whatever is there. */
  readonly version?: number;
}

interface MadeKey {
  readonly key: Key;
  readonly secret: KeySecret;
}

export interface KeysDeps {
  readonly store: Store;
  readonly secrets: Secrets;
  readonly audit: Pick<Audit, "note" | "noteRead">;
  readonly clock: Clock;
  readonly random: Random;
}

const EXPOSED_REASON = "Attempt to use over an insecure transport";
/** How often a change that must hold is tried again when somebody else changed the key meanwhile. */
const TRIES = 5;

export function createKeys(deps: KeysDeps): Keys {
  const derive = createDerive();
  const life = new KeyLife(deps, derive);
  const keys: Omit<Keys, "self"> = {
    list: (caller, query) => life.list(caller, query),
    get: (caller, id) => life.get(caller, id),
    ...createVerifiers({ ...deps, derive }),
    create: (caller, input) =>
      life.noting(caller, "key.create", { id: null, name: input.name }, () => life.create(caller, input)),
    update: (caller, id, change) =>
      life.noting(caller, "key.update", { id }, () => life.update(caller, id, change)),
    reset: (caller, id, change = {}) =>
      life.noting(caller, "key.update", { id }, () => life.reset(caller, id, change)),
    pause: (caller, id) => life.noting(caller, "key.pause", { id }, () => life.pause(caller, id)),
    resume: (caller, id) => life.noting(caller, "key.resume", { id }, () => life.resume(caller, id)),
    revoke: (caller, id, reason) =>
      life.noting(caller, "key.revoke", { id }, () =>
        life.revoke(caller, id, requireReason(reason, REASON_CHARS_MAX)),
      ),
    revokeExposed: (id) => life.revokeExposed(id),
    remove: (caller, id) => life.noting(caller, "key.delete", { id }, () => life.remove(caller, id)),
    entryOf: (caller, key) => keyEntry(key, deps.clock.now(), mayEdit(caller, key)),
    mayEdit,
    repeated: (caller) => findRepeated(deps.store, caller),
    isAsLeft: (caller, key) => isAsLeft(deps.store, caller, key),
    ...createEnds(deps),
  };
  return { ...keys, self: createSelfKeys(keys, deps.store) };
}

function createSelfKeys(
  keys: Pick<Keys, "get" | "reset" | "revoke">,
  store: Pick<Store, "findCheckUser">,
): SelfKeys {
  const asOwner = async (caller: Caller): Promise<Caller> => {
    const owner = caller.key && (await store.findCheckUser(caller.userId));
    if (!owner) throw new AppError("forbidden", "Only a key can ask about itself");
    return overOwnKey(caller, owner);
  };
  const idOf = (caller: Caller): number => caller.key?.id ?? 0;
  return {
    get: async (caller) => keys.get(await asOwner(caller), idOf(caller)),
    reset: async (caller, expiresAt) => {
      const own = await asOwner(caller);
      if (expiresAt !== undefined) return keys.reset(caller, idOf(caller), { expiresAt });
      return keys.reset(own, idOf(caller));
    },
    revoke: async (caller, reason) => keys.revoke(await asOwner(caller), idOf(caller), reason),
  };
}

const AUDIT_TEXTS: Readonly<Record<string, string>> = {
  "key.create": "Create API key",
  "key.update": "Update API key",
  "key.pause": "Pause API key",
  "key.resume": "Resume API key",
  "key.revoke": "Revoke API key",
  "key.delete": "Delete API key",
};

/** What is to become of a key, decided on the key as it was. */
interface PlannedChange {
  readonly key: Key;
  readonly patch: KeyPatch;
  readonly life: Parameters<typeof requirePolicy>[2];
  readonly now: number;
}

class KeyLife {
  readonly #deps: KeysDeps;
  readonly #store: Store;
  readonly #derive: Derive;

  constructor(deps: KeysDeps, derive: Derive) {
    this.#deps = deps;
    this.#store = deps.store;
    this.#derive = derive;
  }

  /** Refused changes are recorded too. */
  async noting<Result>(
    caller: Caller,
    action: string,
    target: { readonly id: number | null; readonly name?: string },
    work: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const name = target.name ?? String(target.id);
      const record = recordOf(caller, this.#now(), {
        action,
        description: `${AUDIT_TEXTS[action]} ${name}`,
        target: { kind: "key", id: target.id, name },
        success: false,
        error: unveil(error).message,
      });
      this.#deps.audit.note(record);
      throw error;
    }
  }

  async list(caller: Caller, asked: ListQuery): Promise<Page<Key>> {
    requireRole(caller, "API_KEY_READ", "KEY_HOLDER");
    const query = asked.where ? { ...asked, where: inBothForms(asked.where) } : asked;
    if (caller.roles.has("API_KEY_READ")) return this.#store.listKeys(query, askingOf(caller));
    const own: Condition = { kind: "test", path: ["userId"], op: "=", fold: false, value: caller.userId };
    const where: Condition = query.where ? { kind: "all", of: [own, query.where] } : own;
    return this.#store.listKeys({ ...query, where }, askingOf(caller));
  }

  get(caller: Caller, id: number): MaybePromise<Key> {
    requireRole(caller, "API_KEY_READ", "KEY_HOLDER");
    const seen = (key: Key | undefined): Key => {
      if (!key || !maySee(caller, key)) throw missing(id);
      return key;
    };
    const found = this.#store.findKey(id);
    return found instanceof Promise ? found.then(seen) : seen(found);
  }

  async create(caller: Caller, given: NewKeyInput): Promise<MadeKey> {
    const input = inNfc(given, KEY_TEXTS);
    requireKeyRole(caller);
    const owner = await this.#store.findUser({ username: input.username });
    requireOwnership(caller, owner);
    refuseIssues([
      ...fieldIssues(input, this.#now()),
      ...(await this.#nameIssues(input.name, null)),
      ...ownerIssues(owner),
      ...lifetimeIssues(input.expiresAt ?? undefined, this.#now(), owner),
    ]);
    if (!owner) throw missing(0);
    await requireMakable(this.#store, caller, { input, owner, madeAt: wholeSeconds(this.#now()) });
    const { id, createdAt, secret } = await this.#derive(caller, async () => {
      const fresh = { id: await this.#store.reserveKeyId(), createdAt: wholeSeconds(this.#now()) };
      return { ...fresh, secret: await makeSecret(fresh.id, fresh.createdAt, this.#deps) };
    });
    await this.#store
      .transact(caller, async (tx) => {
        const found = await tx.findUser({ id: owner.id });
        refuseIssues(ownerIssues(found));
        const user = found ?? owner;
        await requireMakable(tx, caller, { input, owner: user, madeAt: createdAt });
        requireRoom(user);
        const fields = newKeyFields(input, endByCeiling(user, createdAt));
        const { hint, stored } = secret;
        const made = {
          id,
          userId: user.id,
          username: user.username,
          createdAt,
          createdBy: caller.username,
          hint,
        };
        await tx.insertKey({ ...made, ...fields }, stored);
        await rememberKeyRequest(tx, caller, { id, version: 1 }, createdAt);
        const managesSignIn = fields.managesSignIn || undefined;
        const shown = { username: owner.username, ...fields, managesSignIn };
        const details = { changes: differences<object>({}, shown) };
        tx.audit(this.#record(caller, "key.create", { id, name: input.name }, details));
      })
      .catch(takenAs(NAME_TAKEN));
    return { key: await this.#find(id), secret: secret.shown };
  }

  async update(caller: Caller, id: number, { version, ...fields }: KeyChange): Promise<Key> {
    const key = await this.#findToChange(caller, id);
    requireVersion("key", key.version, version);
    const patch = patchOf(key, fields);
    const { expiresAt = key.expiresAt } = patch;
    const life = { madeAt: key.resetAt ?? key.createdAt, expiresAt, was: key.expiresAt };
    const change = { key, patch, life, now: this.#now() };
    await this.#requireChange(caller, change, patch.expiresAt);
    await this.#commit(caller, change, undefined);
    return this.#find(id);
  }

  async reset(caller: Caller, id: number, { version, ...fields }: KeyChange): Promise<MadeKey> {
    const key = await this.#findToChange(caller, id);
    requireVersion("key", key.version, version);
    const now = this.#now();
    const madeAt = wholeSeconds(now);
    const { expiresAt: wanted = endAfterReset(caller, key) } = fields;
    const patch = {
      ...patchOf(key, { ...fields, expiresAt: wanted }),
      ...{ revokedAt: null, revokedReason: null, pausedAt: null, resetAt: madeAt },
    };
    const { expiresAt = key.expiresAt } = patch;
    const change = { key, patch, life: { madeAt: now, expiresAt, was: undefined }, now };
    await this.#requireChange(caller, change, expiresAt);
    const secret = await this.#derive(caller, () => makeSecret(id, madeAt, this.#deps));
    await this.#commit(caller, change, secret);
    return { key: await this.#find(id), secret: secret.shown };
  }

  /** @param end what must lie ahead; undefined: it was judged when it was set */
  async #requireChange(caller: Caller, change: PlannedChange, end: number | null | undefined): Promise<void> {
    const { key, patch, now } = change;
    refuseIssues([
      ...fieldIssues({ ...patch, expiresAt: end }, now),
      ...wordIssues(key, patch),
      ...(patch.name === undefined ? [] : await this.#nameIssues(patch.name, key.id)),
    ]);
    await requireLife(this.#store, caller, change);
    requireMayChange(caller, key, patch);
  }

  /** @param secret undefined: the one before stays */
  async #commit(
    caller: Caller,
    change: PlannedChange,
    secret: Awaited<ReturnType<typeof makeSecret>> | undefined,
  ): Promise<void> {
    const { key, patch, now } = change;
    const { id } = key;
    const reset = secret !== undefined;
    await this.#store
      .transact(caller, async (tx) => {
        requireMayChange(caller, await findIn(tx, key), patch);
        await requireLife(tx, caller, change);
        const ends = reset || narrows(key, patch);
        const hint = secret && { hint: secret.hint };
        if (!(await tx.changeKey(id, key.version, { ...patch, ...hint }, { ends })))
          throw changedMeanwhile("key");
        if (secret) await tx.replaceSecrets(id, secret.stored);
        await rememberKeyRequest(tx, caller, { id, version: key.version + 1 }, now);
        const details = { changes: differences<KeyPatch>(key, patch), reset };
        tx.audit(this.#record(caller, "key.update", { id, name: patch.name ?? key.name }, details));
      })
      .catch(takenAs(NAME_TAKEN));
  }

  async pause(caller: Caller, id: number): Promise<Key> {
    return this.#insist(caller, id, "key.pause", (key) =>
      key.pausedAt === null ? { pausedAt: this.#now() } : undefined,
    );
  }

  async resume(caller: Caller, id: number): Promise<Key> {
    return this.#insist(caller, id, "key.resume", (key) =>
      key.pausedAt === null ? undefined : { pausedAt: null },
    );
  }

  async revoke(caller: Caller, id: number, reason: string): Promise<Key> {
    let resetAt: number | null | undefined;
    return this.#insist(caller, id, "key.revoke", (key) => {
      // A key that was reset meanwhile is another secret than the one that was to be revoked.
      if (key.revokedAt !== null || (resetAt !== undefined && key.resetAt !== resetAt))
        throw changedMeanwhile("key");
      resetAt = key.resetAt;
      return { revokedAt: this.#now(), revokedReason: reason };
    });
  }

  async revokeExposed(id: number): Promise<void> {
    await this.#insist(systemCaller("exposed_key"), id, "key.revoke", (key) =>
      key.revokedAt === null ? { revokedAt: this.#now(), revokedReason: EXPOSED_REASON } : undefined,
    );
  }

  async remove(caller: Caller, id: number): Promise<Key> {
    for (let tries = 0; tries < TRIES; tries++) {
      const key = await this.#findToChange(caller, id);
      const removed = await this.#store.transact(
        caller,
        async (tx) => {
          if (!(await tx.removeKey(id, key.version))) return false;
          tx.audit(this.#record(caller, "key.delete", key, {}));
          return true;
        },
        { urgent: true },
      );
      if (removed) return key;
    }
    throw changedMeanwhile("key");
  }

  /** Changes a key's state, again where somebody else changed the key meanwhile. undefined: it is so already. */
  async #insist(
    caller: Caller,
    id: number,
    action: string,
    decide: (key: Key) => KeyPatch | undefined,
  ): Promise<Key> {
    for (let tries = 0; tries < TRIES; tries++) {
      const key = await this.#findToChange(caller, id);
      const patch = decide(key);
      if (!patch) return key;
      const ends = action !== "key.resume";
      const changed = await this.#store.transact(
        caller,
        async (tx) => {
          const current = ends ? undefined : await tx.findKey(id);
          if (current) requireMayChange(caller, current, {});
          if (!(await tx.changeKey(id, key.version, patch, { ends }))) return false;
          await rememberRequest(tx, caller, id, this.#now());
          tx.audit(this.#record(caller, action, key, { changes: differences<KeyPatch>(key, patch) }));
          return true;
        },
        { urgent: ends },
      );
      if (changed) return this.#find(id);
    }
    throw changedMeanwhile("key");
  }

  async #nameIssues(name: string, but: number | null): Promise<Issue[]> {
    // The second is how names were stored that came so, before all were kept in NFC.
    for (const form of new Set([name, name.normalize("NFD")])) {
      const id = await this.#store.findKeyId(form);
      if (id !== undefined && id !== but) return [NAME_TAKEN];
    }
    return [];
  }

  /** Asked first by every operation that changes a key. */
  async #findToChange(caller: Caller, id: number): Promise<Key> {
    requireKeyRole(caller);
    const key = await this.#find(id);
    requireReach(caller, key);
    return key;
  }

  async #find(id: number): Promise<Key> {
    const key = await this.#store.findKey(id);
    if (!key) throw missing(id);
    return key;
  }

  #record(
    caller: Caller,
    action: string,
    key: { readonly id: number; readonly name: string },
    details: Record<string, unknown>,
  ): AuditRecord {
    const description = `${AUDIT_TEXTS[action]} ${key.name}`;
    const target = { kind: "key", id: key.id, name: key.name } as const;
    return recordOf(caller, this.#now(), { action, description, target, details });
  }

  #now(): number {
    return this.#deps.clock.now();
  }
}

const NAME_TAKEN: Issue = { path: ["name"], code: "name_taken", message: "name must be unique" };

function requireRoom({ keyIds }: User): void {
  if (keyIds.length < KEYS_PER_USER_MAX) return;
  throw new AppError("limit_reached", `A user may have at most ${KEYS_PER_USER_MAX} keys`);
}

/** By the owner's ceilings and the policy, as they are now. */
async function requireLife(
  from: SettingsReader & Pick<Store | Transaction, "findUser">,
  caller: Caller,
  { key, patch, life }: PlannedChange,
): Promise<void> {
  refuseIssues(lifetimeIssues(patch.expiresAt, life.madeAt, await from.findUser({ id: key.userId })));
  await requirePolicy(from, caller, life);
}

/** The key with its owner as they are now. Throws conflict where it is not as it was decided on. */
async function findIn(tx: Transaction, { id, version }: Key): Promise<Key> {
  const key = await tx.findKey(id);
  if (key?.version !== version) throw changedMeanwhile("key");
  return key;
}

/** Neither what the key may now nor what it is to may be more than the caller may. */
function requireMayChange(caller: Caller, key: Key, patch: KeyPatch): void {
  requireMayMint(caller, { what: "key", before: key, after: { ...key, ...patch } });
}
