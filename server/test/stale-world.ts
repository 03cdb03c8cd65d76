/**
 * Two servers on one folder, an administrator, and victims: users who come by each credential and whose acts are held at a
 * known place until their credential has ended. Nothing is slept for: a wait ends when what it waits for has happened.
 */
import { Database } from "bun:sqlite";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { HASHES_AT_ONCE_MAX } from "@chatelaine/contract/limits";
import { operationList } from "@chatelaine/contract/operations/operations";
import type { App } from "../src/app.ts";
import type { RawConfig } from "../src/config.ts";
import type { Caller } from "../src/domain/caller.ts";
import { AppError } from "../src/domain/errors.ts";
import { FairQueue } from "../src/domain/fair-queue.ts";
import type { Server } from "../src/server.ts";
import {
  type Folder,
  type MovedClock,
  makeInstallation,
  movedClock,
  PASSWORD,
  SYSTEM,
} from "./installation.ts";
import { RpcClient, withEnd } from "./rpc-client.ts";
import type { Targets } from "./stale-callers.ts";

const WAIT_MS = 60_000;
const FILLER_PASSWORD = "a password that is never hashed";

/** A place where somebody waits until it is opened. */
export class TestGate {
  #waiting: (() => void)[] = [];
  #changed: (() => void)[] = [];
  #isOpen = false;

  get count(): number {
    return this.#waiting.length;
  }

  async pass(): Promise<void> {
    if (this.#isOpen) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      for (const tell of this.#changed.splice(0)) tell();
    });
  }

  /** Resolves when so many wait here. */
  async holds(count: number): Promise<void> {
    while (this.#waiting.length < count)
      await withEnd(
        new Promise<void>((resolve) => this.#changed.push(resolve)),
        `${this.#waiting.length} of ${count} arrived`,
        WAIT_MS,
      );
  }

  /** For those who only say that they were here. */
  arrive(): void {
    void this.pass();
  }

  open(): void {
    this.#isOpen = true;
    for (const go of this.#waiting.splice(0)) go();
  }
}

export interface Victim {
  readonly id: number;
  readonly username: string;
  readonly key: { readonly id: number; readonly text: string };
  /** Headers of a browser, and the id of its session. */
  readonly browser: { readonly headers: Record<string, string>; readonly id: string };
  /** Two of each: a socket runs ten calls at once. */
  readonly sockets: Readonly<Record<"key" | "password", readonly RpcClient[]>>;
}

export interface TwoServers extends AsyncDisposable {
  readonly clock: MovedClock;
  readonly url: string;
  /** Another process's worth of connections on the same folder. */
  readonly otherUrl: string;
  readonly app: App;
  readonly other: App;
  readonly database: Database;
  /** Headers of a full administrator. */
  readonly root: Record<string, string>;
  victim(): Promise<Victim>;
  targets(victim: Victim, areOwn: boolean): Targets;
}

export async function openWorld(raw: RawConfig = {}): Promise<TwoServers> {
  const clock = movedClock();
  const folder = await makeInstallation();
  const [one, two] = [await folder.serve(raw, { clock }), await folder.serve(raw, { clock })];
  const receiver = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(null) });
  const { app } = one;
  await app.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
  const { secret } = await app.keys.create(SYSTEM, { name: "root", username: "root" });
  await app.users.create(SYSTEM, { username: "other", roles: ["KEY_HOLDER"], password: PASSWORD });
  const webhookUrl = `http://127.0.0.1:${receiver.port}/`;
  await app.settings.change(SYSTEM, { webhookUrl, webhookSecret: "a secret of some length" });
  const world = new StaleWorld({ folder, one, two, clock, secret: secret.text });
  return Object.assign(world, {
    [Symbol.asyncDispose]: async () => {
      world.close();
      await receiver.stop(true);
      await folder[Symbol.asyncDispose]();
    },
  });
}

