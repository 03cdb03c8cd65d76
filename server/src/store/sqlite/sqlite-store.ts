/** The store on two SQLite files: hot reads on the main thread, lists in a reader thread, changes in a writer thread. */

import { accessSync, constants } from "node:fs";
import { type Kysely, sql } from "kysely";
import type { AuditRecord } from "../../domain/audit.ts";
import type { Clock } from "../../domain/clock.ts";
import { endOr } from "../../domain/errors.ts";
import type { Asking } from "../../domain/fair-queue.ts";
import type { Condition } from "../../domain/filter.ts";
import type { Key, KeyOwner } from "../../domain/key.ts";
import type { ListQuery, Page } from "../../domain/listing.ts";
import { mapInSlices } from "../../domain/slices.ts";
import type { Group, User } from "../../domain/user.ts";
import type { Log } from "../../log.ts";
import { isNameTaken, listTwins } from "../folded-names.ts";
import { createKeyIds } from "../key-ids.ts";
import { isPlain, LIMIT_ENDS_AT, listRows } from "../list-queries.ts";
import { findGroup } from "../member-rights.ts";
import { openRateCounters } from "../rate-counters.ts";
import type { Listed } from "../row-mappers.ts";
import {
  auditOf,
  checkUserOf,
  groupOf,
  type KeyListRow,
  keyOf,
  keyOwnerOf,
  secretOf,
  type UserListRow,
  userOf,
} from "../row-mappers.ts";
import type { Tables } from "../schema.ts";
import type { PasswordRecord, Store, StoredSecret, StoreOptions } from "../store.ts";
import { findSetupToken, findToken, hasEndedTokens, listTokens } from "../tokens.ts";
import { standing, Transactions } from "../transactions.ts";
import { findRequest, findWebSession, listWebSessions } from "../web-sessions.ts";
import { openActivity } from "./activity.ts";
import { openAlerts } from "./alerts.ts";
import { openBackupState } from "./backup-state.ts";
import { cachedUntilCommit } from "./commit-stamp.ts";
import { openDeliveries } from "./deliveries.ts";
import { behindGate, createGate } from "./gate.ts";
import { openGuessCounts } from "./guess-counts.ts";
import { openKeyReads, openListedKeyReads } from "./key-reads.ts";
import { openKeyUse } from "./key-use.ts";
import { leaveWhole } from "./leave-whole.ts";
import { prepareDatabases } from "./open-database.ts";
import { holdReserve, makeRoomToOpen } from "./reserve.ts";
import { identityOf, rememberFiles } from "./same-files.ts";
import { noteServer, requireSameServers } from "./servers.ts";
import { type Reading, SEARCH_THREADS, SharedThreads } from "./shared-threads.ts";
import { openSnapshot } from "./snapshot.ts";
import { createSpace } from "./space.ts";
import { openThread, overThread } from "./threads.ts";

/** Deleted, with the key, since the page was read. */
const NO_OWNER: KeyOwner = { lockedAt: null, roles: [], scopes: [], ceilings: null };
/** Numbers of keys that a server draws at once. A command makes few. */
const KEY_IDS_AT_ONCE = 32;
const EXPIRED_AT_ONCE = 1_000;
const IDS_AT_ONCE = 500;
const RESIZE_EVERY_MS = 60_000;
const TIDY_EVERY_MS = 1_000;
const WATCH_EVERY_MS = 500;
const TELL_EVERY_MS = 60_000;

