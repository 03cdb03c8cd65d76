/**
 * What a restore makes of a backup and of the database that is there: every row that will be, and for people what comes
 * back, what stays dead and what is lost. It only reads; `restore.ts` carries it out.
 *
 * Where the present database went on from the backup, or apart from it, nothing that it knows to have ended comes back:
 * revoked, paused, expired, reset, deleted, locked, demoted, limited (held by `restore-plan.test.ts`). Where the backup went on
 * from the present database, it knows all that the database knows, and is taken as it is. But one that took an older backup as
 * it was since has older secrets again: then, and where both went on apart, the newer secret of each row counts in every relation.
 */
import type { Selectable } from "kysely";
import type { Settings } from "../domain/settings.ts";
import { foldedNames } from "./folded-names.ts";
import { rightsColumns, union } from "./member-rights.ts";
import {
  applyRules,
  GROUP_RULES,
  KEY_RULES,
  SETTING_RULES,
  type StoredGroup,
  type StoredKey,
  type StoredUser,
  settingsOf,
  USER_RULES,
} from "./restore-rules.ts";
import type { SecretRow } from "./schema.ts";
import { keySearchText, userSearchText } from "./search-text.ts";

export type Secret = Selectable<SecretRow>;

/** One database as far as a restore is about it. */
export interface Side {
  readonly users: readonly StoredUser[];
  readonly groups: readonly StoredGroup[];
  readonly members: readonly { readonly group_id: number; readonly user_id: number }[];
  readonly keys: readonly StoredKey[];
  readonly secrets: readonly Secret[];
  readonly settings: readonly { readonly name: string; readonly value: string }[];
  /** The highest numbers that were given, by table. */
  readonly numbers: Readonly<Record<string, number>>;
}

/**
 * How the present database stands to the backup: it went on from it, or is the same (`after`); the backup went on from it
 * (`before`); both went on from a third (`apart`); there is none (`none`).
 */
export type Relation = "after" | "before" | "apart" | "none";

interface Named {
  readonly kind: "key" | "user" | "group";
  readonly id: number;
  readonly name: string;
}

export interface Report {
  /** Keys that are good and users who are not locked afterwards, and are not so now. */
  readonly revived: readonly Named[];
  /** What the backup has and stays ended, or narrower, and by what. */
  readonly keptDead: readonly (Named & { readonly because: readonly string[] })[];
  /** What is there now, and not in the backup. */
  readonly gone: readonly Named[];
  /** What differs afterwards from now. */
  readonly changed: readonly (Named & { readonly fields: readonly string[] })[];
  /** Names of settings, with their values now and afterwards. */
  readonly settings: Readonly<Record<string, readonly [now: unknown, then: unknown]>>;
  /** Afterwards. */
  readonly users: number;
  readonly keys: number;
  readonly goodKeys: number;
  /** Users who may do everything and are not locked, afterwards. */
  readonly administrators: number;
}

export interface Plan extends Omit<Side, "numbers"> {
  readonly report: Report;
}

export interface PlanOptions {
  readonly relation: Relation;
  /** Whether the one that went on took an older backup as it was on its way. */
  readonly wentBack?: boolean;
  readonly now: number;
}

const NOTHING: Side = {
  users: [],
  groups: [],
  members: [],
  keys: [],
  secrets: [],
  settings: [],
  numbers: {},
};

export function planRestore(backup: Side, present: Side | undefined, options: PlanOptions): Plan {
  const { relation, now } = options;
  const keeps = relation === "after" || relation === "apart";
  const there = present ?? NOTHING;
  const kept: (Named & { because: readonly string[] })[] = [];
  const merge = new Merge(backup, there, options, kept);
  const groups = merge.groups();
  const users = merge.users();
  const keys = merge.keys(users);
  const members = merge.members(groups, users);
  const settings = keeps ? mergedSettings(backup, there) : [...backup.settings];
  const whole = withFollowing({ users, groups, members, keys });
  const plan = { ...whole, secrets: merge.secrets(whole.keys), settings };
  return { ...plan, report: reportOf(plan, there, kept, now) };
}

/** Members that the types hold: one that is added to a table has a rule. */
class Merge {
  readonly #backup: Side;
  readonly #present: Side;
  readonly #keeps: boolean;
  readonly #relation: Relation;
  /** Else the one that went on has the newer secrets, whatever the clocks said. */
  readonly #byTime: boolean;
  readonly #kept: (Named & { because: readonly string[] })[];
  /** Of backup and present: when the newest secret of each key was made. */
  readonly #secretsMade: readonly [ReadonlyMap<number, number>, ReadonlyMap<number, number>];
  /** Of keys in both: whether the present one has the secret that counts. */
  readonly #presentSecret = new Set<number>();

