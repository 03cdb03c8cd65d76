/**
 * THE HOT PATH: is this key good, for this use, now.
 *
 * One judgement for every channel. Junk costs no I/O: shape and checksum come first, then one keyed digest, an indexed read
 * of the key and one of its user, and a compare in constant time; a sign-in reads the whole record once more. What the key
 * and its user may is judged only after the secret is proved, so an answer reveals nothing about other people's keys.
 * SCRAM proves the secret in its own way and then passes the same `judge`.
 * `check` may take a key from memory, where the store proves in this very request that nothing was committed since: a
 * revocation holds for the very next request (held by `server/test/revocation.test.ts`). Nothing is written here but
 * counters of rates, which are spent last, by a request that is good otherwise.
 */
import { createProcessDigest, DIGEST_BYTES, equalBytes, type Secrets } from "../crypto.ts";
import type { Origin } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { isExpired } from "../domain/key.ts";
import { type KeyText, type KeyTextFault, keyIdOf, parseKeyText } from "../domain/key-text.ts";
import type { Rights } from "../domain/rights.ts";
import type {
  CheckRecord,
  HotKey,
  KeyLabels,
  MaybePromise,
  RateState,
  Store,
  StoredSecret,
} from "../store/store.ts";
import {
  type Allowance,
  allowanceOf,
  allowanceOfRecord,
  coversNeed,
  isAllowedFrom,
  limitsOf,
} from "./allowance.ts";
import { Memory } from "./memory.ts";

export type { Allowance, KeyLabels, MaybePromise, RateState };

/** Why a key is not good. `unknown` covers a wrong secret, so that nobody learns which ids exist. */
export type RefusalReason =
  | "malformed"
  | "unknown"
  | "expired"
  | "paused"
  | "revoked"
  | "user_locked"
  | "no_roles"
  | "scope_missing"
  | "address_not_allowed"
  | "rate_limited"
  | "insecure_transport";

/** What the key is wanted for. */
export interface Need {
  /** Where the request came from; null where a service asks about a key that it was shown. */
  readonly origin: Origin | null;
  /** The owner that the client named beside the key. */
  readonly username?: string;
  /** `resource:action` at a guarded service. */
  readonly scope?: string;
  /** More of them, and roles and groups: all are needed. */
  readonly scopes?: readonly string[];
  readonly roles?: readonly string[];
  readonly groups?: readonly string[];
  /** Of the client at the guarded service, where it is not the origin's. */
  readonly address?: string | null;
  /** Spent from the key's limits: 1 for a text that is presented, 0 where a key is only judged again. */
  readonly cost?: number;
  /** Digest of the secret that was proved, where it was proved before; absent: the newest. */
  readonly secret?: Uint8Array;
}

export type Verdict =
  | {
      readonly ok: true;
      readonly record: CheckRecord;
      readonly rights: Rights;
      /** The one that was proved. */
      readonly secret: StoredSecret;
      /** By the key's own end or the life that its user's limits allow, whichever is first; null: never. */
      readonly endsAt: number | null;
      /** What is left of its limits. Absent: it has none, or nothing was spent. */
      readonly rate?: RateState;
    }
  | {
      readonly ok: false;
      readonly reason: RefusalReason;
      readonly fault?: KeyTextFault;
      /** Only where the secret was right. */
      readonly record?: CheckRecord;
      /** The limit that was spent. */
      readonly rate?: RateState;
    };

/** A verdict without the words of the key, which a check for others has no use for. */
export type CheckResult =
  | {
      readonly ok: true;
      readonly id: number;
      readonly allowance: Allowance;
      readonly expiresAt: number | null;
      readonly rate: RateState | null;
      readonly at: number;
    }
  | {
      readonly ok: false;
      readonly reason: RefusalReason;
      readonly fault?: KeyTextFault;
      /** Only where the secret was right. */
      readonly known?: { readonly id: number; readonly allowance: Allowance };
      readonly rate?: RateState;
    };

export interface Verify {
  verify(text: string, need: Need): MaybePromise<Verdict>;
  /** The same for services and proxies that ask about keys of others. */
  check(text: string, need: Need): MaybePromise<CheckResult>;
  /** What people call a key that a check found good. */
  findLabels(id: number): MaybePromise<KeyLabels | undefined>;
  /** `judgeRecord` at this moment. */
  judge(record: CheckRecord, need: Need): Verdict;
  /** The same, and spends from the limits: for a caller who proved the secret just now. */
  admit(record: CheckRecord, need: Need): MaybePromise<Verdict>;
}