export async function openSqliteStore(options: StoreOptions): Promise<Store> {
  const { folder, clock, log, create } = options;
  const reserve = holdReserve(folder, create);
  makeRoomToOpen(folder, reserve);
  const prepared = prepareDatabases({ ...options, now: clock.now() });
  const { main, activity: activityFile, head } = prepared;
  const files = { main, activity: activityFile };
  const hot = openKeyReads(main, log);
  const direct = openListedKeyReads(files, hot.stamp);
  const opened = rememberFiles([main, `${main}-wal`, `${main}-shm`, activityFile]);
  const gate = createGate(folder, hot.quarantine(), log);
  /** As the writer's thread saw it last. */
  let isOther = false;
  const look = (areSame: boolean): void => {
    const isSame = areSame && !isOther && !hot.isOther();
    if (!isSame || hot.quarantine()) keyIds.forget();
    gate.see(isSame, hot.quarantine());
  };
  const settings = cachedUntilCommit(hot.readSettings, hot.stamp);
  const { stateFolder } = options;
  const notes = head && stateFolder !== null ? { folder: stateFolder, head } : undefined;
  const identity = identityOf(main);
  const forgetServer = create
    ? noteServer(notes?.folder ?? folder, { folder: prepared.folder, main: identity })
    : () => {};
  /** A server sees for itself what becomes of its files. */
  const requireSame = (): void => {
    look(opened.areSameNow());
    gate.requireSame();
    if (!create) requireSameServers([folder, stateFolder ?? folder], prepared.folder, identity);
  };
  /** A command says that it did what it was told to, which holds for the data that waits and no other. */
  const tellWaiting = once(() =>
    log.warn(
      "What was changed now counts for this data alone, which waits to be accepted, and is lost where other data is put in its place",
      { folder: prepared.folder },
    ),
  );
  const writer = openThread("writer", {
    ...files,
    notes,
    notNoted: createNotNoted(log, clock),
    looked: (isWhole) => space.looked(isWhole),
    compared: (now) => {
      isOther = now;
    },
  });
  const reader = openThread("reader", files);
  const lister = openThread("reader", files);
  const searchers = Array.from({ length: SEARCH_THREADS }, () => openThread("searcher", files));
  const writing = overThread<Tables>(writer, "main");
  const reading = overThread<Tables>(reader, "main");
  const keyIds = createKeyIds(writing, create ? KEY_IDS_AT_ONCE : 1);
  const lists = new Lists({ thread: reader, db: reading }, new SharedThreads(lister, searchers));
  const activity = openActivity(writer);
  const keyUse = openKeyUse(writer, reader);
  const alerts = openAlerts(writer, lister);
  const { putDelivery, ...deliveries } = openDeliveries(writer, reader);
  const rates = openRateCounters(folder);
  const between = <Result>(work: () => Promise<Result>): Promise<Result> =>
    writing.connection().execute(work);
  const space = createSpace({ reserve, writer, between });
  const guesses = openGuessCounts(writer, space.isWhole);
  const findCheck = cachedUntilCommit(hot.findCheck, hot.stamp);
  const requireStanding = standing({ ...hot, findCheck }, reading, options.judge);
  const transactions = new Transactions(writing, () => clock.now(), { judge: options.judge, putDelivery });
  const timers: Timer[] = [];
  if (create) {
    const watch = () => writer.ask({ kind: "watch" });
    const tidy = () => writer.ask({ kind: "tidy", reserve: reserve.wanted() });
    const resize = async () => reserve.resize(await lists.countLiveKeys());
    const every = (ms: number, work: () => Promise<unknown>) =>
      timers.push(setInterval(() => void work().catch(() => undefined), ms));
    every(TIDY_EVERY_MS, tidy);
    every(WATCH_EVERY_MS, watch);
    every(TIDY_EVERY_MS, async () => {
      // Not into a folder that was put in this one's place.
      const exchanged = opened.areSameNow() ? rates.rejoin() : [];
      if (exchanged.length > 0)
        log.warn(
          "Counters of rate limits were deleted or replaced while they were in use; what was spent was carried over",
          { files: exchanged.join(" ") },
        );
    });
    every(RESIZE_EVERY_MS, resize);
    await resize().catch(() => undefined);
    await tidy().catch(() => undefined);
    await watch().catch(() => undefined);
  }
  const store: Store = {
    findCheck,
    findCheckUser: hot.findCheckUser,
    findKey: direct.findKey,
    findKeyId: direct.findKeyId,
    findHot: hot.findHot,
    findLabels: cachedUntilCommit(hot.findLabels, hot.stamp),
    stamp: hot.stamp,
    takeRate: rates.take,
    giveBackRate: rates.giveBack,
    ...keyUse,
    recordUse: async (tallies, refusals) => {
      space.requireWhole();
      await keyUse.recordUse(tallies, refusals);
    },
    ...alerts,
    writeAlertChanges: async (changes) => {
      space.requireWhole();
      await alerts.writeAlertChanges(changes);
    },
    ...deliveries,
    installation: () => prepared.installation,
    ...openBackupState(writer, reader),
    findProfile: hot.findProfile,
    poll: (isThorough = false) => {
      const areSame = opened.areSame();
      // What is read of another database may be an error.
      const changes = areSame && !isOther ? hot.poll(isThorough) : [];
      look(areSame);
      return changes;
    },
    quarantine: () => gate.quarantine,
    readSettings: () => settings(0),
    countUsers: hot.countUsers,
    ...lists.methods(),
    reserveKeyId: () => keyIds.next(),
    transact: async (by, work, { urgent = false } = {}) => {
      requireSame();
      const attempt = () => transactions.run(by, work);
      const result = await space.write(attempt, urgent).catch(async (error: unknown) => {
        if (typeof by === "string" || by.kind === "system") throw error;
        throw await endOr(error, () => requireStanding(by));
      });
      // What was committed to a file that is not there any more is not acknowledged.
      requireSame();
      if (!create && hot.isWaiting()) tellWaiting();
      return result;
    },
    requireStanding,
    settled: () => transactions.settled(),
    recordActivity: async (records) => {
      space.requireWhole();
      await activity.record(records, clock.now());
    },
    recordFolds: async (folds) => {
      space.requireWhole();
      await activity.fold(folds, clock.now());
    },
    ...guesses,
    openSnapshot: () => openSnapshot(files),
    probe: async () => {
      look(opened.areSameNow());
      gate.requireServed();
      hot.probe();
      accessSync(folder, constants.W_OK);
      await reader.ask({ kind: "run", database: "main", sql: "SELECT 1", params: [] });
      await activity.probe(clock.now());
    },
    close: async () => {
      for (const timer of timers) clearInterval(timer);
      forgetServer();
      await Promise.all([reader, lister, ...searchers].map((thread) => thread.close()));
      direct.close();
      // Who closes a file last carries the log into it, which is to stay out of one that it is not the log of.
      if (!isOther) hot.close();
      await writer.close();
      if (opened.areSameNow() && !isOther) await leaveWhole([main, activityFile], reserve.release);
    },
  };
  return behindGate(store, gate);
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}