  constructor(
    backup: Side,
    present: Side,
    { relation, wentBack = false }: PlanOptions,
    kept: (Named & { because: readonly string[] })[],
  ) {
    this.#backup = backup;
    this.#present = present;
    this.#keeps = relation === "after" || relation === "apart";
    this.#relation = relation;
    this.#byTime = relation === "apart" || wentBack;
    this.#kept = kept;
    this.#secretsMade = [newestByKey(backup.secrets), newestByKey(present.secrets)];
  }

  groups(): StoredGroup[] {
    const { groups } = this.#present;
    return this.#rows("groups", this.#backup.groups, groups, (was, is) => {
      const row = this.#keeps ? applyRules(GROUP_RULES, was, is, false) : nextVersion(was, is);
      this.#note({ kind: "group", id: row.id, name: row.name }, was, row, ["name", "roles", "scopes"]);
      return row;
    });
  }

  users(): StoredUser[] {
    const { users } = this.#present;
    return this.#rows("users", this.#backup.users, users, (was, is) => {
      const isNewer = this.#hasNewerPassword(was, is);
      const row = this.#keeps
        ? applyRules(USER_RULES, was, is, isNewer)
        : { ...nextVersion(was, is), ...(isNewer && passwordOf(is)) };
      const fields = ["locked_at", "roles", "scopes", "ceilings", "password_hash"] as const;
      const names = ["username", "full_name", "email"] as const;
      this.#note({ kind: "user", id: row.id, name: row.username }, was, row, [...names, ...fields]);
      return row;
    });
  }

  keys(users: readonly StoredUser[]): StoredKey[] {
    const owners = new Set(users.map(({ id }) => id));
    const rows = this.#rows("keys", this.#backup.keys, this.#present.keys, (was, is) => {
      const isNewer = this.#hasNewerSecret(was, is);
      if (isNewer) this.#presentSecret.add(was.id);
      const row = this.#keeps
        ? applyRules(KEY_RULES, was, is, isNewer)
        : { ...nextVersion(was, is), ...(isNewer && { hint: is.hint, reset_at: is.reset_at }) };
      const fields = ["revoked_at", "paused_at", "reset_at", "expires_at", "roles", "scopes"] as const;
      const limits = ["allowed_ips", "rate_limit", "manages_sign_in"] as const;
      this.#note({ kind: "key", id: row.id, name: row.name }, was, row, [...fields, ...limits]);
      return row;
    });
    return rows.filter((key) => {
      if (owners.has(key.user_id)) return true;
      this.#kept.push({ kind: "key", id: key.id, name: key.name, because: ["its owner stays away"] });
      return false;
    });
  }

  /** Those of the backup that are still there; a group that was left stays left. */
  members(groups: readonly StoredGroup[], users: readonly StoredUser[]): Side["members"] {
    const [groupIds, userIds] = [
      new Set(groups.map(({ id }) => id)),
      new Map(users.map((row) => [row.id, row])),
    ];
    const now = new Set(this.#present.members.map(({ group_id, user_id }) => `${group_id}|${user_id}`));
    const known = new Set(this.#present.users.map(({ id }) => id));
    return this.#backup.members.filter(({ group_id, user_id }) => {
      const user = userIds.get(user_id);
      if (!user || !groupIds.has(group_id)) return false;
      if (!this.#keeps || !known.has(user_id) || now.has(`${group_id}|${user_id}`)) return true;
      this.#kept.push({ kind: "user", id: user_id, name: user.username, because: ["left a group"] });
      return false;
    });
  }

  secrets(keys: readonly StoredKey[]): Secret[] {
    const wanted = new Set(keys.map(({ id }) => id));
    const isPresent = ({ key_id }: Secret): boolean => this.#presentSecret.has(key_id);
    const ofBackup = this.#backup.secrets.filter((row) => wanted.has(row.key_id) && !isPresent(row));
    return [...ofBackup, ...this.#present.secrets.filter((row) => wanted.has(row.key_id) && isPresent(row))];
  }

  #rows<Row extends { id: number; version: number; created_at: number }>(
    table: "groups" | "users" | "keys",
    backup: readonly Row[],
    present: readonly Row[],
    both: (was: Row, is: Row) => Row,
  ): Row[] {
    const there = new Map(present.map((row) => [row.id, row]));
    const given = this.#present.numbers[table === "keys" ? "key_ids" : table] ?? 0;
    const inBoth = new Map(
      backup.flatMap((was) => {
        const is = there.get(was.id);
        // Two histories may have given one number twice: then the present row is another's.
        const isSame = is && this.#relation !== "none" && is.created_at === was.created_at;
        return isSame ? [[was.id, both(was, is)] as const] : [];
      }),
    );
    const taken = new Set([...inBoth.values()].map((row) => named(table, row).name));
    return backup.flatMap((was) => {
      const is = there.get(was.id);
      const row = inBoth.get(was.id) ?? (is ? nextVersion(was, is) : was);
      if (inBoth.has(was.id)) return [row];
      const isDeleted = !is && this.#keeps && was.id <= given;
      const isTaken = taken.has(named(table, was).name);
      if (!isDeleted && !isTaken) return [row];
      this.#kept.push({ ...named(table, was), because: [isDeleted ? "deleted" : "its name is taken"] });
      return [];
    });
  }

  #hasNewerPassword(was: StoredUser, is: StoredUser): boolean {
    if (this.#byTime && is.password_hash === null && is.password_changed_at !== null) return true;
    const newer = this.#newer(was.password_changed_at ?? 0, is.password_changed_at ?? 0);
    // To take a password away moves no instant.
    return newer ?? (this.#relation !== "before" && was.password_hash !== null);
  }

  #hasNewerSecret(was: StoredKey, is: StoredKey): boolean {
    const [ofBackup, ofPresent] = this.#secretsMade;
    return (
      this.#newer(was.reset_at ?? 0, is.reset_at ?? 0) ??
      this.#newer(ofBackup.get(was.id) ?? 0, ofPresent.get(was.id) ?? 0) ??
      this.#relation !== "before"
    );
  }

  /** @returns whether the present one counts; undefined: the instants do not say it */
  #newer(was: number, is: number): boolean | undefined {
    if (!this.#byTime) return this.#relation === "after";
    return was === is ? undefined : is > was;
  }

  /** What of these fields is not as the backup has it. */
  #note<Row extends object>(one: Named, was: Row, row: Row, fields: readonly (keyof Row & string)[]): void {
    const because = fields
      .filter((field) => !isEqual(was[field], row[field]))
      .map((field) => WORDS[field] ?? field);
    if (because.length > 0) this.#kept.push({ ...one, because });
  }
}

