/** What may happen inside one transaction, in Kysely. Every change writes its row of the feed. */
import { type Kysely, sql } from "kysely";
import type { AuditRecord } from "../domain/audit.ts";
import type { Caller, WritingActor } from "../domain/caller.ts";
import { AppError } from "../domain/errors.ts";
import type { Key } from "../domain/key.ts";
import { foldName } from "../domain/names.ts";
import { ALL_SESSIONS } from "../domain/sessions.ts";
import type { Settings, SettingsPatch } from "../domain/settings.ts";
import type { Group, User } from "../domain/user.ts";
import { CallerRows } from "./caller-rows.ts";
import { KEY_IDS, withFirstLine } from "./dialect.ts";
import { countSessionCommit, type FeedRow, feed, SETTINGS_CHANGED, sessionRow } from "./feed-rows.ts";
import { isNameTaken, settleTwins } from "./folded-names.ts";
import {
  findGroup,
  listMemberKinds,
  memberIds,
  refreshRights,
  rightsColumns,
  touchGroup,
  touchGroupsOf,
  touchUser,
  usersOf,
} from "./member-rights.ts";
import { acceptRestored } from "./quarantine.ts";
import {
  auditColumns,
  defined,
  keyColumns,
  keyOf,
  keyOwnerOf,
  newKeyColumns,
  newSecretColumns,
  newUserColumns,
  type UserListRow,
  userColumns,
  userOf,
} from "./row-mappers.ts";
import type { Tables } from "./schema.ts";
import { keySearchText, ownerLine } from "./search-text.ts";
import { findSettings, writeSettings } from "./settings-rows.ts";
import type {
  Delivery,
  FeedNote,
  IdempotencyRecord,
  Judge,
  KeyPatch,
  NewKey,
  NewUser,
  Quarantine,
  StandingRows,
  StoredSecret,
  Transaction,
  UserPatch,
  WebSession,
} from "./store.ts";
import {
  countTokens,
  dropEndedTokens,
  endTokensBy,
  endTokensOf,
  leaveTokenLines,
  putToken,
  spendToken,
  touchToken,
} from "./tokens.ts";
import {
  endWebSessionsOf,
  putRequests,
  putWebSession,
  removeWebSessions,
  touchWebSession,
} from "./web-sessions.ts";

const NOTHING: StandingRows = { record: undefined, user: undefined, browser: undefined };
const TOTAL = sql<number>`count(*)`.as("total");

export interface Closing {
  readonly judge: Judge;
  putDelivery(delivery: Delivery): Promise<void>;
}

export class SqlTransaction implements Transaction {
  readonly #db: Kysely<Tables>;
  readonly #now: number;
  readonly #caller: Caller | undefined;
  readonly #rows: CallerRows | undefined;
  /** Whether what is too old to count is dropped on the way: not in each. */
  readonly #isSweeping: boolean;
  #changes = 0;
  #areSessionsTouched = false;
  readonly #records: AuditRecord[] = [];
  readonly #fed: FeedRow[] = [];
  readonly #checks: (() => Promise<void>)[] = [];
  readonly #deliveries: Delivery[] = [];

