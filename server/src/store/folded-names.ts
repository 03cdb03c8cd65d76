/**
 * Names of users and groups are unique without regard to case, by a unique index over `folded_name`. Twins, which were there
 * before it, have none in it: they stay and work, no third one joins them, and each gets its own as soon as it is alone (held by
 * `server/test/twins.test.ts`).
 */
import { type Kysely, sql } from "kysely";
import { foldName, type Twins } from "../domain/names.ts";
import type { Tables } from "./schema.ts";

export type Named = Twins["kind"];

/** A name that is to be given, and the number of the one that may have it. */
export interface WantedName {
  readonly name: string;
  readonly but?: number;
}

/** Names that are listed, of all twins of a kind. */
const TWINS_MAX = 1_000;
const PLACES = {
  user: { table: "users", name: "username" },
  group: { table: "groups", name: "name" },
} as const;

/** By another one, in whichever case. */
export async function isNameTaken(
  db: Kysely<Tables>,
  kind: Named,
  { name, but = 0 }: WantedName,
): Promise<boolean> {
  const { table, name: column } = PLACES[kind];
  const folded = foldName(name);
  const others = db.selectFrom(table).select("id").where("id", "<>", but);
  if (await others.where("folded_name", "=", folded).executeTakeFirst()) return true;
  const twin = others.where("folded_name", "is", null).where(sql`lower(${sql.ref(column)})`, "=", folded);
  return (await twin.executeTakeFirst()) !== undefined;
}

/** After a name was given up: anyone who is alone with it now is nobody's twin any more. */
export async function settleTwins(db: Kysely<Tables>, kind: Named, name: string): Promise<void> {
  const { table, name: column } = PLACES[kind];
  const folded = foldName(name);
  const left = await db
    .selectFrom(table)
    .select("id")
    .where("folded_name", "is", null)
    .where(sql`lower(${sql.ref(column)})`, "=", folded)
    .limit(2)
    .execute();
  const [one] = left;
  if (one && left.length === 1)
    await db.updateTable(table).set({ folded_name: folded }).where("id", "=", one.id).execute();
}

export async function listTwins(db: Kysely<Tables>): Promise<readonly Twins[]> {
  const [users, groups] = await Promise.all([twinsOf(db, "user"), twinsOf(db, "group")]);
  return [...users, ...groups];
}

async function twinsOf(db: Kysely<Tables>, kind: Named): Promise<Twins[]> {
  const { table, name: column } = PLACES[kind];
  const rows = await db
    .selectFrom(table)
    .select([sql<string>`${sql.ref(column)}`.as("called"), "created_at"])
    .where("folded_name", "is", null)
    .orderBy("id")
    .limit(TWINS_MAX)
    .execute();
  const sets = [...Map.groupBy(rows, ({ called }) => foldName(called)).values()];
  return sets
    .filter((set) => set.length > 1)
    .map((set) => ({
      kind,
      names: set.map(({ called }) => called).sort(),
      since: set.map(({ created_at }) => created_at).sort((a, b) => a - b)[1]!,
    }));
}

/** What a restore leaves: anyone who is alone with a name has it, twins that come together have none. */
export function foldedNames<Row extends object>(rows: readonly Row[], nameOf: (row: Row) => string): Row[] {
  const counts = Map.groupBy(rows, (row) => foldName(nameOf(row)));
  return rows.map((row) => {
    const folded = foldName(nameOf(row));
    return { ...row, folded_name: counts.get(folded)?.length === 1 ? folded : null };
  });
}