interface Parts {
  readonly folder: Folder;
  readonly one: Server;
  readonly two: Server;
  readonly clock: MovedClock;
  readonly secret: string;
}

class StaleWorld {
  readonly clock: MovedClock;
  readonly app: App;
  readonly other: App;
  readonly url: string;
  readonly otherUrl: string;
  readonly database: Database;
  readonly root: Record<string, string>;
  readonly #shared = new Map<string, Promise<unknown>>();
  readonly #sockets: RpcClient[] = [];
  #count = 0;

  constructor({ folder, one, two, clock, secret }: Parts) {
    this.clock = clock;
    this.app = one.app;
    this.other = two.app;
    this.url = one.urls[0]!;
    this.otherUrl = two.urls[0]!;
    this.root = { Authorization: `Bearer ${secret}` };
    this.database = new Database(join(folder.path, "chatelaine.db"), { readwrite: true });
    this.database.run("PRAGMA busy_timeout = 5000");
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
    this.database.close();
  }

  async victim(): Promise<Victim> {
    const username = `victim${++this.#count}`;
    const { users, keys } = this.app;
    const { id } = await users.create(SYSTEM, {
      username,
      roles: ["FULL_ADMIN"],
      password: PASSWORD,
    });
    const { key, secret } = await keys.create(SYSTEM, { name: username, username });
    const byKey = () => this.#signIn("auth.login_with_api_key", secret.text);
    const byPassword = () => this.#signIn("auth.login", username, PASSWORD);
    return {
      id,
      username,
      key: { id: key.id, text: secret.text },
      browser: await this.#browser(username),
      sockets: {
        key: [await byKey(), await byKey()],
        password: [await byPassword(), await byPassword()],
      },
    };
  }