export interface VerifyDeps {
  readonly store: Pick<
    Store,
    "findCheck" | "findHot" | "findLabels" | "findCheckUser" | "stamp" | "takeRate" | "giveBackRate"
  >;
  readonly secrets: Pick<Secrets, "digestKey">;
  readonly clock: Clock;
}

interface Times {
  readonly expiresAt: number | null;
  readonly pausedAt: number | null;
  readonly revokedAt: number | null;
  /** Of the secret. */
  readonly createdAt: number;
}
type Secret = HotKey["secrets"][number];
type Known = { readonly id: number; readonly allowance: Allowance };

/** Compared with where there is no such key, so that a miss costs what a hit does. */
const NO_DIGEST = new Uint8Array(DIGEST_BYTES);
const UNKNOWN = { ok: false, reason: "unknown" } as const;

export function createVerify(deps: VerifyDeps): Verify {
  const { store, secrets, clock } = deps;
  const prove = createProof(deps);
  const secretOf = (record: CheckRecord, text: string): StoredSecret | undefined => {
    const key = parseKeyText(text);
    return key.ok ? provenSecret(record.secrets, secrets.digestKey(key), clock.now()) : undefined;
  };
  const judge = (record: CheckRecord, need: Need): Verdict => judgeRecord(record, need, clock.now());
  const admit = (record: CheckRecord, need: Need): MaybePromise<Verdict> => {
    const verdict = judge(record, need);
    if (!verdict.ok) return verdict;
    const allowance = allowanceOfRecord(record);
    return map(spend(store, { id: record.id, allowance }, need, clock.now()), (rate) => {
      if (!rate) return verdict;
      return rate.ok ? { ...verdict, rate } : { ok: false, reason: "rate_limited", record, rate };
    });
  };
  const check = (proof: Proof, need: Need): MaybePromise<CheckResult> => {
    if (!proof.ok) return proof;
    const now = clock.now();
    const { id, allowance, times } = proof;
    const known = { id, allowance };
    const reason = faultOf(times, allowance, need, now);
    if (reason) return reason === "unknown" ? UNKNOWN : { ok: false, reason, known };
    const end = endOf(times, allowance);
    const expiresAt = end === Infinity ? null : end;
    const rate = spend(store, known, need, now);
    if (rate === null) return { ok: true, id, allowance, expiresAt, rate, at: now };
    return map(rate, (left) =>
      left && !left.ok
        ? { ok: false, reason: "rate_limited", known, rate: left }
        : { ok: true, id, allowance, expiresAt, rate: left, at: now },
    );
  };
  return {
    judge,
    admit,
    findLabels: (id) => store.findLabels(id),
    verify: (text, need) => {
      const before = store.stamp();
      return map(prove(text), (proof) => {
        if (!proof.ok) return proof;
        return map(store.findCheck(proof.id), (record) => {
          if (!record) return UNKNOWN;
          // If the key was reset between the two reads, the old secret must not inherit the new rights.
          const isSame = before !== undefined && store.stamp() === before;
          const only = isSame && record.secrets.length === 1 ? record.secrets[0] : undefined;
          const secret = only ?? secretOf(record, text);
          return secret
            ? admit(record, secret === only ? need : { ...need, secret: secret.digest })
            : UNKNOWN;
        });
      });
    },
    check: (text, need) => {
      const proof = prove(text);
      return proof instanceof Promise ? proof.then((known) => check(known, need)) : check(proof, need);
    },
  };
}

/**
 * For a secret that was proved, now or before. Of several faults the first of: secret, user named, revoked, paused,
 * expired, user, transport, rights, address, rate.
 */
export function judgeRecord(record: CheckRecord, need: Need, now: number): Verdict {
  const { secrets } = record;
  const secret = need.secret === undefined ? secrets.at(-1) : provenSecret(secrets, need.secret, now);
  if (!secret) return UNKNOWN;
  const allowance = allowanceOfRecord(record);
  const { expiresAt, pausedAt, revokedAt } = record;
  const times = { expiresAt, pausedAt, revokedAt, createdAt: secret.createdAt };
  const reason = faultOf(times, allowance, need, now);
  if (reason === "unknown") return UNKNOWN;
  if (reason) return { ok: false, reason, record };
  const end = endOf(times, allowance);
  return { ok: true, record, rights: allowance.rights, secret, endsAt: end === Infinity ? null : end };
}

type Proof =
  | (Known & { readonly ok: true; readonly times: Times })
  | { readonly ok: false; readonly reason: "malformed" | "unknown"; readonly fault?: KeyTextFault };

