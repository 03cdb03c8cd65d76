/**
 * R13 for bodies: at every door of every listener a body has 15 s from the end of its headers, however it drips, and what
 * is answered unread is the last answer of its connection. Time is moved; the sockets are real.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { BODY_MS } from "@chatelaine/contract/limits";
import type { Server } from "../src/server.ts";
import {
  type Folder,
  type MovedClock,
  makeInstallation,
  movedClock,
  PASSWORD,
  SYSTEM,
} from "./installation.ts";
import { withEnd } from "./rpc-client.ts";

const LISTENERS = ["http", "https", "unix", "check"] as const;
type ListenerName = (typeof LISTENERS)[number];

interface Door {
  readonly route: string;
  /** A JSON body that is taken there. undefined: nobody reads one. */
  readonly body?: string;
  readonly on?: readonly ListenerName[];
  /** undefined: a key of an administrator. */
  readonly isStranger?: boolean;
}

const FULL: readonly ListenerName[] = ["http", "https", "unix"];
const SIGN_IN = JSON.stringify({ username: "ada", password: PASSWORD });
const DOORS: readonly Door[] = [
  { route: "POST /api/v1/verify", body: '{"key":"1-x"}' },
  { route: "POST /api/v1/keys", body: '{"name":"a"}', on: FULL },
  { route: "PATCH /api/v1/keys/1", body: '{"description":"a"}', on: FULL },
  { route: "DELETE /api/v1/keys/77", body: "{}", on: FULL },
  { route: "POST /api/v1/session", body: SIGN_IN, on: FULL, isStranger: true },
  { route: "DELETE /api/v1/session", body: "{}", on: FULL },
  { route: "POST /auth" },
  { route: "GET /auth" },
  { route: "POST /auth/envoy/below/it?x=1" },
  { route: "POST /auth/elsewhere" },
  { route: "POST /authentic" },
  { route: "GET /healthz" },
  { route: "POST /readyz" },
  { route: "POST /nothing/here" },
  { route: "GET /.well-known/jwks.json" },
  { route: "POST /.well-known/jwks.json" },
  { route: "POST /metrics", on: FULL },
  { route: "GET /metrics", on: FULL },
  { route: "GET /api/v1/keys", on: FULL },
  { route: "GET /api/v1/keys/1", on: FULL },
  { route: "GET /api/v1/session", on: FULL },
  { route: "GET /api/v1/audit/export?format=csv", on: FULL },
  { route: "POST /api/v1/nothing", on: FULL },
  { route: "OPTIONS /api/v1/keys", on: FULL },
  { route: "GET /api/docs/current", on: FULL },
  { route: "POST /api/docs/current", on: FULL },
  { route: "GET /api/openapi.json", on: FULL },
  { route: "POST /api/current", on: FULL },
  { route: "GET /api/versions", on: FULL },
  { route: "POST /api/nothing", on: FULL },
  { route: "GET /keys", on: FULL },
  { route: "POST /sign-in", on: FULL },
  { route: "POST /assets/x.js", on: FULL },
];

const MANNERS = ["a length, and drips", "chunks that drip", "a length, and nothing", "chunks, and nothing"];

let folder: Folder;
let clock: MovedClock;
let server: Server;
let key: string;

beforeAll(async () => {
  folder = await makeInstallation();
  clock = movedClock();
  server = await folder.serve({ https: "127.0.0.1:0", check: "127.0.0.1:0" }, { clock });
  const { users, keys } = server.app;
  await users.create(SYSTEM, { username: "ada", roles: ["FULL_ADMIN"], password: PASSWORD });
  key = (await keys.create(SYSTEM, { name: "hers", username: "ada" })).secret.text;
  const socket = await folder.serve({ http: `unix:${join(folder.path, "http.sock")}` }, { clock });
  urls = { ...urls, unix: socket.urls[0]! };
  const [http, https, check] = server.urls;
  urls = { ...urls, http: http!, https: https!, check: check! };
  // The screens are built at their first request.
  await fetch(`${urls.http}/keys`);
});

afterAll(() => folder[Symbol.asyncDispose]());

let urls: Record<ListenerName, string> = { http: "", https: "", unix: "", check: "" };

/** One connection whose request never ends by itself. */
class Slow {
  readonly socket: Socket;
  readonly opened: Promise<unknown>;
  readonly gone: Promise<void>;
  received = "";
  isGone = false;

  constructor(listener: ListenerName) {
    this.socket = open(urls[listener]);
    this.opened = once(this.socket, listener === "https" ? "secureConnect" : "connect");
    this.socket.on("data", (data: Buffer) => {
      this.received += data.toString("latin1");
    });
    this.socket.on("error", () => undefined);
    this.gone = new Promise((resolve) => {
      this.socket.on("close", () => {
        this.isGone = true;
        resolve();
      });
    });
  }

