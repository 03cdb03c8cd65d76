import { DAY_MS } from "@chatelaine/contract/instant";
import { REVOKED_AT_ONCE_MAX, SOON_DAYS, USE_DAYS } from "@chatelaine/contract/limits";
import { Key } from "@chatelaine/contract/operations/key-entry";
import { KEY_ORDERS } from "@chatelaine/contract/orders";
import { requireRole } from "../../domain/caller.ts";
import { AppError, refuseIssues } from "../../domain/errors.ts";
import type { Condition } from "../../domain/filter.ts";
import { keptTextIssues } from "../../domain/kept-text.ts";
import { type Key as KeyRecord, type KeySecret, lastInstant, listSortKey } from "../../domain/key.ts";
import { parseKeyText } from "../../domain/key-text.ts";
import type { Call, Handlers, NamesOf } from "./call.ts";
import { runIdempotent, withIdempotencyKey } from "./idempotency.ts";
import { all, any, fieldsOf, type Listing, ordersBy, readPage, test } from "./pages.ts";
import { refusedText } from "./problem.ts";

const SOON_MS = SOON_DAYS * DAY_MS;

const KEYS: Listing = {
  orders: {
    ...ordersBy(KEY_ORDERS),
    // Active first, furthest end first, then those whose owner has no role, is locked, then paused, then revoked.
    status: [
      { path: ["revokedAt"] },
      { path: ["pausedAt"] },
      { path: ["isOwnerLocked"], of: (key: KeyRecord) => key.owner.lockedAt !== null },
      { path: ["isOwnerRoleless"], of: (key: KeyRecord) => key.owner.roles.length === 0 },
      { path: ["lastInstantAt"], of: dateOfEnd, descending: true, nulls: "last" },
    ],
    expires_at: [{ path: ["expiresAt"], nulls: "last" }],
    ends_at: [{ path: ["lastInstantAt"], of: dateOfEnd, nulls: "last" }],
    tags: [{ path: ["tagsInOrder"], of: (key: KeyRecord) => listSortKey(key.tags) }],
    // All of the user's stands last: it is the most.
    scopes: [{ path: ["scopesInOrder"], of: (key: KeyRecord) => listSortKey(key.scopes), nulls: "last" }],
  },
  defaultOrder: "-created_at",
  fields: fieldsOf(
    Key,
    "local",
    "status",
    "ends_at",
    "revoked",
    "roles",
    "scopes",
    "allowed_ips",
    "rate_limit",
    "editable",
  ),
  words: [["searchText"]],
  wholeWords: [["hint"]],
};

function dateOfEnd(key: KeyRecord): Date | null {
  const end = lastInstant(key);
  return end === null ? null : new Date(end);
}

type KeyCall = Pick<Call<"keys.create" | "keys.reset" | "self.reset">, "caller" | "deps">;
type Asked = Pick<Call, "caller" | "deps">;

const USE_MS = USE_DAYS * DAY_MS;