/** Whether a text is a key's, whatever that key may: from memory, or by shape, checksum, digest and row. */
function createProof({ store, secrets, clock }: VerifyDeps): (text: string) => MaybePromise<Proof> {
  const memory = new Memory(createProcessDigest());
  /** @param epoch of the memory before the row was read; undefined: nothing may be remembered */
  const read = (key: KeyText, text: string, epoch: number | undefined): MaybePromise<Proof> => {
    const { id } = key;
    const digest = secrets.digestKey(key);
    return map(store.findHot(id), (row) => {
      const secret = provenSecret(row?.secrets ?? [], digest, clock.now());
      if (!row || !secret) return UNKNOWN;
      const { roles, scopes, allowedIps, rateLimit } = row.limits;
      const name = `${row.userId}|${roles}|${scopes}|${allowedIps}|${rateLimit}`;
      const before = epoch === undefined ? undefined : memory.findAllowance(name);
      const allowed =
        before ??
        map(store.findCheckUser(row.userId), (user) => user && allowanceOf(user, limitsOf(row.limits)));
      return map(allowed, (allowance) => {
        if (!allowance) return UNKNOWN;
        const times = { ...row, createdAt: secret.createdAt };
        const isLasting = row.secrets.length === 1 && secret.endsAt === null;
        if (epoch !== undefined && isLasting && row.pausedAt === null && row.revokedAt === null)
          memory.keep(id, name, { text, allowance, endsAt: endOf(times, allowance) }, epoch);
        return { ok: true, id, allowance, times };
      });
    });
  };
  return (text) => {
    const stamp = store.stamp();
    const epoch = stamp === undefined ? undefined : memory.enter(stamp);
    const id = keyIdOf(text);
    const found = epoch === undefined || id === undefined ? undefined : memory.find(id, text);
    if (found && id !== undefined) {
      const times = { expiresAt: found.endsAt, pausedAt: null, revokedAt: null, createdAt: Infinity };
      return { ok: true, id, allowance: found.allowance, times };
    }
    // What is in memory was well formed once; only what is not has to show that it is.
    const key = parseKeyText(text);
    return key.ok ? read(key, text, epoch) : { ok: false, reason: "malformed", fault: key.fault };
  };
}

/** The secret that this digest is of, while it lasts. Looks at all of them. */
function provenSecret<One extends Secret>(
  stored: readonly One[],
  digest: Uint8Array,
  now: number,
): One | undefined {
  if (stored.length === 0) equalBytes(NO_DIGEST, digest);
  let proven: One | undefined;
  for (const secret of stored) {
    if (equalBytes(secret.digest, digest) && !isExpired(secret.endsAt, now)) proven = secret;
  }
  return proven;
}

function endOf({ expiresAt, createdAt }: Times, { lifetimeMs }: Allowance): number {
  return Math.min(expiresAt ?? Infinity, lifetimeMs === null ? Infinity : createdAt + lifetimeMs);
}

function faultOf(times: Times, allowance: Allowance, need: Need, now: number): RefusalReason | undefined {
  const { user } = allowance;
  const { origin, username, scope } = need;
  if (username !== undefined && username !== user.username) return "unknown";
  if (times.revokedAt !== null) return "revoked";
  if (times.pausedAt !== null) return "paused";
  if (endOf(times, allowance) <= now) return "expired";
  if (user.lockedAt !== null) return "user_locked";
  if (user.roles.length === 0) return "no_roles";
  if (origin && origin.transport !== "secure") return "insecure_transport";
  const address = need.address === undefined ? (origin?.address ?? null) : need.address;
  if (!isAllowedFrom(allowance, address)) return "address_not_allowed";
  if (scope !== undefined && !coversNeed(allowance, { scopes: [scope] })) return "scope_missing";
  return coversNeed(allowance, need) ? undefined : "scope_missing";
}

/** From the key's own limit and from its user's, both or neither. null: there is none. */
function spend(
  store: VerifyDeps["store"],
  { id, allowance }: Known,
  { cost = 1 }: Need,
  now: number,
): MaybePromise<RateState | null> {
  const { rate, userRate, user } = allowance;
  if (rate === null && userRate === null) return null;
  const own = rate && store.takeRate("key", id, { rule: rate, cost, now });
  if (userRate === null) return own;
  return map(own, (key) => {
    if (key && !key.ok) return key;
    return map(store.takeRate("user", user.id, { rule: userRate, cost, now }), (all) => {
      if (all.ok) return key && key.remaining <= all.remaining ? key : all;
      return key ? map(store.giveBackRate("key", id, cost), () => all) : all;
    });
  });
}

function map<From, To>(value: MaybePromise<From>, to: (value: From) => MaybePromise<To>): MaybePromise<To> {
  return value instanceof Promise ? value.then(to) : to(value);
}