  begin({ route, isStranger }: Door, manner: string): void {
    const [method, path] = route.split(" ") as [string, string];
    const length = manner.startsWith("a length") ? "Content-Length: 1000" : "Transfer-Encoding: chunked";
    const auth = isStranger ? "" : `Authorization: Bearer ${key}\r\n`;
    this.socket.write(
      `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${auth}Content-Type: application/json\r\n${length}\r\n\r\n`,
    );
  }

  /** White space may stand before any JSON. */
  drip(manner: string): void {
    if (manner.endsWith("drips")) this.socket.write(" ");
    if (manner.endsWith("drip")) this.socket.write("1\r\n \r\n");
  }

  end(body: string, manner: string, dripped: number): void {
    const rest = " ".repeat(1000 - dripped - body.length) + body;
    if (manner.startsWith("a length")) this.socket.write(rest);
    else this.socket.write(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.received)?.[1]);
  }
}

function open(url: string): Socket {
  if (url.startsWith("unix:")) return connect({ path: url.slice("unix:".length) });
  const { hostname: host, port, protocol } = new URL(url);
  if (protocol === "https:")
    return connectTls({ host, port: Number(port), rejectUnauthorized: false }) as unknown as Socket;
  return connect({ host, port: Number(port) });
}

/** What was written before has come to the server once a later request was answered. */
async function settled(other: Slow): Promise<void> {
  for (let round = 0; round < 2; round++) {
    other.received = "";
    other.socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await answered(other);
    expect(other.status).toBe(200);
  }
}

function answered(slow: Slow): Promise<void> {
  const wait = async (): Promise<void> => {
    while (slow.received === "" && !slow.isGone) await Bun.sleep(2);
  };
  return withEnd(wait(), "no answer");
}

const isRead = ({ body }: Door): boolean => body !== undefined;
const at = (listener: ListenerName, reads: boolean): readonly Door[] =>
  DOORS.filter((door) => (door.on ?? LISTENERS).includes(listener) && isRead(door) === reads);

describe.each(LISTENERS)("on the listener %s", (listener) => {
  test("a body that nobody reads is not waited for", async () => {
    const rows = at(listener, false).flatMap((door) => MANNERS.map((manner) => ({ door, manner })));
    const got = await Promise.all(
      rows.map(async ({ door, manner }) => {
        const slow = new Slow(listener);
        await slow.opened;
        slow.begin(door, manner);
        slow.drip(manner);
        await withEnd(slow.gone, `${door.route} with ${manner} stays open`);
        return [door.route, manner, slow.status > 0, /^connection: close/im.test(slow.received)];
      }),
    );
    expect(got).toEqual(rows.map(({ door, manner }) => [door.route, manner, true, true]));
  });

  test("a body that is read may come for 15 s, and no longer", async () => {
    const rows = at(listener, true).flatMap((door) =>
      MANNERS.flatMap((manner) =>
        [true, false].map((ends) => ({ door, manner, ends, slow: new Slow(listener) })),
      ),
    );
    const other = new Slow(listener);
    await Promise.all([other, ...rows.map(({ slow }) => slow)].map(({ opened }) => opened));
    for (const { door, manner, slow } of rows) slow.begin(door, manner);
    await settled(other);
    let dripped = 0;
    for (; dripped < 14; dripped++) {
      for (const { manner, slow } of rows) slow.drip(manner);
      clock.advance(1_000);
      await settled(other);
    }
    clock.advance(BODY_MS - 14_000 - 1);
    for (const { door, manner, ends, slow } of rows)
      if (ends) slow.end(door.body!, manner, manner.endsWith("drips") ? dripped : 0);
    const intime = rows.filter(({ ends }) => ends);
    const late = rows.filter(({ ends }) => !ends);
    await Promise.all(intime.map(({ slow }) => answered(slow)));
    expect(intime.filter(({ slow }) => !(slow.status > 0 && slow.status !== 408))).toEqual([]);
    expect(late.filter(({ slow }) => slow.received !== "" || slow.isGone)).toEqual([]);
    clock.advance(1);
    await Promise.all(late.map(({ slow, door }) => withEnd(slow.gone, `${door.route} stays open`)));
    const told = late.map(({ door, manner, slow }) => [
      door.route,
      manner,
      slow.status,
      /^connection: close/im.test(slow.received),
      slow.received.includes('"code":"request_timeout"'),
    ]);
    expect(told).toEqual(late.map(({ door, manner }) => [door.route, manner, 408, true, true]));
    for (const { slow } of [...intime, { slow: other }]) slow.socket.destroy();
  });
});
