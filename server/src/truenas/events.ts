/**
 * Events (`conformance/2.5-events.txt`): every change of keys, users and sessions, told in order to those who asked and may know.
 *
 * What changed is read once for all subscribers, many changes at a time, and never holds a secret. Rights are looked at when
 * somebody subscribes and again each time that something is sent. Nobody is told of what was before they subscribed.
 */
import { randomUUID } from "node:crypto";
import type { Role } from "@chatelaine/contract/roles";
import type { Groups } from "../accounts/groups.ts";
import type { Users } from "../accounts/users.ts";
import type { Feed } from "../activity/feed.ts";
import { type Caller, requireRole, systemCaller } from "../domain/caller.ts";
import { maskDeep } from "../domain/masking.ts";
import { ERRNO } from "../http/errors.ts";
import type { Connection } from "../http/jsonrpc/api.ts";
import type { Keys } from "../keys/keys.ts";
import type { Log } from "../log.ts";
import type { Session } from "../sign-in/credential.ts";
import type { Sessions } from "../sign-in/sessions.ts";
import { CallError } from "./errors.ts";
import { keyEntry } from "./key-entry.ts";
import { test } from "./listing.ts";
import { sessionEntry } from "./sessions.ts";
import { userEntry } from "./user-entry.ts";
import { type Entry, omit, type Version } from "./version.ts";

/** Events with the roles that may know; null: every session. */
export const EVENTS: Readonly<Record<string, readonly Role[] | null>> = {
  "api_key.query": ["API_KEY_READ"],
  "user.query": ["ACCOUNT_READ"],
  "auth.sessions": ["FULL_ADMIN"],
  "core.get_jobs": null,
  "*": ["FULL_ADMIN"],
};

const SUBSCRIPTIONS_MAX = 100;
const AT_ONCE = 200;
/** Changes waiting to be told. More than that and every subscriber learns that events are missing. */
const WAITING_MAX = 10_000;

export interface EventDeps {
  readonly keys: Pick<Keys, "list">;
  readonly users: Pick<Users, "list">;
  readonly groups: Pick<Groups, "list">;
  readonly sessions: Pick<Sessions, "caller" | "subscribe">;
  readonly feed: Pick<Feed, "subscribe">;
  readonly log: Log;
  version(name: string): Version;
}

type Action = "added" | "changed" | "removed";
type Collection = "api_key.query" | "user.query" | "auth.sessions";

/** Something that happened. */
interface EventRecord {
  readonly collection: Collection;
  readonly action: Action;
  readonly id: number | string;
  /** Rises from one to the next. */
  readonly place: number;
  /** Of a session; keys and users are read when they are told. */
  readonly entry?: Entry;
}

interface Subscription {
  readonly event: string;
  /** It is told of what has this place or a later one. */
  readonly from: number;
}

type Subscriptions = Map<string, Subscription>;

export class Events {
  readonly #deps: EventDeps;
  readonly #subscribers = new Map<Connection, Subscriptions>();
  #nextPlace = 0;
  #waiting: EventRecord[] = [];
  #isTelling = false;

