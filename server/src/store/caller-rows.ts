/**
 * What a caller hangs on, read within a transaction for the judgement in its closing statements.
 *
 * Each row is read at the end, so that whatever others have committed until then counts; a row that the transaction itself
 * is about to change is read just before, and its own change neither helps nor hurts its caller. From that statement on the
 * row is held by this transaction, so nobody else can end the caller by it unseen.
 */
import type { Kysely, Selectable } from "kysely";
import type { Caller } from "../domain/caller.ts";
import {
  type CheckUserRow,
  checkRecordOf,
  checkUserOf,
  type SecretColumns,
  secretOf,
} from "./row-mappers.ts";
import type { KeyRow, Tables } from "./schema.ts";
import { findSettings, settingsOf } from "./settings-rows.ts";
import type { CheckUser, StandingRows, StoredSecret } from "./store.ts";
import { findWebSession, sessionOf } from "./web-sessions.ts";

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
    await this.#readAtOnce();
    const key = await this.#readKey();
    const user = await this.#readUser();
    const browser = await this.#readBrowser();
    const isOwn = key !== undefined && key.row.user_id === user?.id;
    const record = isOwn ? checkRecordOf(key.row, user, key.secrets) : undefined;
    return { record, user, browser };
  }

  /** Where no part had to be read before: the same rows in one statement. Where a row is missing, each is read by itself. */
  async #readAtOnce(): Promise<void> {
    if (this.#key || this.#user || this.#browser) return;
    const { key, userId, session } = this.#caller;
    if (key && session?.kind !== "browser") {
      const found = await findKeyAndUser(this.#db, { id: key.id, userId });
      if (!found) return;
      this.#key = Promise.resolve(found.key);
      this.#user = Promise.resolve(found.user);
    } else if (!key && session?.kind === "browser") {
      const found = await findUserAndBrowser(this.#db, { id: session.id, userId });
      if (!found) return;
      this.#user = Promise.resolve(found.user);
      this.#browser = Promise.resolve(found.browser);
    }
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
    return { row: asJudged(row), secrets: secrets.map(secretOf) };
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

/** What was told to have expired stays expired, wherever the clock goes. */
function asJudged<Row extends Pick<Selectable<KeyRow>, "expires_at" | "expiry_told">>(row: Row): Row {
  return row.expiry_told === 1 ? { ...row, expires_at: Math.min(row.expires_at ?? 0, 0) } : row;
}

async function findKeyAndUser(
  db: Kysely<Tables>,
  { id, userId }: { readonly id: number; readonly userId: number },
): Promise<{ readonly key: KeyPart; readonly user: CheckUser } | undefined> {
  const rows = await db
    .selectFrom("keys")
    .innerJoin("users", "users.id", "keys.user_id")
    .leftJoin("secrets", "secrets.key_id", "keys.id")
    .selectAll("keys")
    .select(OWNER)
    .select([
      "secrets.digest",
      "secrets.sealed",
      "secrets.salt",
      "secrets.iterations",
      "secrets.created_at as secret_created_at",
      "secrets.ends_at",
    ])
    .where("keys.id", "=", id)
    .where("users.id", "=", userId)
    .orderBy("secrets.id")
    .execute();
  const [row] = rows;
  if (!row) return undefined;
  const secrets = rows.flatMap((one) =>
    one.digest === null ? [] : [secretOf({ ...one, created_at: one.secret_created_at } as SecretColumns)],
  );
  return { key: { row: asJudged(row), secrets }, user: ownerOf(row) };
}

async function findUserAndBrowser(
  db: Kysely<Tables>,
  { id, userId }: { readonly id: string; readonly userId: number },
): Promise<{ readonly user: CheckUser; readonly browser: StandingRows["browser"] } | undefined> {
  const row = await db
    .selectFrom("web_sessions")
    .innerJoin("users", "users.id", "web_sessions.user_id")
    .selectAll("web_sessions")
    .select(OWNER)
    .select(({ selectFrom }) =>
      selectFrom("settings").select("value").where("name", "=", "sessionHours").as("session_hours"),
    )
    .where("web_sessions.id", "=", id)
    .where("users.id", "=", userId)
    .executeTakeFirst();
  if (!row) return undefined;
  const set = row.session_hours === null ? [] : [{ name: "sessionHours", value: row.session_hours }];
  return { user: ownerOf(row), browser: { session: sessionOf(row), hours: settingsOf(set).sessionHours } };
}

/** Columns of users beside those of another table. */
const OWNER = [
  "users.id as owner_id",
  "users.username as owner_name",
  "users.full_name",
  "users.email",
  "users.locked_at",
  "users.all_roles",
  "users.all_scopes",
  "users.group_names",
  "users.ceilings",
] as const;

type OwnerRow = Omit<CheckUserRow, "id" | "username"> & {
  readonly owner_id: number;
  readonly owner_name: string;
};

function ownerOf(row: OwnerRow): CheckUser {
  return checkUserOf({ ...row, id: row.owner_id, username: row.owner_name });
}
