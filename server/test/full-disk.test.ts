/** R4, on real disks of some MiB in a mount namespace of its own. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readStates } from "../src/store/sqlite/state-file.ts";
import { PASSWORD } from "./installation.ts";
import { RpcClient } from "./rpc-client.ts";

const SCRIPT = new URL("./full-disk-script.ts", import.meta.url).pathname;
const MAIN = new URL("../../cli/src/main.ts", import.meta.url).pathname;
const TEST_MS = 240_000;

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of it is said by the test
  readonly json: any;
  readonly cookie: string;
}

/** A server on a small disk. Needs util-linux's unshare. */
class SmallDisk {
  readonly #base = mkdtempSync(join(tmpdir(), "chatelaine-disk-"));
  readonly state = `${this.#base}.state`;
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncIterator<string>;
  readonly data = join(this.#base, "data");
  url = "";

  constructor(mib = 4) {
    const flags = process.getuid?.() === 0 ? ["--mount"] : ["--mount", "--map-root-user"];
    const steps = `mount -t tmpfs -o size=${mib}m,mode=700 none "$1" && exec "$2" "$3" "$1" "$4"`;
    const args = ["sh", "-c", steps, "sh", this.#base, process.execPath, SCRIPT, this.state];
    this.#child = Bun.spawn(["unshare", ...flags, ...args], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#lines = linesOf(this.#child.stdout);
  }

  async step(name: "fill" | "neighbour" | "reader" | "free" | "open" | "close"): Promise<void> {
    this.url = await this.#ask(name);
  }

  async files(): Promise<string[]> {
    return (await this.#ask("list")).split(" ");
  }

  async #ask(line: string): Promise<string> {
    this.#child.stdin.write(`${line}\n`);
    this.#child.stdin.flush();
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("No small disk could be had");
    return value;
  }

  /** In the same namespace. */
  async command(...args: string[]): Promise<{ code: number; out: string; error: string }> {
    const { pid } = this.#child;
    const command = [process.execPath, MAIN, ...args, "--data", this.data, "--state", this.state];
    const within = ["nsenter", "--target", String(pid), "--mount", ...command];
    const child = Bun.spawn(within, { stdin: Buffer.from(PASSWORD), stdout: "pipe", stderr: "pipe" });
    const [out, error] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    return { code: await child.exited, out, error };
  }

  async send(
    route: string,
    { cookie = "", body }: { cookie?: string; body?: unknown } = {},
  ): Promise<Answer> {
    const [method = "", path = ""] = route.split(" ");
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        Origin: this.url,
        ...(cookie && { Cookie: cookie }),
        ...(body !== undefined && { "Content-Type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const set = response.headers.get("set-cookie")?.split(";")[0] ?? "";
    return { status: response.status, json: text && JSON.parse(text), cookie: set };
  }

  signIn(username: string, password = PASSWORD): Promise<Answer> {
    return this.send("POST /session", { body: { username, password } });
  }

  async auth(key: string): Promise<number> {
    return (await fetch(`${this.url}/auth`, { headers: { Authorization: `Bearer ${key}` } })).status;
  }

  async ready(): Promise<number> {
    return (await fetch(`${this.url}/readyz`)).status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await this.#child.exited;
    for (const path of [this.#base, this.state]) rmSync(path, { recursive: true, force: true });
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, string> {
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + new TextDecoder().decode(chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return "";
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await condition()) return;
    await Bun.sleep(20);
  }
  throw new Error("It did not happen within ten seconds");
}

/**
 * What the pages that are there have room for goes through; what would need one of the disk's is refused. What the server
 * gives back meanwhile, as its other log, is taken from it again.
 */
async function refusedAtLast(disk: SmallDisk, send: () => Promise<Answer>): Promise<Answer> {
  for (let tries = 1; tries < 200; tries++) {
    const answer = await send();
    if (answer.status >= 300) return answer;
    if (tries % 10 === 0) await disk.step("fill");
  }
  throw new Error("It is not refused");
}

/** With the administrator `root`, the holders `ada` and `eve`, and as many keys as the disk takes. */
async function makeFull(
  disk: SmallDisk,
): Promise<{ readonly root: string; readonly keys: readonly string[] }> {
  await disk.step("open");
  const made = await disk.command("user", "create", "root", "--role", "FULL_ADMIN", "--password-stdin");
  expect(made).toMatchObject({ code: 0 });
  const { cookie: root } = await disk.signIn("root");
  for (const username of ["ada", "eve"])
    await disk.send("POST /users", {
      cookie: root,
      body: { username, roles: ["KEY_HOLDER"], password: PASSWORD },
    });
  const keys: string[] = [];
  const make = async (): Promise<Answer> =>
    disk.send("POST /keys", { cookie: root, body: { name: `key-${keys.length}`, username: "ada" } });
  for (let answer = await make(); ; answer = await make()) {
    if (answer.status !== 201) {
      expect(answer).toMatchObject({ status: 507, json: { code: "storage_full" } });
      break;
    }
    keys.push(answer.json.key as string);
    if (keys.length >= KEYS_MAX) break;
  }
  await disk.step("fill");
  return { root, keys };
}

/** A disk twice as large would hold no more. */
const KEYS_MAX = 120;

const IT = test.skipIf(process.platform !== "linux");

IT(
  "on a full disk every key is paused, revoked or deleted and every user locked, by somebody who signs in then",
  async () => {
    await using disk = new SmallDisk();
    const { keys } = await makeFull(disk);
    expect(keys.length).toBeGreaterThan(60);
    // The server gives back what its other log holds as soon as the disk is short of room.
    await until(async () => {
      await disk.step("fill");
      return (await disk.ready()) === 503;
    });
    expect(await disk.auth(keys[0]!)).toBe(200);

    expect((await disk.signIn("root", "wrong")).status).toBe(401);
    const { status, cookie } = await disk.signIn("root");
    expect(status).toBe(200);
    await disk.step("fill");
    let made = 0;
    const create = async () => {
      const answer = await disk.send("POST /keys", {
        cookie,
        body: { name: `more-${made}`, username: "ada" },
      });
      if (answer.status === 201) made++;
      return answer;
    };
    for (const [place, key] of keys.entries()) {
      const id = key.split("-")[0];
      const ways = [`POST /keys/${id}/revoke`, `POST /keys/${id}/pause`, `DELETE /keys/${id}`] as const;
      const way = ways[place % 10 === 9 ? 2 : place % 10 === 8 ? 1 : 0]!;
      const body = way.endsWith("revoke") ? { body: { reason: "stolen" } } : {};
      const answer = await disk.send(way, { cookie, ...body });
      expect({ place, way, status: answer.status }).toEqual({ place, way, status: 200 });
      // Requests that would be recorded, and other programs, take what becomes free.
      await disk.auth("1-nonsense");
      await disk.step("fill");
      if (place % 5 !== 0) continue;
      expect(await refusedAtLast(disk, create)).toMatchObject({
        status: 507,
        json: { code: "storage_full" },
      });
      // There is room for whoever comes to revoke, and not for everybody.
      expect((await refusedAtLast(disk, () => disk.signIn("ada"))).status).toBe(507);
    }
    for (const username of ["ada", "eve"]) {
      expect((await disk.send(`POST /users/${username}/lock`, { cookie })).status).toBe(200);
      await disk.step("fill");
    }
    for (const key of keys) expect(await disk.auth(key)).not.toBe(200);
    // The command line, beside the server.
    expect(await disk.command("user", "unlock", "eve")).toMatchObject({
      code: 1,
      error: expect.stringContaining("full"),
    });

    await disk.step("free");
    await until(async () => (await create()).status === 201);
    await until(async () => (await disk.ready()) === 200);
    const { json } = await disk.send("GET /keys?limit=1000", { cookie });
    const left = keys.filter((_, place) => place % 10 !== 9).length;
    expect(json.total).toBe(left + made);
    const { seq } = readStates(disk.state)[0]!;
    expect(seq).toBeGreaterThan(keys.length);
  },
  TEST_MS,
);

const BESIDE: Readonly<Record<string, readonly ("neighbour" | "reader")[]>> = {
  "a process that takes every byte that becomes free": ["neighbour"],
  "such a process and one that reads for long, again and again": ["neighbour", "reader"],
};

IT.each(Object.keys(BESIDE))(
  "beside %s, every key is revoked, paused or deleted and every user locked",
  async (others) => {
    await using disk = new SmallDisk(6);
    const { keys, root: cookie } = await makeFull(disk);
    expect(keys.length).toBeGreaterThan(100);
    for (const other of BESIDE[others]!) await disk.step(other);
    const answers: Record<string, number> = {};
    const count = (way: string, status: number): void => {
      const name = `${way} ${status}`;
      answers[name] = (answers[name] ?? 0) + 1;
    };
    const end = async (key: string, place: number): Promise<void> => {
      const id = key.split("-")[0];
      const way = ["revoke", "pause", "delete", "revoke"][place % 4]!;
      const route = way === "delete" ? `DELETE /keys/${id}` : `POST /keys/${id}/${way}`;
      const body = way === "revoke" ? { body: { reason: "stolen" } } : {};
      count(way, (await disk.send(route, { cookie, ...body })).status);
    };
    // Some alone, the others many at once.
    for (const [place, key] of keys.slice(0, 40).entries()) await end(key, place);
    for (let from = 40; from < keys.length; from += 8)
      await Promise.all(keys.slice(from, from + 8).map((key, place) => end(key, from + place)));
    for (const username of ["ada", "eve"])
      count("lock", (await disk.send(`POST /users/${username}/lock`, { cookie })).status);
    expect(Object.keys(answers).filter((name) => !name.endsWith(" 200"))).toEqual([]);
    for (const key of keys) expect(await disk.auth(key)).not.toBe(200);
    const create = () => disk.send("POST /keys", { cookie, body: { name: "more", username: "root" } });
    await disk.step("free");
    await until(async () => (await create()).status === 201);
    await until(async () => (await disk.ready()) === 200);
  },
  TEST_MS,
);

IT(
  "a full disk is no way to guess: wrong passwords are counted there, and right ones are let in",
  async () => {
    await using disk = new SmallDisk();
    await makeFull(disk);
    const statuses: number[] = [];
    for (let turn = 0; turn < 12; turn++) statuses.push((await disk.signIn("eve", "wrong")).status);
    expect(statuses).toEqual([...Array<number>(10).fill(401), 429, 429]);
    expect((await disk.signIn("root")).status).toBe(200);
    const rpc = await RpcClient.connect(disk.url);
    expect(await rpc.call("auth.login", "root", PASSWORD)).toMatchObject({ result: true });
    rpc.socket.close();
    await disk.step("free");
    // What was counted meanwhile is written, and holds after a restart.
    await until(async () => (await disk.ready()) === 200);
    expect((await disk.signIn("eve")).status).toBe(429);
    await disk.step("close");
    await disk.step("open");
    expect((await disk.signIn("eve")).status).toBe(429);
  },
  TEST_MS,
);

IT(
  "a server that ends on a full disk leaves its databases whole, starts again on it, and revokes",
  async () => {
    await using disk = new SmallDisk();
    const { keys, root } = await makeFull(disk);
    await disk.step("close");
    expect((await disk.files()).filter((name) => /-(wal|shm)$/.test(name))).toEqual([]);
    await disk.step("fill");
    await disk.step("open");
    expect(await disk.auth(keys[0]!)).toBe(200);
    const id = keys[0]!.split("-")[0];
    const revoked = await disk.send(`POST /keys/${id}/revoke`, { cookie: root, body: { reason: "stolen" } });
    expect(revoked.status).toBe(200);
    expect(await disk.auth(keys[0]!)).toBe(401);
    const { code } = await disk.command("key", "revoke", keys[1]!.split("-")[0]!, "--reason", "stolen");
    expect(code).toBe(0);
    expect(await disk.auth(keys[1]!)).toBe(401);
  },
  TEST_MS,
);