  constructor(deps: EventDeps) {
    this.#deps = deps;
    deps.feed.subscribe(({ kind, action, id }) => {
      if (kind === "key") this.#add({ collection: "api_key.query", action, id });
      if (kind === "user") this.#add({ collection: "user.query", action, id });
    });
    deps.sessions.subscribe((action, session) => this.#addSession(action, session));
  }

  /**
   * Throws where the caller may not. As the original, a full administrator subscribes to any name: clients subscribe before
   * they look at what there is, and an event that is not here never comes. @returns the subscription's id
   */
  subscribe(connection: Connection, caller: Caller, event: string): string {
    const roles = Object.hasOwn(EVENTS, event) ? EVENTS[event]! : (["FULL_ADMIN"] as const);
    if (roles !== null) requireRole(caller, ...roles);
    const mine = this.#subscribers.get(connection) ?? this.#enter(connection);
    if (mine.size >= SUBSCRIPTIONS_MAX)
      throw new CallError("EBUSY", `At most ${SUBSCRIPTIONS_MAX} subscriptions`);
    const id = randomUUID();
    mine.set(id, { event, from: this.#nextPlace });
    return id;
  }

  unsubscribe(connection: Connection, id: string): void {
    this.#subscribers.get(connection)?.delete(id);
  }

  #enter(connection: Connection): Subscriptions {
    const mine: Subscriptions = new Map();
    this.#subscribers.set(connection, mine);
    connection.onSignedOut(() => this.#subscribers.delete(connection));
    return mine;
  }

  #addSession(action: "added" | "removed", session: Session): void {
    const entry = omit(sessionEntry(session, false), "current", "internal");
    this.#add({ collection: "auth.sessions", action, id: session.id, entry });
  }

  #add(news: Omit<EventRecord, "place">): void {
    if (this.#subscribers.size === 0) return;
    this.#waiting.push({ ...news, place: this.#nextPlace++ });
    if (this.#waiting.length > WAITING_MAX) this.#giveUp();
    else if (!this.#isTelling) void this.#tellAll();
  }

  async #tellAll(): Promise<void> {
    this.#isTelling = true;
    // Not within the change that is told of.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, AT_ONCE);
      try {
        const fields = await this.#read(batch);
        for (const news of batch) await this.#tell(news, fields);
      } catch (error) {
        this.#deps.log.error("Events could not be told", { count: batch.length, error });
      }
    }
    this.#isTelling = false;
  }

  /** Entries by collection and id, as they are now. */
  async #read(batch: readonly EventRecord[]): Promise<ReadonlyMap<string, Entry>> {
    const { keys, users } = this.#deps;
    const caller = systemCaller("reader");
    const read = new Map<string, Entry>();
    const keyIds = idsOf(batch, "api_key.query");
    if (keyIds.length > 0) {
      const { rows } = await keys.list(caller, { where: test("id", "in", keyIds), limit: keyIds.length });
      for (const key of rows) read.set(`api_key.query ${key.id}`, keyEntry(key, undefined));
    }
    const userIds = idsOf(batch, "user.query");
    if (userIds.length > 0) {
      const { rows } = await users.list(caller, {
        where: test("id", "in", userIds),
        limit: userIds.length,
      });
      const groups = await this.#deps.groups.list(caller);
      for (const user of rows) read.set(`user.query ${user.id}`, userEntry(user, groups));
    }
    return read;
  }

  async #tell(news: EventRecord, read: ReadonlyMap<string, Entry>): Promise<void> {
    const entry = news.entry ?? read.get(`${news.collection} ${news.id}`);
    // Gone meanwhile: its removal is told in turn.
    if (news.action !== "removed" && !entry) return;
    const texts = new Map<string, string>();
    for (const [connection, mine] of this.#subscribers) {
      if (!isWanted(mine, news) || !(await this.#mayKnow(connection, news.collection))) continue;
      const { version } = connection;
      const text = texts.get(version) ?? textOf(news, entry, this.#deps.version(version));
      texts.set(version, text);
      connection.notify(text);
    }
  }

  async #mayKnow(connection: Connection, collection: Collection): Promise<boolean> {
    const roles = EVENTS[collection]!;
    try {
      const { session } = connection;
      const caller = session && (await this.#deps.sessions.caller(session));
      return caller !== undefined && roles!.some((role) => caller.roles.has(role));
    } catch {
      return false;
    }
  }

  #giveUp(): void {
    this.#waiting = [];
    this.#deps.log.warn("Changes came faster than they could be told; subscriptions were ended", {});
    const reason = "[EBUSY] Changes came faster than they could be told";
    const error = { error: ERRNO.EBUSY, errname: "EBUSY", reason, trace: null, extra: null };
    for (const [connection, mine] of this.#subscribers) {
      for (const collection of new Set(Array.from(mine.values(), ({ event }) => event))) {
        connection.notify(notification("notify_unsubscribed", { collection, error }));
      }
      mine.clear();
    }
  }
}

function idsOf(batch: readonly EventRecord[], collection: Collection): number[] {
  const ids = batch.flatMap((news) =>
    news.collection === collection && news.action !== "removed" ? [news.id as number] : [],
  );
  return [...new Set(ids)];
}

function isWanted(mine: Subscriptions, { collection, place }: EventRecord): boolean {
  return mine.values().some(({ event, from }) => from <= place && (event === collection || event === "*"));
}

function textOf({ collection, action, id }: EventRecord, entry: Entry | undefined, version: Version): string {
  const said = { msg: action, collection, id };
  if (action === "removed") {
    const more = collection === "auth.sessions" ? { extra: { fields: { id } } } : {};
    return notification("collection_update", { ...said, ...more });
  }
  const bend = {
    "api_key.query": version.keyEntry,
    "user.query": version.userEntry,
    "auth.sessions": version.sessionEntry,
  };
  return notification("collection_update", { ...said, fields: bend[collection](entry!) });
}

/** A finished event: what looks like a secret is masked, no matter who named something so. */
function notification(name: string, params: object): string {
  return JSON.stringify(maskDeep({ jsonrpc: "2.0", method: name, params }));
}
