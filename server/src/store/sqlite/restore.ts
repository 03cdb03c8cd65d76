/**
 * Carries out a restore in the database that is there, in one transaction: after it the database is as the plan says, before it, or
 * where anything fails, as it was. There is no moment between, whatever happens to the machine (held by `backup-crash.test.ts`).
 *
 * Numbers of keys, users, groups and changes go on beyond the backup's and the database's own, so that none is given twice.
 * Sessions, tokens, setup links and remembered requests end.
 */
import type { Database, SQLQueryBindings } from "bun:sqlite";
import type { AuditRecord } from "../../domain/audit.ts";
import { AppError } from "../../domain/errors.ts";
import { GAP } from "../quarantine.ts";
import type { Plan, Relation, Side } from "../restore-plan.ts";
import { auditColumns } from "../row-mappers.ts";
import type { Quarantine } from "../store.ts";
import { BACKUP_TABLES } from "./backup-tables.ts";
import { putQuarantine } from "./quarantine-mark.ts";

/** Name under which the image of a backup is attached. */
const BACKUP = "backup";
/** The action of the audit record of a restore. */
export const RESTORED = "restore.from_backup";

export function attachImage(database: Database, path: string): void {
  database.query(`ATTACH DATABASE ? AS ${BACKUP}`).run(path);
}

/** @param from `main`, or `backup` once it is attached */
export function readSide(database: Database, from: "main" | typeof BACKUP): Side {
  const all = <Row>(table: string): Row[] => database.query(`SELECT * FROM ${from}.${table}`).all() as Row[];
  const numbers = all<{ name: string; seq: number }>("sqlite_sequence");
  return {
    users: all("users"),
    groups: all("groups"),
    members: all("group_members"),
    keys: all("keys"),
    secrets: all("secrets"),
    settings: all("settings"),
    numbers: Object.fromEntries(numbers.map(({ name, seq }) => [name, seq])),
  };
}

/** Every change has its audit record, and those are never cut: whether the newest of one is in the other shows how they stand. */
export function relationOf(database: Database): Relation {
  const knows = (one: string, other: string): boolean =>
    database
      .query(
        `SELECT 1 FROM ${one}.audit WHERE id = (SELECT id FROM ${other}.audit ORDER BY seq DESC LIMIT 1)
         UNION ALL SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM ${other}.audit)`,
      )
      .get() !== null;
  if (knows("main", BACKUP)) return "after";
  return knows(BACKUP, "main") ? "before" : "apart";
}

/**
 * Whether the one that went on took an older backup as it was since. Its audit records are those of both, so it counts as the
 * one that went on, but its secrets may be the older ones.
 */
export function wentBack(database: Database, relation: Relation): boolean {
  const [one, other] = relation === "before" ? [BACKUP, "main"] : ["main", BACKUP];
  return (
    database
      .query(
        `SELECT 1 FROM ${one}.audit WHERE action = '${RESTORED}' AND json_extract(details, '$.as_it_was') = 1
         AND id NOT IN (SELECT id FROM ${other}.audit) LIMIT 1`,
      )
      .get() !== null
  );
}

export interface ApplyOptions {
  readonly plan: Plan;
  /** Of the backup. */
  readonly numbers: Readonly<Record<string, number>>;
  /** The last change that is known of this installation anywhere. */
  readonly change: number;
  readonly record: AuditRecord;
  readonly quarantine: Omit<Quarantine, "found" | "expected"> | undefined;
  /** What the installation is called where the database is new. */
  readonly installation: string | null;
}

/** @returns the number of its last change. @param database with the image attached, and nobody else on it */
export function applyPlan(database: Database, options: ApplyOptions): number {
  const { plan, record, quarantine } = options;
  database.run("PRAGMA foreign_keys = OFF");
  const apply = database.transaction((): number => {
    const { kept, ended } = BACKUP_TABLES.main;
    for (const table of [...ended, ...kept.filter((name) => name !== "audit")].reverse())
      database.run(`DELETE FROM main.${table}`);
    insertRows(database, "settings", plan.settings);
    insertRows(database, "users", plan.users);
    insertRows(database, "groups", plan.groups);
    insertRows(database, "group_members", plan.members);
    insertRows(database, "keys", plan.keys);
    // Their numbers are nobody's business, and two databases may have given the same.
    insertRows(
      database,
      "secrets",
      plan.secrets.map(({ id: _, ...secret }) => secret),
    );
    keepAudit(database);
    insertRows(database, "audit", [auditColumns(record)]);
    const change = moveNumbers(database, options);
    if (options.installation !== null)
      database.run("UPDATE main.meta SET value = ? WHERE name = 'installation'", [options.installation]);
    if (quarantine) putQuarantine(database, { ...quarantine, found: change, expected: change });
    if (database.query("PRAGMA main.foreign_key_check").get())
      throw new AppError("internal", "The restored rows do not fit each other");
    return change;
  });
  return apply.exclusive();
}

function insertRows(database: Database, table: string, rows: readonly object[]): void {
  const [first] = rows;
  if (!first) return;
  const names = Object.keys(first);
  const insert = database.prepare(
    `INSERT INTO main."${table}" (${names.map((name) => `"${name}"`).join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
  );
  for (const row of rows)
    insert.run(...names.map((name) => (row as Record<string, SQLQueryBindings>)[name] ?? null));
  insert.finalize();
}

/** What is recorded stays recorded; what the backup alone knows is added. */
function keepAudit(database: Database): void {
  const columns = database.query("SELECT name FROM pragma_table_info('audit') WHERE name <> 'seq'").all();
  const names = (columns as { name: string }[]).map(({ name }) => `"${name}"`).join(", ");
  database.run(
    `INSERT INTO main.audit (${names}) SELECT ${names} FROM ${BACKUP}.audit
     WHERE id NOT IN (SELECT id FROM main.audit) ORDER BY seq`,
  );
}

function moveNumbers(database: Database, { numbers, change, record }: ApplyOptions): number {
  const find = database.query("SELECT seq FROM main.sqlite_sequence WHERE name = ?");
  const highest = (name: string): number => (find.get(name) as { seq: number } | null)?.seq ?? 0;
  const put = (name: string, seq: number): void => {
    database.run("DELETE FROM main.sqlite_sequence WHERE name = ?", [name]);
    database.run("INSERT INTO main.sqlite_sequence (name, seq) VALUES (?, ?)", [name, seq]);
  };
  for (const [name, number] of Object.entries(numbers)) put(name, Math.max(number, highest(name)));
  const next = Math.max(change, highest("changes"), numbers.changes ?? 0) + GAP;
  insertRows(database, "changes", [
    {
      ...{ seq: next, at: record.at, kind: "settings", action: "changed", entity_id: 0, name: "settings" },
      ...{ user_id: null, ends: 0, spares: null },
    },
  ]);
  return next;
}
