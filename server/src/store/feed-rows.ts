/** Writing the numbered feed of changes, and cutting it: the last statements of a transaction, in the order of its changes. */
import { DAY_MS } from "@chatelaine/contract/instant";
import { type Kysely, sql } from "kysely";
import { SESSION_COMMITS, type Tables } from "./schema.ts";
import type { Change, FeedNote } from "./store.ts";

/** The feed keeps a week, at most so many changes and never fewer than the least. */
const FEED_AGE_MS_MAX = 7 * DAY_MS;
const FEED_ROWS_MAX = 100_000;
const FEED_ROWS_LEAST = 1_000;
const FEED_CUT_EVERY = 256;

export type FeedRow = Pick<Change, "kind" | "action" | "id" | "name" | "userId"> &
  FeedNote & {
    /** Its number, where it is not the next. */
    readonly seq?: number;
  };

export const SETTINGS_CHANGED: FeedRow = {
  kind: "settings",
  action: "changed",
  id: 0,
  name: "settings",
  userId: null,
};

/** No change of which an audit record must tell: what time has ended is dropped without one. */
export function sessionRow(
  action: "added" | "removed",
  { id, userId }: { readonly id: string; readonly userId: number },
): FeedRow {
  return { kind: "session", action, id: 0, name: id, userId, ends: action === "removed" };
}

export async function feed(
  db: Kysely<Tables>,
  { seq: given, kind, action, id, name, userId, ends, spares }: FeedRow,
  now: number,
): Promise<void> {
  const { seq } = await db
    .insertInto("changes")
    .values({
      ...(given !== undefined && { seq: given }),
      at: now,
      kind,
      action,
      entity_id: id,
      name,
      user_id: userId,
      ends: ends ? 1 : 0,
      spares: spares ?? null,
    })
    .returning("seq")
    .executeTakeFirstOrThrow();
  if (seq % FEED_CUT_EVERY === 0) await cutFeed(db, seq, now);
}

/**
 * One more commit that touched sessions and tokens alone: it forgets nothing that is remembered of keys (`sqlite/key-reads.ts`, held
 * by `server/test/session-commits.test.ts`).
 */
export async function countSessionCommit(db: Kysely<Tables>): Promise<void> {
  await db
    .insertInto("meta")
    .values({ name: SESSION_COMMITS, value: "1" })
    .onConflict((conflict) =>
      conflict.column("name").doUpdateSet({ value: sql`cast(cast(meta.value as bigint) + 1 as text)` }),
    )
    .execute();
}

/** Followers are told of changes within moments; one that slept for longer than it is kept is told by `poll`. */
async function cutFeed(db: Kysely<Tables>, newest: number, now: number): Promise<void> {
  await db
    .deleteFrom("changes")
    .where("seq", "<=", newest - FEED_ROWS_LEAST)
    .where(({ or, eb }) =>
      or([eb("seq", "<=", newest - FEED_ROWS_MAX), eb("at", "<", now - FEED_AGE_MS_MAX)]),
    )
    .execute();
}