  async #signIn(method: string, ...params: string[]): Promise<RpcClient> {
    const socket = await RpcClient.connect(this.url);
    this.#sockets.push(socket);
    if ((await socket.result(method, ...params)) !== true) throw new Error(`${method} was refused`);
    return socket;
  }

  async #browser(username: string): Promise<Victim["browser"]> {
    const response = await fetch(`${this.url}/api/v1/session`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ username, password: PASSWORD }),
    });
    const cookie = response.headers.get("set-cookie")!.split(";")[0]!;
    const { session } = (await response.json()) as { session: { id: string } };
    return { headers: { Cookie: cookie, Origin: this.url }, id: session.id };
  }

  targets(victim: Victim, areOwn: boolean): Targets {
    const make = <T>(name: string, work: () => Promise<T>): Promise<T> => {
      if (areOwn) return work();
      if (!this.#shared.has(name)) this.#shared.set(name, work());
      return this.#shared.get(name) as Promise<T>;
    };
    const { groups, sessions, users, keys } = this.app;
    const fresh = (): string => `target${++this.#count}`;
    const user = (state?: "locked") =>
      make(`user ${state}`, async () => {
        const made = await users.create(SYSTEM, { username: fresh(), roles: ["KEY_HOLDER"] });
        return state ? users.lock(SYSTEM, made.id) : made;
      });
    return {
      victim: victim.username,
      keyText: victim.key.text,
      fresh: () => `made${++this.#count}`,
      user,
      key: (state) =>
        make(`key ${state}`, async () => {
          const { key } = await keys.create(SYSTEM, { name: fresh(), username: "other" });
          if (state) await keys.pause(SYSTEM, key.id);
          return key.id;
        }),
      group: () =>
        make("group", async () => {
          const { name } = await groups.create(SYSTEM, { name: fresh(), roles: [], scopes: [] });
          const { username: member } = await users.create(SYSTEM, {
            username: fresh(),
            roles: [],
            groups: [name],
          });
          return { name, member };
        }),
      session: (of) =>
        make(`session of a ${of}`, async () => {
          if (of === "browser") return (await this.#browser("other")).id;
          await this.#signIn("auth.login", "other", PASSWORD);
          return sessions.list(SYSTEM).at(-1)!.id;
        }),
    };
  }
}

/** Everything that is kept but what is the victim's own; of that, what only acts of the victim change. */
export function contents(database: Database, { id, username, key }: Victim): Record<string, unknown[]> {
  const all = (sql: string): unknown[] => database.query(sql).all();
  return {
    users: all(`SELECT * FROM users WHERE id <> ${id} ORDER BY id`),
    groups: all("SELECT * FROM groups ORDER BY id"),
    members: all("SELECT * FROM group_members ORDER BY 1, 2"),
    keys: all(`SELECT * FROM keys WHERE user_id <> ${id} ORDER BY id`),
    secrets: all(`SELECT id, key_id FROM secrets WHERE key_id <> ${key.id} ORDER BY id`),
    settings: all("SELECT * FROM settings ORDER BY name"),
    sessions: all(`SELECT id FROM web_sessions WHERE user_id <> ${id} ORDER BY id`),
    acts: all(`SELECT action, target_name FROM audit WHERE username = '${username}' ORDER BY seq`),
    attributes: all(`SELECT attributes FROM users WHERE id = ${id} AND attributes <> '{}'`),
    tokens: all(`SELECT id FROM tokens WHERE user_id = ${id} ORDER BY id`),
    made: all(`SELECT name FROM keys WHERE user_id = ${id} AND id <> ${key.id} ORDER BY id`),
  };
}

/** A request whose headers have arrived and whose body is held back. */
export class HeldRequest {
  readonly #socket: Socket;
  readonly #body: string;
  #received = "";
  readonly #ended: Promise<void>;

  constructor(url: string, route: string, sent: { headers: Record<string, string>; body: string }) {
    const { hostname, port } = new URL(url);
    this.#body = sent.body;
    this.#socket = connect(Number(port), hostname);
    this.#socket.on("data", (data) => {
      this.#received += data.toString("utf8");
    });
    this.#socket.on("error", () => {});
    this.#ended = new Promise((resolve) => this.#socket.on("close", () => resolve()));
    const headers = {
      ...sent.headers,
      Host: `${hostname}:${port}`,
      Connection: "close",
      "Content-Type": "application/json",
      "Content-Length": String(Buffer.byteLength(sent.body)),
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#socket.write(`${route} HTTP/1.1\r\n${lines.join("")}\r\n`);
  }

  async finish(): Promise<{ readonly status: number; readonly text: string }> {
    this.#socket.write(this.#body);
    await withEnd(this.#ended, "a held request was not answered", WAIT_MS);
    const [head = "", ...rest] = this.#received.split("\r\n\r\n");
    return { status: Number(head.split(" ")[1]), text: rest.join("\r\n\r\n") };
  }
}

/** `POST /api/v1/keys/7/reset`. */
export function routeOf(name: string, params: Readonly<Record<string, string | number>> = {}): string {
  const { method, path } = operationList.find((one) => one.name === name)!;
  return `${method} /api/v1${path.replaceAll(/\{(\w+)\}/g, (_, param: string) => String(params[param]))}`;
}

type Transact = App["store"]["transact"];
type By = Parameters<Transact>[0];

/** Puts something in the way of each transaction of a server, until it is given back. @returns the way back */
export function intercept(
  app: App,
  around: (by: By, run: () => Promise<unknown>) => Promise<unknown>,
): () => void {
  const store = app.store as { transact: Transact };
  const { transact } = store;
  store.transact = ((by, work, options) => around(by, () => transact(by, work, options))) as Transact;
  return () => {
    store.transact = transact;
  };
}

export function isBy(by: By, victim: Victim): by is Caller {
  return typeof by !== "string" && by.userId === victim.id;
}

/** Keeps transactions of a server open, their work done and the lock held, until the gate opens. @returns the way back */
export function holdOpen(app: App, isHeld: (by: By) => boolean, gate: TestGate): () => void {
  const store = app.store as { transact: Transact };
  const { transact } = store;
  store.transact = ((by, work, options) =>
    transact(
      by,
      async (tx) => {
        const result = await work(tx);
        if (isHeld(by)) await gate.pass();
        return result;
      },
      options,
    )) as Transact;
  return () => {
    store.transact = transact;
  };
}

export function isByRoot(by: By): boolean {
  return by === "command_line" || (typeof by !== "string" && by.username === "root");
}

/** Calls back for each request of the victim whose caller has been judged. @returns the way back */
export function watchCallers(app: App, victim: Victim, seen: () => void): () => void {
  const { signIn, browserSessions, sessions } = app as {
    signIn: { callerOfKey: App["signIn"]["callerOfKey"] };
    browserSessions: { find: App["browserSessions"]["find"] };
    sessions: { caller: App["sessions"]["caller"] };
  };
  const [ofKey, ofBrowser, ofSocket] = [signIn.callerOfKey, browserSessions.find, sessions.caller];
  const note = (caller: Caller | undefined): void => {
    if (caller?.userId === victim.id) seen();
  };
  signIn.callerOfKey = async (...args) => {
    const result = await ofKey(...args);
    note(result.ok ? result.caller : undefined);
    return result;
  };
  browserSessions.find = async (...args) => {
    const result = await ofBrowser(...args);
    note(result?.caller);
    return result;
  };
  sessions.caller = async (session) => {
    const caller = await ofSocket.call(sessions, session);
    note(caller);
    return caller;
  };
  return () => {
    signIn.callerOfKey = ofKey;
    browserSessions.find = ofBrowser;
    sessions.caller = ofSocket;
  };
}

/** Takes all places for derivations, until the gate opens; then the keys that were to be made are given up. */
export async function fillDerivations(app: App, gate: TestGate): Promise<void> {
  const store = app.store as { reserveKeyId: App["store"]["reserveKeyId"] };
  const { reserveKeyId } = store;
  let left = HASHES_AT_ONCE_MAX;
  store.reserveKeyId = async () => {
    if (left-- <= 0) return reserveKeyId();
    await gate.pass();
    throw new AppError("unavailable", "given up");
  };
  const make = (_: unknown, place: number) =>
    app.keys.create(SYSTEM, { name: `filler${place}`, username: "other" }).catch(() => {});
  await Promise.all(Array.from({ length: HASHES_AT_ONCE_MAX }, make));
  store.reserveKeyId = reserveKeyId;
}

/** Takes all places for hashes of passwords, until the gate opens; then the users who were to be made are given up. */
export async function fillHashes(app: App, gate: TestGate): Promise<void> {
  const { hash } = Bun.password;
  Bun.password.hash = async (...args) => {
    if (args[0] !== FILLER_PASSWORD) return hash(...args);
    await gate.pass();
    throw new AppError("unavailable", "given up");
  };
  const make = (_: unknown, place: number) =>
    app.users.create(SYSTEM, { username: `filler${place}`, password: FILLER_PASSWORD }).catch(() => {});
  await Promise.all(Array.from({ length: HASHES_AT_ONCE_MAX }, make));
  Bun.password.hash = hash;
}

/** Calls back for each who comes for a place that is shared. @returns the way back */
export function watchLines(seen: () => void): () => void {
  const { enter } = FairQueue.prototype;
  FairQueue.prototype.enter = function (party) {
    const entered = enter.call(this, party);
    seen();
    return entered;
  };
  return () => {
    FairQueue.prototype.enter = enter;
  };
}

export async function request(
  url: string,
  route: string,
  { headers, body }: { readonly headers: Record<string, string>; readonly body: string | null },
): Promise<{ readonly status: number; readonly text: string }> {
  const [method, path] = route.split(" ") as [string, string];
  const sent = { ...headers, ...(body === null ? {} : { "Content-Type": "application/json" }) };
  const response = await fetch(url + path, { method, headers: sent, body });
  return { status: response.status, text: await response.text() };
}
