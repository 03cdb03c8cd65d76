/** Real folders, put back as an operator does: promise 10, R24 and R35. */
import { afterEach, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../src/config.ts";
import type { Log } from "../src/log.ts";
import { createServer, type Local, openLocal, type Server } from "../src/server.ts";
import { askDoors, type Shown } from "./doors.ts";
import { PASSWORD, QUIET, SYSTEM } from "./installation.ts";
import { until } from "./rest-app.ts";

interface Line {
  readonly level: "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** An installation whose folder is moved about, so that nothing may stay open between two starts. */
class Place {
  readonly base = mkdtempSync(join(tmpdir(), "chatelaine-restored-"));
  readonly data = join(this.base, "data");
  state = join(this.base, "state");
  readonly lines: Line[] = [];
  readonly #open: { close(): Promise<void> }[] = [];

  get #log(): Log {
    const keep =
      (level: Line["level"]) =>
      (message: string, fields = {}) =>
        void this.lines.push({ level, message, fields });
    return { ...QUIET, warn: keep("warn"), error: keep("error") };
  }

  async serve(data = this.data): Promise<Server> {
    const raw = { data, state: this.state, http: "127.0.0.1:0", https: "off", anonymousRate: "0" };
    const server = await createServer(readConfig(raw, {}), { log: this.#log });
    this.#open.push(server);
    return server;
  }

  async local(data = this.data): Promise<Local> {
    const local = await openLocal({ data, state: this.state }, { log: this.#log });
    this.#open.push(local);
    return local;
  }

  /** Ends everything in good order. */
  async stop(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((one) => one.close()));
  }

  copy(name: string): string {
    const to = join(this.base, name);
    cpSync(this.data, to, { recursive: true });
    return to;
  }

  putBack(copy: string): void {
    rmSync(this.data, { recursive: true });
    cpSync(copy, this.data, { recursive: true });
  }

  said(part: RegExp): Line[] {
    return this.lines.filter(({ message }) => part.test(message));
  }
}

const places: Place[] = [];
function makePlace(): Place {
  const place = new Place();
  places.push(place);
  return place;
}
afterEach(async () => {
  for (const place of places.splice(0)) {
    await place.stop();
    rmSync(place.base, { recursive: true, force: true });
  }
});

/** With an administrator, a key of theirs, and a second key. */
async function fill(server: Server): Promise<Shown & { readonly second: { id: number; text: string } }> {
  const { accounts, keys } = server.app;
  await accounts.users.create(SYSTEM, { username: "ada", roles: ["FULL_ADMIN"], password: PASSWORD });
  const { secret } = await keys.create(SYSTEM, { name: "first", username: "ada" });
  const second = await keys.create(SYSTEM, { name: "second", username: "ada" });
  return {
    ...{ username: "ada", password: PASSWORD, key: secret.text },
    second: { id: second.key.id, text: second.secret.text },
  };
}

async function signIn(url: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/session`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Origin: url },
    body: JSON.stringify({ username: "ada", password: PASSWORD }),
  });
  return response.headers.get("set-cookie")!.split(";")[0]!;
}

const auth = async (url: string, key: string): Promise<number> =>
  (await fetch(`${url}/auth`, { headers: { Authorization: `Bearer ${key}` } })).status;

test("the whole folder put back to before a revocation is in quarantine at every door, until it is accepted", async () => {
  const place = makePlace();
  const first = await place.serve();
  const shown = await fill(first);
  const cookie = await signIn(first.urls[0]!);
  await place.stop();
  const copy = place.copy("backup");
  const again = await place.serve();
  await again.app.keys.revoke(SYSTEM, shown.second.id, "stolen");
  expect(await auth(again.urls[0]!, shown.second.text)).toBe(401);
  await place.stop();
  place.putBack(copy);

  const server = await place.serve();
  const url = server.urls[0]!;
  expect(place.said(/older than the last change/)).toMatchObject([
    { level: "error", fields: { lastChange: expect.any(Number), lastKnownChange: expect.any(Number) } },
  ]);
  const { fields } = place.said(/older than the last change/)[0]!;
  expect(Number(fields.lastKnownChange)).toBe(Number(fields.lastChange) + 1);
  const answers = await askDoors(url, { ...shown, cookie });
  for (const [door, answer] of Object.entries(answers))
    expect({ door, answer }).toEqual({ door, answer: expect.stringMatching(REFUSED) });
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);

  // The command line looks and revokes, and says what is the matter.
  const local = await place.local();
  expect((await local.keys.list(local.caller, {})).rows.map(({ name }) => name)).toEqual(["first", "second"]);
  await local.keys.revoke(local.caller, shown.second.id, "stolen, as before");
  expect(await local.restore.accept(local.caller)).toMatchObject({ why: "behind" });
  await server.app.feed.follow();
  expect(await auth(url, shown.key)).toBe(200);
  expect(await auth(url, shown.second.text)).toBe(401);
  expect((await fetch(`${url}/api/v1/keys`, { headers: { Cookie: cookie } })).status).toBe(401);
  expect(await signIn(url)).toContain("=");
  await until(async () => (await fetch(`${url}/readyz`)).status === 200);
  const { rows } = await local.audit.list(local.caller, { where: equals("action", "restore.accept") });
  expect(rows).toMatchObject([{ door: "cli", success: true }]);
  await expect(local.restore.accept(local.caller)).rejects.toMatchObject({ code: "conflict" });
});

const REFUSED = /^503( restore_not_accepted)?$|^-32001 \[EBUSY\] The database was put back/;

function equals(name: string, value: string) {
  return { kind: "test", path: [name], op: "=", fold: false, value } as const;
}

test("a quarantine holds over restarts and for every process, and what it took the place of is not taken for it", async () => {
  const place = makePlace();
  const first = await place.serve();
  const shown = await fill(first);
  await place.stop();
  const old = place.copy("old");
  const second = await place.serve();
  await second.app.keys.revoke(SYSTEM, shown.second.id, "stolen");
  await place.stop();
  const right = place.copy("right");

  place.putBack(old);
  // More changes than are missing do not lift it.
  for (let turn = 0; turn < 3; turn++) {
    const local = await place.local();
    await local.keys.create(local.caller, { name: `later-${turn}`, username: "ada" });
    expect(() => local.verify.verify(shown.key, { origin: null })).toThrow(/put back from an older copy/);
    await place.stop();
  }
  for (let turn = 0; turn < 2; turn++) {
    const [one, two] = [await place.serve(), await place.serve()];
    expect([await auth(one.urls[0]!, shown.key), await auth(two.urls[0]!, shown.key)]).toEqual([503, 503]);
    await place.stop();
  }

  place.putBack(right);
  const healed = await place.serve();
  expect(await auth(healed.urls[0]!, shown.key)).toBe(200);
  expect(await auth(healed.urls[0]!, shown.second.text)).toBe(401);
  await place.stop();

  place.putBack(old);
  const local = await place.local();
  await local.restore.accept(local.caller);
  await place.stop();
  const accepted = await place.serve();
  expect(await auth(accepted.urls[0]!, shown.second.text)).toBe(200);
  await place.stop();
  place.putBack(right);
  const other = await place.serve();
  expect(await auth(other.urls[0]!, shown.key)).toBe(503);
});