export const keyHandlers: Handlers<NamesOf<"keys"> | NamesOf<"self"> | NamesOf<"decisions">> = {
  "keys.list": async (call) => {
    const { query, deps } = call;
    if (query.latestUse) await writeUse(deps);
    return listKeys(call, query, [...idFilters(query.ids), ...keyFilters(query, deps.clock.now())]);
  },
  "keys.mine": (call) => {
    const { caller, query, deps } = call;
    const own = test(["userId"], "=", caller.userId);
    return listKeys(call, query, [own, ...keyFilters(query, deps.clock.now())]);
  },
  // Answered before REST is asked, by the bare route of transport/check.
  "keys.verify": async () => {
    throw new AppError("forbidden", "You may not ask about keys of others");
  },
  "keys.get": async (call) => {
    const { caller, params, query, deps } = call;
    if (query.latestUse) await writeUse(deps);
    return entry(await deps.keys.get(caller, params.id), call);
  },
  "keys.clients": async ({ caller, params, deps }) => {
    const entries = (await deps.usage.clients(caller, params.id)).map(({ at, ...client }) => ({
      ...client,
      lastUsedAt: at,
    }));
    return { entries, total: entries.length };
  },
  "keys.use": async ({ caller, params, query, deps }) => {
    const since = query.since ?? deps.clock.now() - USE_MS;
    return deps.usage.report(caller, params.id, since);
  },
  "decisions.get": async ({ caller, params, deps }) => {
    const { keyId, name, ...refusal } = await deps.usage.why(caller, params.id);
    return { ...refusal, key: { id: keyId, name } };
  },
  "keys.create": async (call) => {
    const { body, deps } = call;
    const caller = withIdempotencyKey(call, "keys.create");
    const input = body;
    const make = () => deps.keys.create(caller, input);
    const { key, secret } = await runIdempotent(deps.keys, caller, make, (id) =>
      freshSecret({ ...call, caller }, id),
    );
    return { ...entry(key, call), ...secretMembers(secret, call.query.scram) };
  },
  "keys.update": async (call) => {
    const { params, body, deps } = call;
    const caller = withIdempotencyKey(call, "keys.update");
    const change = body;
    const update = () => deps.keys.update(caller, params.id, change);
    const key = await runIdempotent(deps.keys, caller, update, async (id) => deps.keys.get(caller, id));
    return entry(key, call);
  },
  "keys.reset": async (call) => {
    const { params, body, deps } = call;
    const caller = withIdempotencyKey(call, "keys.reset");
    const reset = () => deps.keys.reset(caller, params.id, body);
    const { result, receipt } = await call.receipts.of(() =>
      runIdempotent(deps.keys, caller, reset, (id) => freshSecret({ ...call, caller }, id)),
    );
    return { ...entry(result.key, call), ...secretMembers(result.secret, call.query.scram), receipt };
  },
  "keys.pause": (call) => ended(call, () => call.deps.keys.pause(call.caller, call.params.id)),
  "keys.resume": async (call) => entry(await call.deps.keys.resume(call.caller, call.params.id), call),
  "keys.revoke": (call) => {
    const { params, body, deps } = call;
    const caller = withIdempotencyKey(call, "keys.revoke");
    const revoke = () => deps.keys.revoke(caller, params.id, body.reason);
    return ended(call, () =>
      runIdempotent(deps.keys, caller, revoke, async (id) => deps.keys.get(caller, id)),
    );
  },
  "keys.remove": async ({ caller, params, deps, receipts }) => {
    const { receipt } = await receipts.of(() => deps.keys.remove(caller, params.id));
    return { id: params.id, receipt };
  },
  "keys.revokeMany": (call) => revokeMany(call),
  "keys.scram": async ({ caller, body, deps }) => {
    requireRole(caller, "API_KEY_READ");
    const text = parseKeyText(body.key.trim());
    if (!text.ok) throw refusedText(text.fault);
    const scram = await deps.keys.convert(caller, text);
    if (scram === "missing") throw new AppError("not_found", `There is no key ${text.id}`);
    if (scram === "revoked") throw new AppError("conflict", `The key ${text.id} is revoked or paused`);
    return { apiKeyId: text.id, ...scramMembers(scram) };
  },
  "self.get": async (call) => entry(await call.deps.keys.self.get(call.caller), call),
  "self.reset": async (call) => {
    const { body, deps } = call;
    const caller = withIdempotencyKey(call, "self.reset");
    const reset = () => deps.keys.self.reset(caller, body.expiresAt);
    const { result, receipt } = await call.receipts.of(() =>
      runIdempotent(deps.keys, caller, reset, (id) => freshSecret({ ...call, caller }, id)),
    );
    return { ...entry(result.key, call), ...secretMembers(result.secret, call.query.scram), receipt };
  },
  "self.revoke": (call) => {
    const { body, deps } = call;
    const caller = withIdempotencyKey(call, "self.revoke");
    const revoke = () => deps.keys.self.revoke(caller, body.reason);
    return ended(call, () => runIdempotent(deps.keys, caller, revoke, () => deps.keys.self.get(caller)));
  },
};

function entry(key: KeyRecord, { caller, deps }: Asked) {
  return deps.keys.entryOf(caller, key);
}

async function ended(call: Asked & Pick<Call, "receipts">, work: () => Promise<KeyRecord>) {
  const { result, receipt } = await call.receipts.of(work);
  return { ...entry(result, call), receipt };
}

/** What a new key's holder may know once. */
function secretMembers({ text, scram }: KeySecret, withScram: boolean | undefined) {
  return withScram ? { key: text, scram: scramMembers(scram) } : { key: text };
}

function scramMembers({ iterations, ...parts }: KeySecret["scram"]) {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  const { salt, clientKey, storedKey, serverKey } = parts;
  return {
    iterations,
    salt: base64(salt),
    clientKey: base64(clientKey),
    storedKey: base64(storedKey),
    serverKey: base64(serverKey),
  };
}

/** What was noted so far of the use of keys, by every way in. */
async function writeUse({ usage }: Call["deps"]): Promise<void> {
  await usage.flush();
}

/**
 * The first answer's key is stored nowhere, so anyone who lost it gets another under the same id, as long as nobody has used
 * or changed the first.
 */
async function freshSecret(call: KeyCall, id: number): Promise<{ key: KeyRecord; secret: KeySecret }> {
  const { deps, caller } = call;
  await deps.usage.flush();
  const find = async (): Promise<KeyRecord> => deps.keys.get(caller, id);
  const key = await find().catch(() => undefined);
  if (!key || !(await deps.keys.isAsLeft(caller, key))) {
    throw new AppError("conflict", `The key ${id} was used or changed since; reset it to get a new one`);
  }
  const asAgain = caller.idempotency
    ? { ...caller, idempotency: { ...caller.idempotency, isAgain: true as const } }
    : caller;
  return deps.keys.reset(asAgain, id, { version: key.version });
}

function listKeys(call: Asked, query: Call<"keys.mine">["query"], filters: readonly Condition[]) {
  const { caller, deps } = call;
  return readPage(
    KEYS,
    query,
    filters,
    (wanted) => deps.keys.list(caller, wanted),
    (key) => entry(key, call),
  );
}