/** Tells at most once a minute. */
function createNotNoted(log: Log, clock: Clock): (reason: string) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  return (reason) => {
    if (clock.monotonic() - toldAt < TELL_EVERY_MS) return;
    toldAt = clock.monotonic();
    log.error("The state file cannot be written: a rollback to before this moment would not be noticed", {
      reason,
    });
  };
}

type ReadMethods = Pick<
  Store,
  | "listKeys"
  | "findSecrets"
  | "listFreshlyExpired"
  | "listPastLimit"
  | "findUser"
  | "findPassword"
  | "listUsers"
  | "findGroup"
  | "isNameTaken"
  | "listTwins"
  | "listGroups"
  | "listAudit"
  | "findWebSession"
  | "listWebSessions"
  | "findRequest"
  | "findSetupToken"
  | "findToken"
  | "listTokens"
  | "hasEndedTokens"
>;

/**
 * Reads that no check waits for. Lists and searches have threads of their own, so that anyone who may search, and asks for
 * much, holds up neither sign-in nor revocation (held by `long-searches.test.ts`).
 */
class Lists {
  readonly #db: Kysely<Tables>;
  readonly #one: Reading;
  readonly #many: SharedThreads;

  constructor(one: Reading, many: SharedThreads) {
    this.#db = one.db;
    this.#one = one;
    this.#many = many;
  }

  /** Those that a revocation could still be for. */
  async countLiveKeys(): Promise<number> {
    const counting = this.#db.selectFrom("keys").select(sql<number>`count(*)`.as("total"));
    return Number((await counting.where("revoked_at", "is", null).executeTakeFirstOrThrow()).total);
  }

