/**
 * What goes out has no deadline: a client may pause for longer than a connection may rest, and only one that takes nothing
 * for long is cut. The two times are shorter here; what happens is compared with what else happens, never with a clock.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import type { App } from "../src/app.ts";
import type { Server } from "../src/server.ts";
import { type Folder, makeInstallation, movedClock, SYSTEM } from "./installation.ts";
import { bearer } from "./rest-app.ts";
import { withEnd } from "./rpc-client.ts";

const LISTENERS = ["http", "https", "unix"] as const;
type ListenerName = (typeof LISTENERS)[number];

const PATIENCE = { keepAliveSeconds: 8, untakenSeconds: 24 };
const WAIT_MS = 120_000;
/** More than the buffers of a TCP connection take; a unix socket takes less. */
const RECORDS = 900;
const RECORD_CHARS = 10_000;
const EXPORT = "/api/v1/audit/export?format=jsonl";
const ANSWERS: Readonly<Record<ListenerName, readonly string[]>> = {
  http: [EXPORT],
  https: [EXPORT],
  unix: [EXPORT, "/api/docs/assets/scalar.js", "/api/v1/audit?limit=100"],
};

let folder: Folder;
let key: string;
let app: App;
let urls: Record<ListenerName, string>;

beforeAll(async () => {
  folder = await makeInstallation();
  const raw = { https: "127.0.0.1:0" };
  const server: Server = await folder.serve(raw, { patience: PATIENCE });
  ({ app } = server);
  const { users, keys } = app;
  await users.create(SYSTEM, { username: "ada", roles: ["FULL_ADMIN"] });
  key = (await keys.create(SYSTEM, { name: "hers", username: "ada" })).secret.text;
  const details = { note: ".".repeat(RECORD_CHARS) };
  const description = "Sign in";
  for (let number = 0; number < RECORDS; number++)
    app.audit.note({
      event: "AUTHENTICATION",
      action: "API_KEY",
      description,
      details,
      success: true,
    });
  await app.audit.flush();
  const [http = "", https = ""] = server.urls;
  const other = await folder.serve(
    { http: `unix:${join(folder.path, "http.sock")}` },
    { patience: PATIENCE },
  );
  urls = { http, https, unix: other.urls[0]! };
});

afterAll(() => folder[Symbol.asyncDispose]());

class Reader {
  readonly socket: Socket;
  readonly gone: Promise<void>;
  taken = 0;
  #head = "";
  #end = "";
  isGone = false;

  constructor(listener: ListenerName, path: string, pauses = false) {
    const url = urls[listener];
    const { hostname: host, port } = new URL(url.startsWith("unix:") ? "http://x" : url);
    this.socket = url.startsWith("unix:")
      ? connect({ path: url.slice("unix:".length) })
      : listener === "https"
        ? (connectTls({ host, port: Number(port), rejectUnauthorized: false }) as unknown as Socket)
        : connect({ host, port: Number(port) });
    const headers = Object.entries({ Host: "localhost", ...bearer(key) }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    this.socket.write(`${[`GET ${path} HTTP/1.1`, ...headers].join("\r\n")}\r\n\r\n`);
    this.socket.on("data", (data: Buffer) => {
      if (pauses && this.taken === 0) this.socket.pause();
      this.taken += data.length;
      if (this.#head === "") this.#head = data.toString("latin1");
      this.#end = (this.#end + data.subarray(-8).toString("latin1")).slice(-8);
    });
    this.socket.on("error", () => undefined);
    this.gone = withEnd(
      new Promise((resolve) => {
        this.socket.on("close", () => {
          this.isGone = true;
          resolve();
        });
      }),
      `${path} stays open on ${listener}`,
      WAIT_MS,
    );
  }

  /** By its length, or by the last of its chunks. */
  get isWhole(): boolean {
    const length = /^content-length: (\d+)/im.exec(this.#head)?.[1];
    if (length === undefined) return this.#end.endsWith("\r\n0\r\n\r\n");
    return this.taken >= Number(length) + this.#head.indexOf("\r\n\r\n") + 4;
  }

  async until(isEnough: () => boolean): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!isEnough() && !this.isGone) await Bun.sleep(5);
    };
    await withEnd(wait(), "nothing came", WAIT_MS);
  }
}

/** The stream tells it. */
async function change(stream: Reader): Promise<void> {
  const before = stream.taken;
  await app.keys.create(SYSTEM, { name: crypto.randomUUID(), username: "ada" });
  await stream.until(() => stream.taken > before);
  expect(stream.isGone).toBe(false);
}

test("a request whose answer takes longer than a connection may rest is answered", async () => {
  // Its body is never late.
  const slow = await folder.serve({}, { patience: PATIENCE, clock: movedClock(Date.now()) });
  const headers = { ...bearer(key), "Content-Type": "application/json" };
  const { promise: marked, resolve: goOn } = Promise.withResolvers<void>();
  const body = new ReadableStream({
    start: async (controller) => {
      controller.enqueue(new TextEncoder().encode('{"name":'));
      await marked;
      controller.enqueue(new TextEncoder().encode('"slowly","username":"ada"}'));
      controller.close();
    },
  });
  const asked = fetch(`${slow.urls[0]}/api/v1/keys`, { method: "POST", headers, body });
  // Longer than any connection rests that was idle all the time.
  for (let round = 0; round < 2; round++) await new Reader("http", "/api/v1/keys/1").gone;
  goOn();
  expect((await asked).status).toBe(201);
});

describe("a reader", () => {
  test.concurrent.each(LISTENERS)(
    "on the listener %s goes on after a pause, is cut where it takes nothing, and keeps a stream",
    async (listener) => {
      const paths = ANSWERS[listener];
      const open = (pauses: boolean): Reader[] => paths.map((path) => new Reader(listener, path, pauses));
      const wholes = open(false);
      for (const one of wholes) await one.until(() => one.isWhole);
      const [pausing, never] = [open(true), open(true)];
      for (const one of [...pausing, ...never]) await one.until(() => one.taken > 0);
      const stream = new Reader(listener, "/api/v1/events");
      // It rests from its answer on, and the others have taken nothing for as long when it is closed.
      await new Reader("http", "/api/v1/keys/1").gone;
      await change(stream);
      for (const one of pausing) one.socket.resume();
      for (const one of pausing) await one.until(() => one.isWhole);
      expect(pausing.map(({ isWhole }) => isWhole)).toEqual(paths.map(() => true));

      // A paused socket does not hear that it is closed: another of the same age does, and then nothing more comes.
      await Promise.all(pausing.map(({ gone }) => gone));
      for (const one of never) one.socket.resume();
      await Promise.all(never.map(({ gone }) => gone));
      expect(never.map(({ isWhole }) => isWhole)).toEqual(paths.map(() => false));
      await change(stream);
      for (const { socket } of [stream, ...wholes]) socket.destroy();
    },
  );
});
