/** A real installation in a temporary folder, for tests: no fakes but the clock, where it is asked for. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Local, openLocal } from "../src/app.ts";
import { type RawConfig, readConfig } from "../src/config.ts";
import type { Caller } from "../src/domain/caller.ts";
import { systemCaller } from "../src/domain/caller.ts";
import type { Clock } from "../src/domain/clock.ts";
import { rightsOf } from "../src/domain/rights.ts";
import type { User } from "../src/domain/user.ts";
import { createLog, type Log } from "../src/log.ts";
import { createServer, type Server, type ServerOverrides } from "../src/server.ts";
import type { Store } from "../src/store/store.ts";

export const SYSTEM = systemCaller("command_line", "tester");
export const QUIET: Log = createLog("error", "text");
export const PASSWORD = "correct horse battery staple";

/** Time that moves when it is told to. */
export interface MovedClock extends Clock {
  advance(ms: number): void;
}

export function movedClock(start = Date.UTC(2030, 0, 1)): MovedClock {
  let now = start;
  return {
    now: () => now,
    monotonic: () => now,
    advance: (ms) => {
      now += ms;
    },
  };
}

/** Goes with the machine's, and jumps by what tests say. */
export class MovableClock implements Clock {
  #ahead = 0;

  now(): number {
    return Date.now() + this.#ahead;
  }

  monotonic(): number {
    return performance.now() + this.#ahead;
  }

  move(ms: number): void {
    this.#ahead += ms;
  }
}

export interface Folder extends AsyncDisposable {
  readonly path: string;
  /** The folder of its state file, beside it. */
  readonly state: string;
  /** The use cases straight on the folder; closed with it. */
  open(overrides?: ServerOverrides): Promise<Local>;
  /** A server on it, on free ports; closed with it. */
  serve(raw?: RawConfig, overrides?: ServerOverrides): Promise<Server>;
}

/** A folder that a server has made, with the database and the master secret in it. */
export async function makeInstallation(): Promise<Folder> {
  const path = mkdtempSync(join(tmpdir(), "chatelaine-test-"));
  const state = `${path}.state`;
  const opened: { close(): Promise<void> }[] = [];
  const keep = <T extends { close(): Promise<void> }>(one: T): T => {
    opened.push(one);
    return one;
  };
  const folder: Folder = {
    path,
    state,
    open: async (overrides = {}) =>
      keep(await openLocal({ data: path, state }, { log: QUIET, ...overrides })),
    serve: async (raw = {}, overrides = {}) => {
      const config = readConfig(
        { data: path, state, http: "127.0.0.1:0", https: "off", anonymousRate: "0", ...raw },
        {},
      );
      return keep(await createServer(config, { log: QUIET, ...overrides }));
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(opened.map((one) => one.close()));
      for (const made of [path, state]) rmSync(made, { recursive: true, force: true });
    },
  };
  const first = await folder.serve({ http: `unix:${join(path, "first.sock")}` });
  await first.close();
  opened.pop();
  return folder;
}

/** Somebody who is signed in at a browser on loopback. */
export async function callerOf(store: Store, user: User): Promise<Caller> {
  const address = "127.0.0.1";
  const id = await openBrowser(store, user.id, address);
  return {
    kind: "user",
    userId: user.id,
    username: user.username,
    key: null,
    methods: ["password"],
    ceilings: user.ceilings,
    session: { kind: "browser", id },
    endsAt: null,
    origin: { door: "rest", address, port: 1, transport: "secure", client: "test", sessionId: id },
    ...rightsOf(user.allRoles, user.allScopes),
  };
}

/** A browser's session of this user, whether or not there is a password to sign in by. @returns its id */
export async function openBrowser(store: Store, userId: number, address: string | null): Promise<string> {
  const id = crypto.randomUUID();
  const now = Date.now();
  const session = {
    id,
    userId,
    createdAt: now,
    seenAt: now,
    address,
    client: "test",
    secure: true,
    methods: ["password"],
  };
  const digest = crypto.getRandomValues(new Uint8Array(32));
  const dead = { seenBefore: 0, createdBefore: 0 };
  await store.transact("sign_in", (tx) => tx.putWebSession(session, digest, dead));
  return id;
}
