import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Folder, makeInstallation, movedClock, PASSWORD, SYSTEM } from "./installation.ts";
import { type ConnectOptions, RpcClient } from "./rpc-client.ts";
import { type Case, differ, fillIn, type Placeholders, readTranscript, type Step } from "./transcript.ts";

const FOLDER = join(import.meta.dir, "../../conformance");
const ROLES = {
  root: ["FULL_ADMIN"],
  reader: ["READONLY_ADMIN"],
  writer: ["API_KEY_WRITE"],
  holder: ["KEY_HOLDER"],
  auditor: ["SYSTEM_AUDIT_READ"],
  idle: ["KEY_HOLDER"],
} as const;

interface World {
  readonly folder: Folder;
  readonly urls: Readonly<Record<"ws" | "wss", string>>;
  /** Of another server on the same folder, to which a trusted proxy speaks. */
  readonly proxied: string;
  readonly values: Placeholders;
}

async function makeWorld(): Promise<World> {
  const folder = await makeInstallation();
  const clock = movedClock();
  const server = await folder.serve({ https: "127.0.0.1:0" }, { clock });
  const { users } = server.app;
  const { keys } = server.app;
  const values: Placeholders = new Map([["password", PASSWORD]]);
  const makeKey = async (name: string, username: string, expiresAt?: number): Promise<number> => {
    const { key, secret } = await keys.create(SYSTEM, { name, username, expiresAt });
    values.set(`${name}.key`, secret.text).set(`${name}.id`, String(key.id));
    return key.id;
  };
  for (const [username, roles] of Object.entries(ROLES)) {
    const user = await users.create(SYSTEM, {
      username,
      roles,
      password: username === "root" ? PASSWORD : undefined,
    });
    values.set(`${username}.user`, String(user.id));
    await makeKey(username, username);
  }
  await makeKey("expired", "holder", clock.now() + 1_000);
  await keys.revoke(SYSTEM, await makeKey("revoked", "holder"), "Seen in a log");
  await keys.pause(SYSTEM, await makeKey("paused", "holder"));
  await users.update(SYSTEM, Number(values.get("idle.user")), { roles: [] });
  clock.advance(2_000);
  // Told before anybody listens.
  await keys.sweepExpired();
  const [ws, wss] = server.urls as [string, string];
  await server.app.settings.change(SYSTEM, { insecureTransportDialect: "revoke" });
  const behind = await folder.serve({ trustedProxy: ["127.0.0.1"] }, { clock });
  return { folder, urls: { ws, wss }, proxied: behind.urls[0]!, values };
}

/** One case on its own connections. */
class Run {
  readonly #url: string;
  readonly #proxied: string;
  readonly #values: Placeholders;
  readonly #options = new Map<string, ConnectOptions>();
  readonly #clients = new Map<string, RpcClient>();
  #response: Response | undefined;

  constructor(url: string, { values, proxied }: Pick<World, "values" | "proxied">) {
    this.#url = url;
    this.#proxied = proxied;
    this.#values = values;
  }

  async step(step: Step): Promise<void> {
    const text = fillIn(step.text, this.#values);
    if (step.kind === "@") await this.#direct(step.on, text);
    else if (step.kind === "?") this.#response = await this.#request(text);
    else if (step.kind === "=") await this.#compareResponse(text);
    else if (step.kind === ">") (await this.#client(step.on)).sendText(text);
    else if (step.kind === "<") await this.#compare(step, JSON.parse(text));
    else await this.#compareClose(step.on, text);
  }

  /** Whatever was answered was expected. What comes of the sockets' end is over before the next case begins. */
  async end(): Promise<void> {
    for (const client of this.#clients.values()) {
      expect(client.inbox).toEqual([]);
      client.close();
      await client.closed;
    }
  }

  async #direct(on: string, text: string): Promise<void> {
    const [word, ...rest] = text.split(" ");
    const options = this.#options.get(on) ?? {};
    if (word === "path") this.#options.set(on, { ...options, path: rest[0]! });
    else if (word === "header") {
      const [name, value] = rest.join(" ").split(": ") as [string, string];
      this.#options.set(on, { ...options, headers: { ...options.headers, [name]: value } });
    } else if (word === "as") {
      await (await this.#client(on)).signIn(rest[0]!, this.#values.get(`${rest[0]}.key`)!);
    } else if (word === "clear") {
      const headers = { ...options.headers, "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "ws" };
      this.#clients.set(on, await RpcClient.connect(this.#proxied, { ...options, headers }));
    } else if (word === "binary") (await this.#client(on)).socket.send(Buffer.from(rest[0]!, "hex"));
    else if (word !== "only") throw new Error(`@ ${text}: no such directive`);
  }

  async #client(on: string): Promise<RpcClient> {
    const known = this.#clients.get(on);
    if (known) return known;
    const client = await RpcClient.connect(this.#url, this.#options.get(on));
    this.#clients.set(on, client);
    return client;
  }

  async #compare({ on }: Step, expected: { id?: unknown }): Promise<void> {
    const client = await this.#client(on);
    const isSame = (id: unknown): boolean => JSON.stringify(id) === JSON.stringify(expected.id);
    const actual = await client.take((message) => isSame(message.id));
    expect(differ(expected, actual, this.#values)).toBeUndefined();
  }

  async #compareClose(on: string, text: string): Promise<void> {
    const [code, reason] = await (await this.#client(on)).closed;
    expect(`${code} ${reason}`.trim()).toBe(text);
  }

  #request(text: string): Promise<Response> {
    const [method, path] = text.split(" ") as [string, string];
    const headers = this.#options.get("")?.headers ?? {};
    return fetch(`${this.#url}${path}`, { method, headers, tls: { rejectUnauthorized: false } });
  }

  async #compareResponse(text: string): Promise<void> {
    const [, status, json] = /^(\d+) ?(.*)$/.exec(text)!;
    expect(this.#response?.status).toBe(Number(status));
    if (json === "") return;
    expect(differ(JSON.parse(json!), await this.#response!.json(), this.#values)).toBeUndefined();
  }
}

function isFor(scheme: string, { steps }: Case): boolean {
  return !steps.some(
    ({ kind, text }) => kind === "@" && text.startsWith("only ") && text !== `only ${scheme}`,
  );
}

for (const file of readdirSync(FOLDER)
  .filter((name) => name.endsWith(".txt"))
  .sort()) {
  const cases = readTranscript(join(FOLDER, file));
  for (const scheme of ["ws", "wss"] as const) {
    describe(`conformance/${file} over ${scheme}`, () => {
      let world: World;
      beforeAll(async () => {
        world = await makeWorld();
      });
      afterAll(() => world.folder[Symbol.asyncDispose]());
      for (const one of cases.filter((candidate) => isFor(scheme, candidate))) {
        test(one.title, async () => {
          const run = new Run(world.urls[scheme], world);
          for (const step of one.steps) {
            await run.step(step).catch((error: unknown) => {
              throw new Error(
                `conformance/${file}:${step.line}: ${step.text.slice(0, 200)}: ${(error as Error).message}`,
              );
            });
          }
          await run.end();
        });
      }
    });
  }
}
