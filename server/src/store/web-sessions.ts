/** Browsers that are signed in, and what requests with an `Idempotency-Key` have done. */
import type { Kysely, Selectable } from "kysely";
import { AppError } from "../domain/errors.ts";
import type { Tables, WebSessionRow } from "./schema.ts";
import type { IdempotencyRecord, KeptIdempotencyRecord, Transaction, WebSession } from "./store.ts";

type Db = Kysely<Tables>;

export async function findWebSession(
  db: Db,
  by: { readonly digest: Uint8Array } | { readonly id: string },
): Promise<WebSession | undefined> {
  const all = db.selectFrom("web_sessions").selectAll();
  const one = "id" in by ? all.where("id", "=", by.id) : all.where("digest", "=", by.digest);
  const row = await one.executeTakeFirst();
  return row && sessionOf(row);
}

export async function listWebSessions(db: Db): Promise<readonly WebSession[]> {
  const rows = await db.selectFrom("web_sessions").selectAll().orderBy("created_at").orderBy("id").execute();
  return rows.map(sessionOf);
}

export async function putWebSession(
  db: Db,
  session: WebSession,
  digest: Uint8Array,
  dead: Parameters<Transaction["putWebSession"]>[2],
): Promise<void> {
  await db
    .deleteFrom("web_sessions")
    .where((where) =>
      where.or([where("seen_at", "<", dead.seenBefore), where("created_at", "<", dead.createdBefore)]),
    )
    .execute();
  await db
    .insertInto("web_sessions")
    .values({
      id: session.id,
      digest,
      user_id: session.userId,
      created_at: session.createdAt,
      seen_at: session.seenAt,
      address: session.address,
      client: session.client,
      secure: session.secure ? 1 : 0,
      methods: JSON.stringify(session.methods),
    })
    .execute();
}

export async function touchWebSession(db: Db, id: string, seenAt: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("web_sessions")
    .set({ seen_at: seenAt })
    .where("id", "=", id)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function removeWebSessions(
  db: Db,
  which: { readonly id: string } | { readonly otherThan: string },
): Promise<readonly WebSession[]> {
  const all = db.deleteFrom("web_sessions").returningAll();
  const some = "id" in which ? all.where("id", "=", which.id) : all.where("id", "<>", which.otherThan);
  return (await some.execute()).map(sessionOf);
}

/** @param spares the one that lives on, such as the one that changed its own password */
export async function endWebSessionsOf(db: Db, userId: number, spares: string | null): Promise<void> {
  const his = db.deleteFrom("web_sessions").where("user_id", "=", userId);
  await (spares === null ? his : his.where("id", "<>", spares)).execute();
}

export async function findRequest(db: Db, digest: Uint8Array): Promise<KeptIdempotencyRecord | undefined> {
  const row = await db.selectFrom("once").selectAll().where("digest", "=", digest).executeTakeFirst();
  return row && { digest: row.digest, request: row.request, entityId: row.entity_id, at: row.at };
}

/** @param since from when on one counts */
export async function putRequests(
  db: Db,
  once: readonly IdempotencyRecord[],
  { now, since, isSweeping }: { readonly now: number; readonly since: number; readonly isSweeping: boolean },
): Promise<void> {
  if (isSweeping) await db.deleteFrom("once").where("at", "<", since).execute();
  const { numInsertedOrUpdatedRows } = await db
    .insertInto("once")
    .values(once.map(({ digest, request, entityId }) => ({ digest, request, entity_id: entityId, at: now })))
    .onConflict((conflict) =>
      conflict
        .column("digest")
        .doUpdateSet(({ ref }) => ({
          request: ref("excluded.request"),
          entity_id: ref("excluded.entity_id"),
          at: ref("excluded.at"),
        }))
        .where("once.at", "<", since),
    )
    .executeTakeFirst();
  if (Number(numInsertedOrUpdatedRows) !== once.length)
    throw new AppError("conflict", "The same request is under way");
}

export function sessionOf(row: Selectable<WebSessionRow>): WebSession {
  return {
    id: row.id,
    userId: row.user_id,
    createdAt: row.created_at,
    seenAt: row.seen_at,
    address: row.address,
    client: row.client,
    secure: row.secure === 1,
    methods: JSON.parse(row.methods),
  };
}