  methods(): ReadMethods {
    return {
      listKeys: (query, asking) => this.#turn("keys", query, asking, (reading) => keysOf(reading, query)),
      findSecrets: (ids) => this.#secrets(ids),
      listFreshlyExpired: (now) => this.#expired(now),
      listPastLimit: (from, until) => this.#pastLimit(from, until),
      findUser: async (by) => {
        const where = "id" in by ? equals("id", by.id) : equals("username", by.username);
        return (await usersOf(this.#one, { where, limit: 1 })).rows[0];
      },
      findPassword: (username) => this.#password(username),
      listUsers: (query, asking) => this.#turn("users", query, asking, (reading) => usersOf(reading, query)),
      findGroup: (name) => findGroup(this.#db, name),
      isNameTaken: (kind, wanted) => isNameTaken(this.#db, kind, wanted),
      listTwins: () => listTwins(this.#db),
      listGroups: (asking) => this.#many.lists.pass(asking, ({ db }) => groupsOf(db)),
      findWebSession: (by) => findWebSession(this.#db, by),
      listWebSessions: () => listWebSessions(this.#db),
      findRequest: (digest) => findRequest(this.#db, digest),
      findSetupToken: (digest) => findSetupToken(this.#db, digest),
      findToken: (digest) => findToken(this.#db, digest),
      listTokens: (now) => listTokens(this.#db, now),
      hasEndedTokens: (now) => hasEndedTokens(this.#db, now),
      listAudit: (query, asking) =>
        this.#turn("audit", query, asking, (reading) => auditPage(reading, query)),
    };
  }

  #turn<Row>(
    listed: Listed,
    query: ListQuery,
    asking: Asking,
    work: (reading: Reading) => Promise<Page<Row>>,
  ): Promise<Page<Row>> {
    const lane = isPlain(listed, query) ? this.#many.lists : this.#many.searches;
    return lane.pass(asking, work);
  }

  async #secrets(ids: readonly number[]): Promise<Map<number, StoredSecret>> {
    const found = new Map<number, StoredSecret>();
    for (let from = 0; from < ids.length; from += IDS_AT_ONCE) {
      const some = ids.slice(from, from + IDS_AT_ONCE);
      const rows = await this.#db
        .selectFrom("secrets")
        .selectAll()
        .where("key_id", "in", some)
        .orderBy("id")
        .execute();
      for (const row of rows) found.set(row.key_id, secretOf(row));
    }
    return found;
  }

  async #expired(now: number): Promise<readonly Pick<Key, "id" | "version">[]> {
    return (
      this.#db
        .selectFrom("keys")
        .select(["id", "version"])
        // In the statement's text: only so is the index of those that were not told the planner's.
        .where("expiry_told", "=", sql.lit(0))
        .where("expires_at", "is not", null)
        .where("expires_at", "<=", now)
        .limit(EXPIRED_AT_ONCE)
        .execute()
    );
  }

  #pastLimit(from: number, until: number): ReturnType<Store["listPastLimit"]> {
    const endedAt = sql<number>`${LIMIT_ENDS_AT}`;
    return this.#db
      .selectFrom("keys")
      .select(["id", "version", endedAt.as("endedAt")])
      .where("expiry_told", "=", 0)
      .where(endedAt, ">", from)
      .where(endedAt, "<=", until)
      .where(({ or, eb }) => or([eb("expires_at", "is", null), eb("expires_at", ">", endedAt)]))
      .limit(EXPIRED_AT_ONCE)
      .execute();
  }

  async #password(username: string): Promise<PasswordRecord | undefined> {
    const row = await this.#db
      .selectFrom("users")
      .selectAll()
      .where("username", "=", username)
      .executeTakeFirst();
    return (
      row && {
        ...checkUserOf(row),
        passwordHash: row.password_hash,
        passwordChangedAt: row.password_changed_at,
      }
    );
  }
}

async function keysOf(reading: Reading, query: ListQuery): Promise<Page<Key>> {
  const page = await list<KeyListRow>(reading, "keys", query);
  const owners = await ownersOf(reading, new Set(page.rows.map(({ user_id }) => user_id)));
  const rows = await mapInSlices(page.rows, (row) => keyOf(row, owners.get(row.user_id) ?? NO_OWNER));
  return { rows, total: page.total };
}

/** Read after the page: a join would read the owner of every key that is looked at, not of those alone that are found. */
async function ownersOf({ db }: Reading, ids: ReadonlySet<number>): Promise<ReadonlyMap<number, KeyOwner>> {
  const found = new Map<number, KeyOwner>();
  const wanted = [...ids];
  for (let from = 0; from < wanted.length; from += IDS_AT_ONCE) {
    const rows = await db
      .selectFrom("users")
      .select(["id", "locked_at", "all_roles", "all_scopes", "ceilings"])
      .where("id", "in", wanted.slice(from, from + IDS_AT_ONCE))
      .execute();
    for (const row of rows) found.set(row.id, keyOwnerOf(row));
  }
  return found;
}

async function usersOf(reading: Reading, query: ListQuery): Promise<Page<User>> {
  const page = await list<UserListRow>(reading, "users", query);
  return { rows: await mapInSlices(page.rows, userOf), total: page.total };
}

async function auditPage(reading: Reading, query: ListQuery): Promise<Page<AuditRecord>> {
  const page = await list<Parameters<typeof auditOf>[0]>(reading, "audit", query);
  return { rows: await mapInSlices(page.rows, auditOf), total: page.total };
}

async function groupsOf(db: Kysely<Tables>): Promise<readonly Group[]> {
  const rows = await db.selectFrom("groups").selectAll().orderBy("name").execute();
  const members = await db
    .selectFrom("group_members")
    .innerJoin("users", "users.id", "group_members.user_id")
    .select(["group_members.group_id", "users.username"])
    .orderBy("users.username")
    .execute();
  const names = Map.groupBy(members, (member) => member.group_id);
  return rows.map((row) =>
    groupOf(
      row,
      (names.get(row.id) ?? []).map((member) => member.username),
    ),
  );
}

function list<Row extends object>(
  { db, thread }: Reading,
  listed: Listed,
  query: ListQuery,
): Promise<Page<Row>> {
  return listRows<Row>(db as Kysely<object>, thread, listed, query);
}

function equals(name: string, value: string | number): Condition {
  return { kind: "test", path: [name], op: "=", fold: false, value };
}