  constructor(
    db: Kysely<Tables>,
    by: Caller | WritingActor,
    { now, isSweeping }: { readonly now: number; readonly isSweeping: boolean },
  ) {
    this.#isSweeping = isSweeping;
    this.#db = db;
    this.#now = now;
    this.#caller = typeof by === "string" ? undefined : by;
    if (this.#caller && this.#caller.kind !== "system") this.#rows = new CallerRows(db, this.#caller);
  }

  /**
   * The closing statements, after all work, in this order: what must hold of all rows, the judgement of the caller, the audit
   * records, the rows of the feed; then what is to be sent, which lies in the other database, and COMMIT (held by
   * `server/test/closing-statements.test.ts`). Throws as the judge does, and where something changed of which no audit
   * record tells.
   */
  async close({ judge, putDelivery }: Closing): Promise<void> {
    for (const check of this.#checks) await check();
    if (this.#caller) await judge(this.#caller, (await this.#rows?.read()) ?? NOTHING);
    if (this.#changes > 0 && this.#records.length === 0)
      throw new AppError("internal", "A change without an audit record");
    for (const record of this.#records)
      await this.#db.insertInto("audit").values(auditColumns(record)).execute();
    if (this.#changes === 0 && this.#areSessionsTouched) await countSessionCommit(this.#db);
    for (const row of this.#fed) await feed(this.#db, row, this.#now);
    for (const delivery of this.#deliveries) await putDelivery(delivery);
  }

  async findKey(id: number): Promise<Key | undefined> {
    const row = await this.#keys().where("keys.id", "=", id).executeTakeFirst();
    return row && keyOf(row, keyOwnerOf(row));
  }

  /** Each with what its owner lends it. */
  #keys() {
    return this.#db
      .selectFrom("keys")
      .innerJoin("users", "users.id", "keys.user_id")
      .selectAll("keys")
      .select(["users.locked_at", "users.all_roles", "users.all_scopes", "users.ceilings"]);
  }

  async findUser(by: { readonly id: number } | { readonly username: string }): Promise<User | undefined> {
    const all = this.#db.selectFrom("users").selectAll().select(KEY_IDS.as("key_ids"));
    const found = "id" in by ? all.where("id", "=", by.id) : all.where("username", "=", by.username);
    const row: UserListRow | undefined = await found.executeTakeFirst();
    return row && userOf(row);
  }

  async findGroup(name: string): Promise<Group | undefined> {
    return findGroup(this.#db, name);
  }

  isNameTaken: Transaction["isNameTaken"] = (kind, wanted) => isNameTaken(this.#db, kind, wanted);
  listMemberKinds = (groupId: number) => listMemberKinds(this.#db, groupId);

  async countUsers(): Promise<number> {
    return Number((await this.#db.selectFrom("users").select(TOTAL).executeTakeFirstOrThrow()).total);
  }

  async countAdmins(): Promise<number> {
    const counting = this.#db
      .selectFrom("users")
      .select(TOTAL)
      .where("is_admin", "=", 1)
      .where("locked_at", "is", null);
    return Number((await counting.executeTakeFirstOrThrow()).total);
  }

  async insertKey(key: NewKey, secret: StoredSecret): Promise<void> {
    await this.#db.insertInto("keys").values(newKeyColumns(key)).execute();
    await this.#db.insertInto("secrets").values(newSecretColumns(key.id, secret)).execute();
    await this.#feed({ kind: "key", action: "added", id: key.id, name: key.name, userId: key.userId });
  }

  async replaceSecrets(keyId: number, secret: StoredSecret): Promise<void> {
    await this.#rows?.beforeKey(keyId);
    await this.#db.deleteFrom("secrets").where("key_id", "=", keyId).execute();
    await this.#db.insertInto("secrets").values(newSecretColumns(keyId, secret)).execute();
  }

  async changeKey(id: number, from: number, patch: KeyPatch, note: FeedNote = {}): Promise<boolean> {
    await this.#rows?.beforeKey(id);
    const row = await this.#db
      .updateTable("keys")
      .set({ ...keyColumns(patch), version: from + 1 })
      .where("id", "=", id)
      .where("version", "=", from)
      .returning(["name", "user_id", "username", "description", "tags"])
      .executeTakeFirst();
    if (!row) return false;
    const { name, description, tags } = patch;
    if (name !== undefined || description !== undefined || tags !== undefined)
      await this.#db
        .updateTable("keys")
        .set({ search_text: keySearchText({ ...row, tags: JSON.parse(row.tags) }) })
        .where("id", "=", id)
        .execute();
    await this.#feed({ kind: "key", action: "changed", id, name: row.name, userId: row.user_id, ...note });
    return true;
  }

  async markExpired(id: number, from: number, at?: number): Promise<boolean> {
    await this.#rows?.beforeKey(id);
    const row = await this.#db
      .updateTable("keys")
      .set(at === undefined ? { expiry_told: 1 } : { expiry_told: 1, expires_at: at, version: from + 1 })
      .where("id", "=", id)
      .where("version", "=", from)
      .where("expiry_told", "=", 0)
      .returning(["name", "user_id"])
      .executeTakeFirst();
    if (!row) return false;
    await this.#feed({ kind: "key", action: "changed", id, name: row.name, userId: row.user_id, ends: true });
    return true;
  }

  async removeKey(id: number, from: number): Promise<boolean> {
    await this.#rows?.beforeKey(id);
    const row = await this.#db
      .deleteFrom("keys")
      .where("id", "=", id)
      .where("version", "=", from)
      .returning(["name", "user_id"])
      .executeTakeFirst();
    if (!row) return false;
    await this.#feed({ kind: "key", action: "removed", id, name: row.name, userId: row.user_id, ends: true });
    return true;
  }

  /** Where there is a user, no link makes a first one. */
  async insertUser(user: NewUser): Promise<number> {
    await this.#db.deleteFrom("setup_tokens").execute();
    const { id } = await this.#db
      .insertInto("users")
      .values({ ...newUserColumns(user), ...rightsColumns(user.roles, user.scopes, []) })
      .returning("id")
      .executeTakeFirstOrThrow();
    await this.#feed({ kind: "user", action: "added", id, name: user.username, userId: id });
    return id;
  }

  async changeUser(id: number, from: number, patch: UserPatch, note: FeedNote = {}): Promise<boolean> {
    const { roles, scopes } = patch;
    await this.#rows?.beforeUser(id);
    const before = await this.#db.selectFrom("users").selectAll().where("id", "=", id).executeTakeFirst();
    if (!before || before.version !== from) return false;
    const isRenamed = patch.username !== undefined && patch.username !== before.username;
    const columns = userColumns(patch, before);
    const { numUpdatedRows } = await this.#db
      .updateTable("users")
      .set({ ...columns, version: from + 1 })
      .where("id", "=", id)
      .where("version", "=", from)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return false;
    if (isRenamed) {
      await this.#db
        .updateTable("keys")
        .set({
          username: patch.username,
          search_text: withFirstLine(sql.ref("search_text"), ownerLine(patch.username!)),
        })
        .where("user_id", "=", id)
        .execute();
      await touchGroupsOf(this.#db, id);
      await settleTwins(this.#db, "user", before.username);
    }
    const after = { ...before, ...columns, version: from + 1 };
    const rights = roles || scopes ? await refreshRights(this.#db, after) : undefined;
    const ends = note.ends || rights?.isLess || (patch.lockedAt !== undefined && patch.lockedAt !== null);
    const name = patch.username ?? before.username;
    await this.#feed({ kind: "user", action: "changed", id, name, userId: id, ...note, ends });
    return true;
  }

  async removeUser(id: number, from: number): Promise<boolean> {
    await this.#rows?.beforeUser(id);
    await touchGroupsOf(this.#db, id);
    const row = await this.#db
      .deleteFrom("users")
      .where("id", "=", id)
      .where("version", "=", from)
      .returning("username")
      .executeTakeFirst();
    if (!row) return false;
    await settleTwins(this.#db, "user", row.username);
    await this.#feed({ kind: "user", action: "removed", id, name: row.username, userId: id, ends: true });
    return true;
  }

  async listKeysOf(userId: number): Promise<readonly Key[]> {
    const rows = await this.#keys().where("keys.user_id", "=", userId).orderBy("keys.id").execute();
    return rows.map((row) => keyOf(row, keyOwnerOf(row)));
  }

  async insertGroup(group: Pick<Group, "name" | "roles" | "scopes" | "createdAt">): Promise<number> {
    const { id } = await this.#db
      .insertInto("groups")
      .values({
        name: group.name,
        folded_name: foldName(group.name),
        roles: JSON.stringify(group.roles),
        scopes: JSON.stringify(group.scopes),
        created_at: group.createdAt,
        version: 1,
      })
      .returning("id")
      .executeTakeFirstOrThrow();
    await this.#feed({ kind: "group", action: "added", id, name: group.name, userId: null });
    return id;
  }

  async changeGroup(
    id: number,
    from: number,
    patch: Partial<Pick<Group, "name" | "roles" | "scopes">>,
  ): Promise<boolean> {
    const before = await this.#db.selectFrom("groups").select("name").where("id", "=", id).executeTakeFirst();
    const columns = defined({
      name: patch.name,
      folded_name: patch.name && patch.name !== before?.name ? foldName(patch.name) : undefined,
      roles: patch.roles && JSON.stringify(patch.roles),
      scopes: patch.scopes && JSON.stringify(patch.scopes),
    });
    const row = await this.#db
      .updateTable("groups")
      .set({ ...columns, version: from + 1 })
      .where("id", "=", id)
      .where("version", "=", from)
      .returning("name")
      .executeTakeFirst();
    if (!row) return false;
    if (before && row.name !== before.name) await settleTwins(this.#db, "group", before.name);
    await this.#feed({ kind: "group", action: "changed", id, name: row.name, userId: null });
    await this.#refreshMembers(await memberIds(this.#db, id));
    return true;
  }

  async removeGroup(id: number, from: number): Promise<boolean> {
    const members = await memberIds(this.#db, id);
    const row = await this.#db
      .deleteFrom("groups")
      .where("id", "=", id)
      .where("version", "=", from)
      .returning("name")
      .executeTakeFirst();
    if (!row) return false;
    await settleTwins(this.#db, "group", row.name);
    await this.#feed({ kind: "group", action: "removed", id, name: row.name, userId: null });
    await this.#refreshMembers(members);
    return true;
  }

  async addMember(groupId: number, userId: number): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await this.#db
      .insertInto("group_members")
      .values({ group_id: groupId, user_id: userId })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (!numInsertedOrUpdatedRows) return false;
    await touchGroup(this.#db, groupId);
    await this.#refreshMembers([userId]);
    return true;
  }

  async removeMember(groupId: number, userId: number): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom("group_members")
      .where("group_id", "=", groupId)
      .where("user_id", "=", userId)
      .executeTakeFirst();
    if (!numDeletedRows) return false;
    await touchGroup(this.#db, groupId);
    await this.#refreshMembers([userId]);
    return true;
  }

  readSettings(): Promise<Settings> {
    return findSettings(this.#db);
  }

  async putSettings(from: number, patch: SettingsPatch): Promise<boolean> {
    await this.#rows?.beforeSessions();
    if (!(await writeSettings(this.#db, from, patch))) return false;
    await this.#feed(SETTINGS_CHANGED);
    return true;
  }

  async putSetupToken(digest: Uint8Array, endsAt: number): Promise<void> {
    this.#changes++;
    await this.#db.deleteFrom("setup_tokens").execute();
    await this.#db.insertInto("setup_tokens").values({ digest, ends_at: endsAt }).execute();
  }

  async takeSetupToken(digest: Uint8Array, now: number): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom("setup_tokens")
      .where("digest", "=", digest)
      .where("ends_at", ">", now)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }

  touchWebSession = (id: string, seenAt: number) => touchWebSession(this.#sessions, id, seenAt);

  async putWebSession(...[session, digest, dead]: Parameters<Transaction["putWebSession"]>): Promise<void> {
    await putWebSession(this.#sessions, session, digest, dead);
    this.#fed.push(sessionRow("added", session));
  }

  async removeWebSessions(
    which: Parameters<Transaction["removeWebSessions"]>[0],
  ): Promise<readonly WebSession[]> {
    await this.#rows?.beforeSessions();
    const removed = await removeWebSessions(this.#sessions, which);
    for (const session of removed) this.#fed.push(sessionRow("removed", session));
    return removed;
  }

  async putToken(...[token, digest, max]: Parameters<Transaction["putToken"]>): Promise<void> {
    const { id, root, line } = token;
    await dropEndedTokens(this.#db, this.#now);
    const there = await countTokens(this.#sessions, { sessionId: line[0]!, userId: root.userId });
    if (there.ofSession >= max.ofSession || there.ofUser >= max.ofUser)
      throw new AppError("limit_reached", "There are too many live tokens");
    await putToken(this.#db, token, digest);
    this.#fed.push(sessionRow("added", { id, userId: root.userId }));
  }

  async spendToken(id: string): Promise<boolean> {
    const spent = await spendToken(this.#sessions, id, this.#now);
    // What it opened lives on.
    if (spent) this.#fed.push({ kind: "session", action: "removed", id: 0, name: id, userId: spent.userId });
    return spent?.isGood === true;
  }

  async endTokens(of: Parameters<Transaction["endTokens"]>[0]): Promise<number> {
    const ended = await endTokensBy(
      this.#sessions,
      of.map(({ id }) => id),
    );
    for (const one of of) this.#fed.push(sessionRow("removed", one));
    return ended;
  }

  async endAllTokens(spares: string | null): Promise<number> {
    const ended = await endTokensOf(this.#sessions, "everybody");
    const row = { kind: "session", action: "removed", id: 0, name: ALL_SESSIONS, userId: null } as const;
    this.#fed.push({ ...row, ends: true, spares });
    return ended;
  }

  touchToken = (id: string, usedAt: number) => touchToken(this.#sessions, id, usedAt);
  leaveTokenLines = (holders: readonly string[]) => leaveTokenLines(this.#db, holders);
  dropEndedTokens = (now: number) => dropEndedTokens(this.#sessions, now);

  putRequests = (once: readonly IdempotencyRecord[], since: number) =>
    putRequests(this.#db, once, { now: this.#now, since, isSweeping: this.#isSweeping });
  async acceptRestored(): Promise<Quarantine | undefined> {
    this.#changes++;
    const accepted = await acceptRestored(this.#db);
    if (accepted) this.#fed.push({ ...SETTINGS_CHANGED, seq: accepted.seq });
    return accepted?.quarantine;
  }

  atClose(check: () => Promise<void>): void {
    this.#checks.push(check);
  }

  audit(record: AuditRecord): void {
    this.#records.push(record);
  }

  putDelivery(delivery: Delivery): void {
    this.#changes++;
    this.#deliveries.push(delivery);
  }

  /** For what touches sessions and tokens: alone in a transaction it forgets nothing that is remembered of keys. */
  get #sessions(): Kysely<Tables> {
    this.#areSessionsTouched = true;
    return this.#db;
  }

  async #feed(row: FeedRow): Promise<void> {
    this.#changes++;
    this.#fed.push(row);
    if (!row.ends) return;
    if (row.kind === "key") await endTokensOf(this.#db, { keyId: row.id });
    if (row.kind !== "user") return;
    await endWebSessionsOf(this.#db, row.id, row.spares ?? null);
    await endTokensOf(this.#db, { userId: row.id });
  }

  async #refreshMembers(userIds: readonly number[]): Promise<void> {
    for await (const row of usersOf(this.#db, userIds)) {
      await this.#rows?.beforeUser(row.id);
      const { isLess: ends, isOther } = await refreshRights(this.#db, row);
      const { id, username: name } = row;
      if (isOther) await touchUser(this.#db, id);
      await this.#feed({ kind: "user", action: "changed", id, name, userId: id, ends });
    }
  }
}
