/**
 * What a caller hangs on, read within a transaction for the judgement in its closing statements.
 *
 * Each row is read at the end, so that whatever others have committed until then counts; a row that the transaction itself
 * is about to change is read just before, and its own change neither helps nor hurts its caller. From that statement on the
 * row is held by this transaction, so nobody else can end the caller by it unseen.
 */
import type { Kysely, Selectable } from "kysely";
import type { Caller } from "../domain/caller.ts";
import { checkRecordOf, checkUserOf, secretOf } from "./row-mappers.ts";
import type { KeyRow, Tables } from "./schema.ts";
import { findSettings } from "./settings-rows.ts";
import type { CheckUser, StandingRows, StoredSecret } from "./store.ts";
import { findWebSession } from "./web-sessions.ts";

interface KeyPart {
  readonly row: Selectable<KeyRow>;
  readonly secrets: readonly StoredSecret[];
}

export class CallerRows {
  readonly #db: Kysely<Tables>;
  readonly #caller: Caller;
  #key: Promise<KeyPart | undefined> | undefined;
  #user: Promise<CheckUser | undefined> | undefined;
  #browser: Promise<StandingRows["browser"]> | undefined;

  constructor(db: Kysely<Tables>, caller: Caller) {
    this.#db = db;
    this.#caller = caller;
  }

  /** Before a key's row or secrets change. */
  async beforeKey(id: number): Promise<void> {
    if (id === this.#caller.key?.id) await this.#readKey();
  }

  /** Before a user's row changes, and with it perhaps the user's sessions. */
  async beforeUser(id: number): Promise<void> {
    if (id !== this.#caller.userId) return;
    await this.#readUser();
    await this.#readBrowser();
  }

  /** Before sessions of browsers, or the settings that they live by, change. */
  async beforeSessions(): Promise<void> {
    await this.#readBrowser();
  }

  async read(): Promise<StandingRows> {
    const key = await this.#readKey();
    const user = await this.#readUser();
    const browser = await this.#readBrowser();
    const isOwn = key !== undefined && key.row.user_id === user?.id;
    const record = isOwn ? checkRecordOf(key.row, user, key.secrets) : undefined;
    return { record, user, browser };
  }

  #readKey(): Promise<KeyPart | undefined> {
    this.#key ??= this.#findKey();
    return this.#key;
  }

  #readUser(): Promise<CheckUser | undefined> {
    this.#user ??= this.#findUser();
    return this.#user;
  }

  #readBrowser(): Promise<StandingRows["browser"]> {
    this.#browser ??= this.#findBrowser();
    return this.#browser;
  }

  async #findKey(): Promise<KeyPart | undefined> {
    const id = this.#caller.key?.id;
    if (id === undefined) return undefined;
    const row = await this.#db.selectFrom("keys").selectAll().where("id", "=", id).executeTakeFirst();
    if (!row) return undefined;
    const secrets = await this.#db
      .selectFrom("secrets")
      .selectAll()
      .where("key_id", "=", id)
      .orderBy("id")
      .execute();
    const expires_at = row.expiry_told === 1 ? Math.min(row.expires_at ?? 0, 0) : row.expires_at;
    return { row: { ...row, expires_at }, secrets: secrets.map(secretOf) };
  }

  async #findUser(): Promise<CheckUser | undefined> {
    const row = await this.#db
      .selectFrom("users")
      .selectAll()
      .where("id", "=", this.#caller.userId)
      .executeTakeFirst();
    return row && checkUserOf(row);
  }

  async #findBrowser(): Promise<StandingRows["browser"]> {
    const { session: ref } = this.#caller;
    if (ref?.kind !== "browser") return undefined;
    const session = await findWebSession(this.#db, ref);
    if (!session) return undefined;
    return { session, hours: (await findSettings(this.#db)).sessionHours };
  }
}
