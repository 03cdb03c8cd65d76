/**
 * Tokens that wait to be used, by their digest, with the line of sessions and tokens that each hangs on: whatever in it
 * ends takes the token with it, in one statement, however long the line.
 */
import type { Kysely, Selectable } from "kysely";
import type { Tables, TokenRow } from "./schema.ts";
import type { NewToken, StoredToken, WaitingToken } from "./store.ts";

type Db = Kysely<Tables>;
type Named = Selectable<TokenRow> & {
  username: string;
  key_name: string | null;
  key_expires_at: number | null;
};

/** Of a token's line, the nearest. Only sessions that live are in it, so no client comes near. */
const LINE_MAX = 64;
const HOLDERS_AT_ONCE = 500;

function namedTokens(db: Db) {
  return db
    .selectFrom("tokens")
    .innerJoin("users", "users.id", "tokens.user_id")
    .leftJoin("keys", "keys.id", "tokens.key_id")
    .selectAll("tokens")
    .select(["users.username", "keys.name as key_name", "keys.expires_at as key_expires_at"]);
}

export async function findToken(db: Db, digest: Uint8Array): Promise<StoredToken | undefined> {
  const row = await namedTokens(db).where("tokens.digest", "=", digest).executeTakeFirst();
  return row && { ...tokenOf(row), line: await lineOf(db, row.id) };
}

export async function findSetupToken(db: Db, digest: Uint8Array): Promise<number | undefined> {
  const row = await db
    .selectFrom("setup_tokens")
    .select("ends_at")
    .where("digest", "=", digest)
    .executeTakeFirst();
  return row?.ends_at;
}

/** By time of making. */
export async function listTokens(db: Db, now: number): Promise<readonly WaitingToken[]> {
  const rows = await namedTokens(db)
    .where("tokens.ends_at", ">", now)
    .orderBy("tokens.created_at")
    .orderBy("tokens.id")
    .execute();
  return rows.map(tokenOf);
}

export async function hasEndedTokens(db: Db, now: number): Promise<boolean> {
  const row = await db
    .selectFrom("tokens")
    .select("id")
    .where("ends_at", "<=", now)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export async function dropEndedTokens(db: Db, now: number): Promise<void> {
  await db.deleteFrom("tokens").where("ends_at", "<=", now).execute();
}

/** How many there are of this session, with those made by way of them, and of this user. */
export async function countTokens(
  db: Db,
  of: { readonly sessionId: string; readonly userId: number },
): Promise<{ readonly ofSession: number; readonly ofUser: number }> {
  const session = await db
    .selectFrom("token_lines")
    .select(({ fn }) => fn.countAll<number>().as("total"))
    .where("holder_id", "=", of.sessionId)
    .executeTakeFirstOrThrow();
  const user = await db
    .selectFrom("tokens")
    .select(({ fn }) => fn.countAll<number>().as("total"))
    .where("user_id", "=", of.userId)
    .executeTakeFirstOrThrow();
  return { ofSession: Number(session.total), ofUser: Number(user.total) };
}

export async function putToken(db: Db, token: NewToken, digest: Uint8Array): Promise<void> {
  const { root, origin, line } = token;
  await db
    .insertInto("tokens")
    .values({
      id: token.id,
      digest,
      user_id: root.userId,
      key_id: root.key?.id ?? null,
      secret: root.key?.secret ?? null,
      methods: JSON.stringify(root.methods),
      login_id: root.loginId,
      login_at: root.loginAt,
      password_changed_at: root.passwordChangedAt,
      ttl_ms: token.ttlMs,
      created_at: token.createdAt,
      used_at: token.createdAt,
      ends_at: token.createdAt + token.ttlMs,
      address: origin.address,
      client: origin.client,
      secure: origin.transport === "secure" ? 1 : 0,
      match_address: token.matchesAddress ? 1 : 0,
      opens_sessions: token.opensSessions ? 1 : 0,
      single_use: token.isSingleUse ? 1 : 0,
    })
    .execute();
  const holders = [...new Set(line)].slice(0, LINE_MAX);
  await db
    .insertInto("token_lines")
    .values(holders.map((holder_id) => ({ holder_id, token_id: token.id })))
    .execute();
}

/** Of two at once one gets it. @returns whose it was, and whether it was still good */
export async function spendToken(
  db: Db,
  id: string,
  now: number,
): Promise<{ readonly userId: number; readonly isGood: boolean } | undefined> {
  const row = await db
    .deleteFrom("tokens")
    .where("id", "=", id)
    .returning(["user_id", "ends_at"])
    .executeTakeFirst();
  return row && { userId: row.user_id, isGood: row.ends_at > now };
}

export async function touchToken(db: Db, id: string, now: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("tokens")
    .set(({ eb }) => ({ used_at: now, ends_at: eb("ttl_ms", "+", now) }))
    .where("id", "=", id)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Those that are, or hang on, any of these. */
export async function endTokensBy(db: Db, holders: readonly string[]): Promise<number> {
  const hanging = db.selectFrom("token_lines").select("token_id").where("holder_id", "in", holders);
  const { numDeletedRows } = await db
    .deleteFrom("tokens")
    .where(({ or, eb }) => or([eb("id", "in", holders), eb("id", "in", hanging)]))
    .executeTakeFirst();
  return Number(numDeletedRows);
}

export async function endTokensOf(
  db: Db,
  whose: { readonly userId: number } | { readonly keyId: number } | "everybody",
): Promise<number> {
  let all = db.deleteFrom("tokens");
  if (whose !== "everybody")
    all = "userId" in whose ? all.where("user_id", "=", whose.userId) : all.where("key_id", "=", whose.keyId);
  return Number((await all.executeTakeFirst()).numDeletedRows);
}

/** They will never end anything again: a line holds no more than what may. */
export async function leaveTokenLines(db: Db, holders: readonly string[]): Promise<void> {
  for (let from = 0; from < holders.length; from += HOLDERS_AT_ONCE)
    await db
      .deleteFrom("token_lines")
      .where("holder_id", "in", holders.slice(from, from + HOLDERS_AT_ONCE))
      .execute();
}

async function lineOf(db: Db, tokenId: string): Promise<readonly string[]> {
  const rows = await db
    .selectFrom("token_lines")
    .select("holder_id")
    .where("token_id", "=", tokenId)
    .execute();
  return rows.map(({ holder_id }) => holder_id);
}

function tokenOf(row: Named): WaitingToken {
  return {
    id: row.id,
    root: {
      userId: row.user_id,
      username: row.username,
      key:
        row.key_id === null
          ? null
          : { id: row.key_id, name: row.key_name ?? "", expiresAt: row.key_expires_at, secret: row.secret! },
      methods: JSON.parse(row.methods),
      loginId: row.login_id,
      loginAt: row.login_at,
      passwordChangedAt: row.password_changed_at,
    },
    ttlMs: row.ttl_ms,
    createdAt: row.created_at,
    usedAt: row.used_at,
    endsAt: row.ends_at,
    address: row.address,
    client: row.client,
    secure: row.secure === 1,
    matchesAddress: row.match_address === 1,
    opensSessions: row.opens_sessions === 1,
    isSingleUse: row.single_use === 1,
  };
}
