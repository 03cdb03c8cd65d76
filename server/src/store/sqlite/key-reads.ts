/**
 * What checks read: prepared statements on the main thread's own read-only connection, one indexed row, no waiting.
 *
 * What cannot be read is `unavailable`, never "there is none" (a damaged page, a missing file: held by
 * `server/test/damaged-pages.test.ts`), and `probe` fails for as long as the read that failed does.
 */
import { Database, type SQLQueryBindings } from "bun:sqlite";
import type { Selectable } from "kysely";
import { AppError } from "../../domain/errors.ts";
import type { Key } from "../../domain/key.ts";
import type { Settings } from "../../domain/settings.ts";
import type { Log } from "../../log.ts";
import { quarantineOf } from "../quarantine.ts";
import {
  type CheckKeyRow,
  type CheckUserRow,
  changeOf,
  checkRecordOf,
  checkUserOf,
  type KeyOwnerRow,
  keyOf,
  keyOwnerOf,
  type SecretColumns,
  secretOf,
} from "../row-mappers.ts";
import { type ChangeRow, KEY_COLUMNS, type KeyRow, type KeyUseRow, MARK } from "../schema.ts";
import { settingsOf } from "../settings-rows.ts";
import type { Change, CheckRecord, CheckUser, HotKey, KeyLabels, Profile, Quarantine } from "../store.ts";
import { cachedUntilCommit, openCommitStamp } from "./commit-stamp.ts";
import { openHistory } from "./history.ts";
import { createKeyStamp, SESSIONS_ALONE } from "./key-stamp.ts";
import { BUSY_MS } from "./open-database.ts";

const USER_COLUMNS = `u.id AS user_id, u.username, u.full_name, u.email, u.locked_at, u.all_roles, u.all_scopes, u.group_names, u.ceilings`;
/** What was told to have expired stays expired, wherever the clock goes: its end is given as the epoch. */
const EXPIRES_AT = "iif(k.expiry_told = 1, min(k.expires_at, 0), k.expires_at)";
const FIND_CHECK = `SELECT k.id, k.name, k.description, k.tags, ${EXPIRES_AT} AS expires_at, k.paused_at, k.revoked_at, k.roles, k.scopes,
    k.allowed_ips, k.rate_limit, k.manages_sign_in, k.version, ${USER_COLUMNS},
    s.digest, s.sealed, s.salt, s.iterations, s.created_at, s.ends_at
  FROM keys k JOIN users u ON u.id = k.user_id LEFT JOIN secrets s ON s.key_id = k.id WHERE k.id = ?`;
const FIND_HOT = `SELECT k.user_id, ${EXPIRES_AT}, k.paused_at, k.revoked_at, k.roles, k.scopes, k.allowed_ips, k.rate_limit,
    s.digest, s.created_at, s.ends_at
  FROM keys k LEFT JOIN secrets s ON s.key_id = k.id WHERE k.id = ?`;
const FIND_WORDS = "SELECT name, description, tags FROM keys WHERE id = ?";
const FIND_USER = `SELECT ${USER_COLUMNS} FROM users u WHERE u.id = ?`;
const FIND_KEY = `SELECT ${KEY_COLUMNS.map((name) => `keys.${name}`).join(", ")}, users.locked_at, users.all_roles, users.all_scopes, users.ceilings
  FROM keys JOIN users ON users.id = keys.user_id WHERE keys.id = ?`;
/** In the other file, which has a stamp of its own. */
const FIND_USE = "SELECT last_used_at, address, client FROM activity.key_use WHERE key_id = ?";

/**
 * What stands for changes that were cut from the feed before they could be told (a process that was stopped for days): groups
 * may have changed, and whatever was opened by anybody ends.
 */
const EVERYTHING_CHANGED = `SELECT ?1 AS seq, ?2 AS at, 'group' AS kind, 'changed' AS action, 0 AS entity_id, '' AS name,
    NULL AS user_id, 0 AS ends, NULL AS spares
  UNION ALL SELECT ?1, ?2, 'settings', 'changed', 0, 'settings', NULL, 0, NULL
  UNION ALL SELECT ?1, ?2, 'user', 'changed', id, username, id, 1, NULL FROM users`;
/** Changes told in one go; the next call tells the rest. */
const CHANGES_AT_ONCE = 10_000;

type HotRow = [
  userId: number,
  expiresAt: number | null,
  pausedAt: number | null,
  revokedAt: number | null,
  roles: string | null,
  scopes: string | null,
  allowedIps: string | null,
  rateLimit: string | null,
  digest: Uint8Array | null,
  createdAt: number,
  endsAt: number | null,
];
type UserColumns = Omit<CheckUserRow, "id"> & { readonly user_id: number };
type CheckRow = CheckKeyRow & UserColumns & { [Name in keyof SecretColumns]: SecretColumns[Name] | null };