function keyFilters(query: Partial<Call<"keys.list">["query"]>, now: number): Condition[] {
  const filters: Condition[] = [];
  if (query.username) filters.push(test(["username"], "in", query.username));
  if (query.status) filters.push(any(query.status.map((status) => statusFilter(status, now))));
  for (const tag of query.tag ?? []) filters.push(test(["tags"], "rin", tag));
  if (query.expiresBefore) filters.push(test(["expiresAt"], "<", new Date(query.expiresBefore)));
  if (query.unusedSince) {
    const used = test(["lastUsedAt"], "<", new Date(query.unusedSince));
    filters.push(any([test(["lastUsedAt"], "=", null), used]));
  }
  return filters;
}

function idFilters(ids: readonly number[] | undefined): Condition[] {
  return ids ? [test(["id"], "in", ids)] : [];
}

/** Each as `keyState` tells it: what comes first there is ruled out by the others. */
function statusFilter(status: string, now: number): Condition {
  const at = new Date(now);
  const isAfter = (member: string, when: Date) => any([test([member], "=", null), test([member], ">", when)]);
  const usable = [test(["revokedAt"], "=", null), test(["pausedAt"], "=", null)];
  const unexpired = [...usable, test(["hasExpired"], "=", false), isAfter("expiresAt", at)];
  const living = [...unexpired, isAfter("limitEndsAt", at)];
  const owned = [...living, test(["isOwnerLocked"], "=", false)];
  const active = [...owned, test(["isOwnerRoleless"], "=", false)];
  switch (status) {
    case "revoked":
      return test(["revokedAt"], "!=", null);
    case "paused":
      return all([test(["revokedAt"], "=", null), test(["pausedAt"], "!=", null)]);
    case "expired":
      return all([...usable, any([test(["hasExpired"], "=", true), test(["expiresAt"], "<=", at)])]);
    case "past_limit":
      return all([...unexpired, test(["limitEndsAt"], "<=", at)]);
    case "user_locked":
      return all([...living, test(["isOwnerLocked"], "=", true)]);
    case "no_roles":
      return all([...owned, test(["isOwnerRoleless"], "=", true)]);
    case "expires_soon":
      return all([...active, test(["lastInstantAt"], "<=", new Date(now + SOON_MS))]);
    default:
      return all(active);
  }
}

async function revokeMany(call: Call<"keys.revokeMany">) {
  const { caller, body, deps, receipts } = call;
  requireRole(caller, "API_KEY_WRITE", "READONLY_ADMIN", "KEY_HOLDER");
  const { ids, username, tag, reason } = body;
  refuseIssues(keptTextIssues({ reason }));
  const filters = [
    ...idFilters(ids),
    ...keyFilters(
      {
        username: username === undefined ? undefined : [username],
        tag: tag === undefined ? undefined : [tag],
      },
      0,
    ),
  ];
  if (filters.length === 0) {
    const message = "Say which keys: ids, username or tag";
    throw new AppError("invalid", message, { issues: [{ path: [], code: "shape", message }] });
  }
  const own = caller.roles.has("API_KEY_WRITE") ? [] : [test(["userId"], "=", caller.userId)];
  const where = all([...filters, ...own, test(["revokedAt"], "=", null)]);
  const found = (await deps.keys.list(caller, { where, limit: REVOKED_AT_ONCE_MAX + 1 })).rows;
  const more = found.length > REVOKED_AT_ONCE_MAX;
  const rows = callersLast(caller, found.slice(0, REVOKED_AT_ONCE_MAX), more);
  const refused: { id: number; code: AppError["code"]; detail: string }[] = [];
  const revoke = async (): Promise<void> => {
    for (const [done, key] of rows.entries()) {
      await deps.keys.revoke(caller, key.id, reason).catch((error: unknown) => {
        if (!(error instanceof AppError) || error.code === "internal") throw error;
        if (error.code === "credential_ended") throw endedAfter(error, done - refused.length, rows.length);
        refused.push({ id: key.id, code: error.code, detail: error.message });
      });
    }
  };
  const receipt = body.dryRun ? null : (await receipts.of(revoke)).receipt;
  const isRefused = new Set(refused.map(({ id }) => id));
  const keys = rows.filter(({ id }) => !isRefused.has(id)).map((key) => entry(key, call));
  return { dryRun: body.dryRun, count: keys.length, more, keys, refused, receipt };
}

/** Whose key is among them ends by it, and could revoke no other then: it is the last one, of the last call. */
function callersLast(
  { key }: Call["caller"],
  rows: readonly KeyRecord[],
  more: boolean,
): readonly KeyRecord[] {
  const others = rows.filter(({ id }) => id !== key?.id);
  return more ? others : [...others, ...rows.filter(({ id }) => id === key?.id)];
}

function endedAfter(error: AppError, done: number, all: number): AppError {
  if (done === 0) return error;
  const message = `The key or session that asked has ended meanwhile; ${done} of ${all} keys were revoked before`;
  return new AppError(error.code, message);
}
