/** R7: the answer is lost after the change was committed; the same request with the same Idempotency-Key makes no second one. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, createServer, type Server } from "node:net";
import { bearer, openRest, type RestApp, SYSTEM } from "./rest-app.ts";

const CUTS = 25;
let rest: RestApp;
let auth: Record<string, string>;
let line: Server;
let cutting: string;

beforeAll(async () => {
  rest = await openRest();
  auth = bearer(await rest.key("ada", "admin"));
  line = cutLine(Number(new URL(rest.url).port));
  await new Promise<void>((resolve) => line.listen(0, "127.0.0.1", () => resolve()));
  cutting = `http://127.0.0.1:${(line.address() as { port: number }).port}`;
});
afterAll(async () => {
  line.close();
  await rest[Symbol.asyncDispose]();
});

/** Carries requests to the server, and cuts at the first byte of an answer: what was asked for is done by then. */
function cutLine(port: number): Server {
  return createServer((client) => {
    const server = connect(port, "127.0.0.1");
    client.pipe(server);
    server.once("data", () => {
      client.destroy();
      server.destroy();
    });
    client.on("error", () => server.destroy());
    server.on("error", () => client.destroy());
  });
}

async function isLost(path: string, idempotencyKey: string, body: object, method = "POST"): Promise<boolean> {
  const answer = fetch(`${cutting}/api/v1${path}`, {
    method,
    headers: { ...auth, "Content-Type": "application/json", "Idempotency-Key": idempotencyKey },
    body: JSON.stringify(body),
    keepalive: false,
  });
  return answer.then(
    () => false,
    () => true,
  );
}

test("a key whose answer was lost is made once, and the repetition gets one that works", async () => {
  for (let cut = 0; cut < CUTS; cut++) {
    const name = `cut-${cut}`;
    const body = { name, username: "ada" };
    expect(await isLost("/keys", name, body)).toBe(true);
    const headers = { ...auth, "Idempotency-Key": name };
    const again = await rest.send("POST /keys", { headers, body });
    expect(again.status).toBe(201);
    const works = await rest.send("GET /keys/self", { headers: bearer(again.json.key) });
    expect([works.status, works.json.id]).toEqual([200, again.json.id]);
  }
  const { rows } = await rest.app.keys.list(SYSTEM, {});
  expect(rows.filter(({ name }) => name.startsWith("cut-")).length).toBe(CUTS);
}, 60_000);

test("a reset whose answer was lost leaves one secret that works", async () => {
  const { key, secret } = await rest.app.keys.create(SYSTEM, { name: "reset", username: "ada" });
  expect(await isLost(`/keys/${key.id}/reset`, "reset-1", {})).toBe(true);
  const headers = { ...auth, "Idempotency-Key": "reset-1" };
  const again = await rest.send(`POST /keys/${key.id}/reset`, { headers, body: {} });
  expect(again.status).toBe(200);
  const statuses = [secret.text, again.json.key].map(async (text) => {
    const { status } = await rest.send("GET /keys/self", { headers: bearer(text) });
    return status;
  });
  expect(await Promise.all(statuses)).toEqual([401, 200]);
});

test("a reset of a key that is in use until then gives a secret that works", async () => {
  for (let cut = 0; cut < 5; cut++) {
    const { key, secret } = await rest.app.keys.create(SYSTEM, { name: `busy ${cut}`, username: "ada" });
    expect((await rest.send("GET /keys/self", { headers: bearer(secret.text) })).status).toBe(200);
    expect(await isLost(`/keys/${key.id}/reset`, `busy-${cut}`, {})).toBe(true);
    const headers = { ...auth, "Idempotency-Key": `busy-${cut}` };
    const again = await rest.send(`POST /keys/${key.id}/reset`, { headers, body: {} });
    expect([cut, again.status]).toEqual([cut, 200]);
    expect((await rest.send("GET /keys/self", { headers: bearer(again.json.key) })).status).toBe(200);
    // The secret is used now: whoever repeats once more takes it from nobody.
    const late = await rest.send(`POST /keys/${key.id}/reset`, { headers, body: {} });
    expect([late.status, late.json.code]).toEqual([409, "conflict"]);
  }
}, 60_000);