export interface KeyReads {
  findCheck(keyId: number): CheckRecord | undefined;
  findHot(keyId: number): HotKey | undefined;
  findLabels(keyId: number): KeyLabels | undefined;
  stamp(): number;
  findCheckUser(userId: number): CheckUser | undefined;
  findProfile(userId: number): Profile | undefined;
  poll(isThorough: boolean): readonly Change[];
  readSettings(): Settings;
  countUsers(): number;
  /** As of the last poll. */
  quarantine(): Quarantine | undefined;
  /** Read now, not as of the last poll. */
  isWaiting(): boolean;
  /** Whether the last poll found data that does not go on from what was seen before (`history.ts`). */
  isOther(): boolean;
  /** Reads as a check does: the settings, one key after the other, and what failed before. Throws unavailable. */
  probe(): void;
  close(): void;
}

export function openKeyReads(path: string, log: Log): KeyReads {
  const database = new Database(path, { readonly: true, strict: true });
  database.run(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA trusted_schema = OFF;`);
  const prepared: { finalize(): void }[] = [];
  const prepare = <Row, Params extends SQLQueryBindings[]>(sql: string) => {
    const statement = database.prepare<Row, Params>(sql);
    prepared.push(statement);
    return statement;
  };
  const check = prepare<CheckRow, [number]>(FIND_CHECK);
  const user = prepare<UserColumns, [number]>(FIND_USER);
  const profile = prepare<{ username: string; full_name: string; attributes: string }, [number]>(
    "SELECT username, full_name, attributes FROM users WHERE id = ?",
  );
  const version = prepare<{ data_version: number }, []>("PRAGMA data_version");
  const changes = prepare<Selectable<ChangeRow>, [number, number]>(
    "SELECT * FROM changes WHERE seq > ? ORDER BY seq LIMIT ?",
  );
  const everything = prepare<Selectable<ChangeRow>, [number, number]>(EVERYTHING_CHANGED);
  const settings = prepare<{ name: string; value: string }, []>("SELECT name, value FROM settings");
  const users = prepare<{ total: number }, []>("SELECT count(*) AS total FROM users");
  const hot = prepare<HotRow, [number]>(FIND_HOT);
  const words = prepare<[string, string, string], [number]>(FIND_WORDS);
  const mark = prepare<{ value: string }, []>(`SELECT value FROM meta WHERE name = '${MARK}'`);
  const nextKey = prepare<{ id: number }, [number]>("SELECT id FROM keys WHERE id > ? ORDER BY id LIMIT 1");
  let seenVersion = version.get()!.data_version;
  const stamp = openCommitStamp(`${path}-shm`, () => version.get()!.data_version);
  const newest = prepare<{ seq: number }, []>("SELECT coalesce(max(seq), 0) AS seq FROM changes");
  let seenSeq = newest.get()!.seq;
  const history = openHistory(database);
  let isOther = false;
  let quarantine = quarantineOf(mark.get()?.value);
  let probedKey = 0;
  /** The read that failed last. */
  let again: (() => unknown) | undefined;
  const unreadable = (error: unknown, read: () => unknown): AppError => {
    again = read;
    return error instanceof AppError ? error : new AppError("unavailable", UNREADABLE, { cause: error });
  };

  const findCheck = (keyId: number): CheckRecord | undefined => {
    try {
      const rows = check.all(keyId);
      const row = rows[0];
      if (!row) return undefined;
      const secrets = rows
        .filter((each) => each.digest !== null)
        .map((each) => secretOf(each as SecretColumns));
      return checkRecordOf(row, checkUserOf({ ...row, id: row.user_id }), secrets);
    } catch (error) {
      throw unreadable(error, () => findCheck(keyId));
    }
  };
  const findHot = (keyId: number): HotKey | undefined => {
    try {
      const rows = hot.values(keyId) as HotRow[];
      return rows.length === 0 ? undefined : hotKeyOf(rows);
    } catch (error) {
      throw unreadable(error, () => findHot(keyId));
    }
  };
  const findLabels = (keyId: number): KeyLabels | undefined => {
    try {
      const row = (words.values(keyId) as [string, string, string][])[0];
      return row && { name: row[0], description: row[1], tags: JSON.parse(row[2]) };
    } catch (error) {
      throw unreadable(error, () => findLabels(keyId));
    }
  };
  const findCheckUser = (userId: number): CheckUser | undefined => {
    try {
      const row = user.get(userId);
      return row ? checkUserOf({ ...row, id: row.user_id }) : undefined;
    } catch (error) {
      throw unreadable(error, () => findCheckUser(userId));
    }
  };
  const findProfile = (userId: number): Profile | undefined => {
    try {
      const row = profile.get(userId);
      if (!row) return undefined;
      return { username: row.username, fullName: row.full_name, attributes: JSON.parse(row.attributes) };
    } catch (error) {
      throw unreadable(error, () => findProfile(userId));
    }
  };
  const readSettings = (): Settings => {
    try {
      return settingsOf(settings.all());
    } catch (error) {
      throw unreadable(error, readSettings);
    }
  };
  const countUsers = (): number => {
    try {
      return users.get()!.total;
    } catch (error) {
      throw unreadable(error, countUsers);
    }
  };
  const stampOfKeys = createKeyStamp(stamp, prepare(SESSIONS_ALONE));
  let followedUnder = 0;
  /** @param isThorough asks SQLite itself too, so that a header that missed a change is found out */
  const follow = (isThorough: boolean): readonly Change[] => {
    const before = stamp.read();
    if (!isThorough && before === followedUnder) return [];
    const now = version.get()!.data_version;
    if (now === seenVersion) {
      followedUnder = before;
      return [];
    }
    if (!stamp.prove(now, before))
      log.error("The header of the WAL index missed a change; it is not asked any more");
    quarantine = quarantineOf(mark.get()?.value);
    const wasOther = isOther;
    const goesOn = history.goesOn();
    const rows = goesOn ? changes.all(seenSeq, CHANGES_AT_ONCE) : [];
    // The newest row is never cut.
    isOther = !goesOn || (rows.length === 0 && newest.get()!.seq < seenSeq);
    if (rows.length < CHANGES_AT_ONCE) {
      seenVersion = now;
      followedUnder = before;
    }
    const next = rows[0]?.seq ?? seenSeq + 1;
    const isGap = rows.length > 0 && (wasOther || next > seenSeq + 1);
    const missed = isGap ? everything.all(next - 1, rows[0]!.at) : [];
    seenSeq = rows.at(-1)?.seq ?? seenSeq;
    return [...missed, ...rows].map(changeOf);
  };
  return {
    findCheck,
    findHot,
    findLabels,
    stamp: stampOfKeys,
    findCheckUser,
    findProfile,
    poll: (isThorough) => {
      try {
        return follow(isThorough);
      } catch (error) {
        throw unreadable(error, () => version.get());
      }
    },
    readSettings,
    countUsers,
    quarantine: () => quarantine,
    isWaiting: () => mark.get() !== null,
    isOther: () => isOther,
    probe: () => {
      again?.();
      again = undefined;
      countUsers();
      readSettings();
      try {
        probedKey = nextKey.get(probedKey)?.id ?? 0;
      } catch (error) {
        throw unreadable(error, () => nextKey.get(0));
      }
      if (probedKey > 0) {
        findHot(probedKey);
        findCheck(probedKey);
      }
    },
    close: () => {
      for (const statement of prepared) statement.finalize();
      history.close();
      database.close(true);
    },
  };
}

const UNREADABLE = "The database cannot be read";

/** One row for each secret of the key. */
function hotKeyOf(rows: readonly HotRow[]): HotKey {
  const [userId, expiresAt, pausedAt, revokedAt, roles, scopes, allowedIps, rateLimit] = rows[0]!;
  return {
    userId,
    expiresAt,
    pausedAt,
    revokedAt,
    limits: { roles, scopes, allowedIps, rateLimit },
    secrets: rows.flatMap(([, , , , , , , , digest, createdAt, endsAt]) =>
      digest === null ? [] : [{ digest, createdAt, endsAt }],
    ),
  };
}

type Use = readonly [at: KeyUseRow["last_used_at"], address: string | null, client: string | null];

/** One key as lists show it. */
export interface ListedKeyReads {
  findKey(id: number): Key | undefined;
  findKeyId(name: string): number | undefined;
  close(): void;
}

/**
 * One key with its last use, read on the main thread: cheaper than a thread, and never in its queue. The very same object is
 * given again until something is committed to either file.
 */
export function openListedKeyReads(
  { main, activity }: { readonly main: string; readonly activity: string },
  stamp: () => number,
): ListedKeyReads {
  const database = new Database(main, { readonly: true, strict: true });
  database.run(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA trusted_schema = OFF;`);
  database.run("ATTACH DATABASE ? AS activity", [activity]);
  const row = database.prepare<KeyRow & KeyOwnerRow, [number]>(FIND_KEY);
  const named = database.prepare<{ id: number }, [string]>("SELECT id FROM keys WHERE name = ?");
  const use = database.prepare<Use, [number]>(FIND_USE);
  const version = database.prepare<{ data_version: number }, []>("PRAGMA activity.data_version");
  // The first read makes the WAL index.
  use.values(0);
  const useStamp = openCommitStamp(`${activity}-shm`, () => version.get()!.data_version);
  const findKey = (id: number): Key | undefined => {
    try {
      const found = row.get(id);
      if (!found) return undefined;
      const [last] = use.values(id) as unknown as Use[];
      const key = keyOf(found, keyOwnerOf(found));
      if (!last) return key;
      return { ...key, lastUsedAt: last[0], lastUsedAddress: last[1], lastUsedClient: last[2] };
    } catch (error) {
      throw new AppError("unavailable", UNREADABLE, { cause: error });
    }
  };
  return {
    findKey: cachedUntilCommit(findKey, joined(stamp, useStamp.read)),
    findKeyId: (name) => {
      try {
        return named.get(name)?.id;
      } catch (error) {
        throw new AppError("unavailable", UNREADABLE, { cause: error });
      }
    },
    close: () => {
      for (const statement of [row, named, use, version]) statement.finalize();
      database.close(true);
    },
  };
}

/** Moves when either does. */
function joined(first: () => number, second: () => number): () => number {
  let [one, other, both] = [-1, -1, 0];
  return () => {
    const [now, then] = [first(), second()];
    if (now === one && then === other) return both;
    [one, other] = [now, then];
    return ++both;
  };
}