const WORDS: Readonly<Record<string, string>> = {
  name: "another name",
  username: "another user name",
  full_name: "another full name",
  email: "another e-mail address",
  revoked_at: "revoked",
  paused_at: "paused",
  reset_at: "reset",
  expires_at: "an earlier end",
  locked_at: "locked",
  password_hash: "another password",
  roles: "fewer roles",
  scopes: "fewer scopes",
  ceilings: "limits",
  allowed_ips: "addresses",
  rate_limit: "a rate",
  manages_sign_in: "no sign-in to manage",
};

function nextVersion<Row extends { version: number }>(was: Row, is: Row): Row {
  return { ...was, version: Math.max(was.version, is.version) + 1 };
}

function newestByKey(secrets: readonly Secret[]): Map<number, number> {
  const newest = new Map<number, number>();
  for (const { key_id, created_at } of secrets)
    newest.set(key_id, Math.max(newest.get(key_id) ?? 0, created_at));
  return newest;
}

function passwordOf({ password_hash, password_changed_at }: StoredUser) {
  return { password_hash, password_changed_at };
}

function named(table: "groups" | "users" | "keys", row: { id: number }): Named {
  const { id, name = "", username = "" } = row as { id: number; name?: string; username?: string };
  if (table === "users") return { kind: "user", id, name: username };
  return { kind: table === "keys" ? "key" : "group", id, name };
}

/** Columns that follow from other rows. */
function withFollowing({
  users,
  groups,
  members,
  keys,
}: Pick<Plan, "users" | "groups" | "members" | "keys">) {
  const byId = new Map(groups.map((group) => [group.id, group]));
  const of = Map.groupBy(members, ({ user_id }) => user_id);
  const whole = foldedNames(users, ({ username }) => username).map((user) => {
    const own = (of.get(user.id) ?? [])
      .flatMap(({ group_id }) => byId.get(group_id) ?? [])
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const roles = union([user.roles, ...own.map((group) => group.roles)]);
    const scopes = union([user.scopes, ...own.map((group) => group.scopes)]);
    const names = own.map((group) => group.name);
    const search_text = userSearchText({ ...user, fullName: user.full_name });
    return { ...user, ...rightsColumns(roles as never, scopes as never, names), search_text };
  });
  const names = new Map(users.map(({ id, username }) => [id, username]));
  return {
    users: whole,
    groups: foldedNames(groups, ({ name }) => name),
    members,
    keys: keys.map((key) => {
      const username = names.get(key.user_id) ?? key.username;
      return {
        ...key,
        username,
        search_text: keySearchText({ ...key, username, tags: JSON.parse(key.tags) }),
      };
    }),
  };
}