describe("a secret whose answer was lost is given again", () => {
  const again = (name: string, body: object) =>
    rest.send("POST /keys", { headers: { ...auth, "Idempotency-Key": name }, body });

  test("also where the repetition's answer is lost", async () => {
    const body = { name: "lost-twice", username: "ada" };
    expect(await isLost("/keys", "lost-twice", body)).toBe(true);
    expect(await isLost("/keys", "lost-twice", body)).toBe(true);
    const { status, json } = await again("lost-twice", body);
    expect(status).toBe(201);
    expect((await rest.send("GET /keys/self", { headers: bearer(json.key) })).status).toBe(200);
  });

  test.each<[string, (id: number) => Promise<unknown>]>([
    ["reset", async (id) => rest.app.keys.reset(SYSTEM, id)],
    ["edited", (id) => rest.app.keys.update(SYSTEM, id, { description: "somebody's now" })],
    [
      "paused and resumed",
      async (id) => {
        await rest.app.keys.pause(SYSTEM, id);
        await rest.app.keys.resume(SYSTEM, id);
      },
    ],
  ])("not where somebody else has %s the key meanwhile", async (word, change) => {
    const body = { name: `meanwhile ${word}`, username: "ada" };
    const name = `meanwhile-${word.replaceAll(" ", "-")}`;
    expect(await isLost("/keys", name, body)).toBe(true);
    const { rows } = await rest.app.keys.list(SYSTEM, {});
    const { id } = rows.find((key) => key.name === body.name)!;
    const changed = (await change(id)) as { secret?: { text: string } } | undefined;
    const { status, json } = await again(name, body);
    expect([status, json.code]).toEqual([409, "conflict"]);
    const text = changed?.secret?.text;
    if (text) expect((await rest.send("GET /keys/self", { headers: bearer(text) })).status).toBe(200);
  });
});

describe("a change whose answer was lost is made once, and its repetition tells what it made:", () => {
  const lostThenAgain = async (route: string, body: object) => {
    const [method, path] = route.split(" ") as [string, string];
    const once = route.replace(" ", "");
    expect(await isLost(path, once, body, method)).toBe(true);
    const again = await rest.send(route, { headers: { ...auth, "Idempotency-Key": once }, body });
    const plain = await rest.send(route, { headers: auth, body });
    return { status: again.status, json: again.json, plain: plain.status };
  };

  test("an edit of a key, which is no conflict with itself", async () => {
    const { key } = await rest.app.keys.create(SYSTEM, { name: "edited", username: "ada" });
    const body = { description: "once", version: key.version };
    const { status, json, plain } = await lostThenAgain(`PATCH /keys/${key.id}`, body);
    expect([status, json.description, json.version]).toEqual([200, "once", key.version + 1]);
    expect(plain).toBe(409);
  });

  test("a new user, and one who gets another name", async () => {
    const made = await lostThenAgain("POST /users", { username: "lost", roles: ["KEY_HOLDER"] });
    expect([made.status, made.json.username, made.plain]).toEqual([201, "lost", 409]);
    const renamed = await lostThenAgain("PATCH /users/lost", { username: "found" });
    expect([renamed.status, renamed.json.username, renamed.json.id]).toEqual([200, "found", made.json.id]);
    expect(renamed.plain).toBe(404);
  });

  test("settings, which are no conflict with themselves", async () => {
    const { version } = (await rest.send("GET /settings", { headers: auth })).json;
    const body = { session_idle_minutes: 45, version };
    const { status, json, plain } = await lostThenAgain("PATCH /settings", body);
    expect([status, json.session_idle_minutes, json.version]).toEqual([200, 45, version + 1]);
    expect(plain).toBe(409);
  });

  test("a new group, and one that gets another name", async () => {
    const made = await lostThenAgain("POST /groups", { name: "lost", scopes: ["dns:read"] });
    expect([made.status, made.json.name, made.plain]).toEqual([201, "lost", 409]);
    const renamed = await lostThenAgain("PATCH /groups/lost", { name: "found" });
    expect([renamed.status, renamed.json.name, renamed.json.id]).toEqual([200, "found", made.json.id]);
    expect(renamed.plain).toBe(404);
  });
});