function mergedSettings(backup: Side, present: Side): { name: string; value: string }[] {
  const [was, is] = [settingsOf(backup.settings), settingsOf(present.settings)];
  const rules = SETTING_RULES as Record<string, (was: Settings, is: Settings, isNewer: boolean) => unknown>;
  return Object.entries(rules).map(([name, rule]) => ({ name, value: JSON.stringify(rule(was, is, false)) }));
}

function reportOf(
  plan: Omit<Plan, "report">,
  present: Side,
  kept: readonly (Named & { because: readonly string[] })[],
  now: number,
): Report {
  const [after, before] = [liveOf(plan, now), liveOf(present, now)];
  const revived = [...after].filter(([name]) => !before.has(name)).map(([, one]) => one);
  const then = settingsOf(plan.settings);
  const is = settingsOf(present.settings);
  const names = Object.keys(then) as (keyof Settings)[];
  return {
    revived,
    keptDead: mergedReasons(kept),
    gone: [
      ...missing("users", present.users, plan.users),
      ...missing("groups", present.groups, plan.groups),
      ...missing("keys", present.keys, plan.keys),
    ],
    changed: [
      ...differing("users", present.users, plan.users),
      ...differing("groups", present.groups, plan.groups),
      ...differing("keys", present.keys, plan.keys),
    ],
    settings: Object.fromEntries(
      names
        .filter((name) => name !== "webhookSecret" && name !== "version" && !isEqual(then[name], is[name]))
        .map((name) => [name, [shown(name, is), shown(name, then)] as const]),
    ),
    users: plan.users.length,
    keys: plan.keys.length,
    goodKeys: [...after.values()].filter(({ kind }) => kind === "key").length,
    administrators: plan.users.filter((user) => user.is_admin === 1 && user.locked_at === null).length,
  };
}

/** The webhook's path is often a secret. */
function shown(name: keyof Settings, settings: Settings): unknown {
  const value = settings[name];
  return name === "webhookUrl" && typeof value === "string" ? new URL(value).origin : value;
}

/** Keys that a check would pass by what they are, and users who are not locked. */
function liveOf({ users, keys }: Pick<Side, "users" | "keys">, now: number): Map<string, Named> {
  const free = new Set(users.filter((user) => user.locked_at === null).map(({ id }) => id));
  const good = keys.filter(
    (key) =>
      free.has(key.user_id) &&
      key.revoked_at === null &&
      key.paused_at === null &&
      key.expiry_told === 0 &&
      (key.expires_at === null || key.expires_at > now),
  );
  const all = [
    ...users.filter(({ id }) => free.has(id)).map((user) => named("users", user)),
    ...good.map((key) => named("keys", key)),
  ];
  return new Map(all.map((one) => [`${one.kind} ${one.id}`, one]));
}

function mergedReasons(kept: readonly (Named & { because: readonly string[] })[]) {
  const groups = Map.groupBy(kept, ({ kind, id }) => `${kind} ${id}`);
  return [...groups.values()].map((all) => ({
    ...all[0]!,
    because: [...new Set(all.flatMap(({ because }) => because))],
  }));
}

function missing<Row extends { id: number }>(
  table: "groups" | "users" | "keys",
  present: readonly Row[],
  after: readonly Row[],
): Named[] {
  const ids = new Set(after.map(({ id }) => id));
  return present.filter(({ id }) => !ids.has(id)).map((row) => named(table, row));
}

/** Members that follow from others, or say nothing. */
const UNNAMED: ReadonlySet<string> = new Set([
  "version",
  "is_admin",
  "group_names",
  "folded_name",
  "search_text",
]);

function differing<Row extends { id: number }>(
  table: "groups" | "users" | "keys",
  present: readonly Row[],
  after: readonly Row[],
): (Named & { fields: string[] })[] {
  const there = new Map(present.map((row) => [row.id, row]));
  return after.flatMap((row) => {
    const before = there.get(row.id);
    if (!before) return [];
    const names = Object.keys(row) as (keyof Row & string)[];
    const fields = names.filter((name) => !UNNAMED.has(name) && !isEqual(row[name], before[name]));
    return fields.length === 0 ? [] : [{ ...named(table, row), fields }];
  });
}

function isEqual(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
