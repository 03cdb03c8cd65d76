import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { PAUSES_MS } from "../src/activity/webhook.ts";
import { createWebhookPost } from "../src/http/webhook-post.ts";
import { makeInstallation, movedClock, SYSTEM } from "./installation.ts";
import { bearer, openRest, until } from "./rest-app.ts";

const SECRET = "a secret of some length";

interface Received {
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of it is said by the test
  readonly json: any;
}

let received: Received[];
let answer: () => Response;
let receiver: Bun.Server<undefined>;
let url: string;

beforeEach(() => {
  received = [];
  answer = () => new Response(null, { status: 204 });
  receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (req) => {
      const text = await req.text();
      received.push({ headers: req.headers, text, json: JSON.parse(text) });
      return answer();
    },
  });
  url = `http://127.0.0.1:${receiver.port}/hook`;
});
afterEach(() => receiver.stop(true));

const settings = () => ({ webhookUrl: url, webhookSecret: SECRET });
/** Names of the keys of all messages of a type, as often as they came. */
const namesIn = (type: string): string[] =>
  received
    .filter(({ json }) => json.type === type)
    .flatMap(({ json }) => json.alerts.map(({ key }: { key: { name: string } | null }) => key?.name));

describe("the webhook", () => {
  test("tells alerts that begin and end by themselves, signed over moment and body", async () => {
    await using rest = await openRest();
    await rest.app.settings.change(SYSTEM, { ...settings(), publicUrl: "https://keys.example.org" });
    const { key } = await rest.app.keys.create(SYSTEM, { name: "ci", username: "ada" });
    await rest.app.keys.revoke(SYSTEM, key.id, "Lost");
    await until(() => received.length === 1);
    const { headers, text, json } = received[0]!;
    const timestamp = headers.get("chatelaine-timestamp");
    const mac = createHmac("sha256", SECRET).update(`${timestamp}.${text}`).digest("hex");
    expect(headers.get("chatelaine-signature")).toBe(`v1=${mac}`);
    expect(headers.get("chatelaine-delivery")).toBe(json.id);
    expect(headers.get("user-agent")).toStartWith("Chatelaine/");
    expect(json).toMatchObject({ type: "alerts.raised", server: "https://keys.example.org", more: 0 });
    expect(json.alerts).toEqual([
      {
        id: expect.stringMatching(/^key_revoked-1-\d+$/),
        kind: "key_revoked",
        level: "warning",
        text: "The key ci is revoked: Lost",
        since: expect.stringMatching(/Z$/),
        key: { id: key.id, name: "ci", username: "ada" },
      },
    ]);
    await rest.app.keys.remove(SYSTEM, key.id);
    await until(() => received.length === 2);
    expect([received[1]!.json.type, namesIn("alerts.cleared")]).toEqual(["alerts.cleared", ["ci"]]);
  });

  test("does not tell what was there before it was set", async () => {
    await using rest = await openRest();
    const { key } = await rest.app.keys.create(SYSTEM, { name: "old", username: "ada" });
    await rest.app.keys.revoke(SYSTEM, key.id, "Lost");
    await rest.app.alerts.compare();
    await rest.app.settings.change(SYSTEM, settings());
    await rest.app.alerts.compare();
    await rest.app.webhook.send();
    expect(received).toEqual([]);
  });

  test("is sent each alert once by several processes on one folder", async () => {
    await using folder = await makeInstallation();
    const servers = [await folder.serve(), await folder.serve(), await folder.serve()];
    const { users, keys, settings: use } = servers[0]!.app;
    await users.create(SYSTEM, { username: "ada", roles: ["FULL_ADMIN"] });
    await use.change(SYSTEM, settings());
    const names = Array.from({ length: 12 }, (_, index) => `key ${index}`);
    for (const name of names) {
      const { key } = await keys.create(SYSTEM, { name, username: "ada" });
      await keys.revoke(SYSTEM, key.id, "Lost");
      await Promise.all(servers.map(({ app }) => app.alerts.compare()));
      await Promise.all(servers.map(({ app }) => app.webhook.send()));
    }
    await until(() => namesIn("alerts.raised").length >= names.length);
    await Promise.all(servers.map(({ app }) => app.alerts.compare()));
    await Promise.all(servers.map(({ app }) => app.webhook.send()));
    expect(namesIn("alerts.raised").sort()).toEqual(names.sort());
    const ids = received.map(({ json }) => json.id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("is tried again with growing pauses, under the same id, until it is given up", async () => {
    const clock = movedClock();
    await using rest = await openRest({}, { clock });
    await rest.app.settings.change(SYSTEM, settings());
    answer = () => new Response(null, { status: 503 });
    const { key } = await rest.app.keys.create(SYSTEM, { name: "ci", username: "ada" });
    await rest.app.keys.revoke(SYSTEM, key.id, "Lost");
    await until(() => received.length === 1);
    const admin = bearer(await rest.key("ada", "ada's"));
    const last = async () =>
      (await rest.send("GET /webhook/deliveries", { headers: admin })).json.entries.find(
        ({ id }: { id: string }) => id === received[0]!.json.id,
      );
    for (const [index, pause] of PAUSES_MS.entries()) {
      await until(async () => (await last()).state === "waiting");
      expect(await last()).toMatchObject({
        status: 503,
        attempts: index + 1,
        error: "The receiver answered 503",
        next_at: new Date(clock.now() + pause).toISOString(),
      });
      clock.advance(pause - 1);
      await rest.app.webhook.send();
      expect(received.length).toBe(index + 1);
      clock.advance(1);
      await rest.app.webhook.send();
      await until(() => received.length === index + 2);
    }
    await until(async () => (await last()).state === "failed");
    expect(await last()).toMatchObject({ attempts: 6, next_at: null, done_at: expect.any(String) });
    clock.advance(PAUSES_MS.at(-1)! * 2);
    await rest.app.webhook.send();
    expect(
      new Set(received.filter(({ json }) => json.type === "alerts.raised").map(({ json }) => json.id)).size,
    ).toBe(1);
  }, 30_000);

  test("gets after a restart what waited before it", async () => {
    const clock = movedClock();
    await using folder = await makeInstallation();
    const first = await folder.serve({}, { clock });
    await first.app.users.create(SYSTEM, { username: "ada", roles: ["FULL_ADMIN"] });
    await first.app.settings.change(SYSTEM, settings());
    answer = () => new Response(null, { status: 500 });
    const { key } = await first.app.keys.create(SYSTEM, { name: "ci", username: "ada" });
    await first.app.keys.revoke(SYSTEM, key.id, "Lost");
    await until(
      async () => (await first.app.store.listDeliveries(1))[0]?.state === "waiting" && received.length === 1,
    );
    await first.close();
    answer = () => new Response(null, { status: 200 });
    clock.advance(PAUSES_MS[0]!);
    await folder.serve({}, { clock });
    await until(() => received.length === 2);
    expect(received[1]!.text).toBe(received[0]!.text);
  });

  test("answers a test with how it went, and only to full administrators", async () => {
    await using rest = await openRest();
    await rest.user("rita", ["READONLY_ADMIN"]);
    const admin = bearer(await rest.key("ada", "ada's"));
    const reader = bearer(await rest.key("rita", "rita's"));
    const ask = (headers = admin) => rest.send("POST /webhook/test", { headers });
    expect((await ask()).json.code).toBe("conflict");
    await rest.app.settings.change(SYSTEM, settings());
    expect((await ask(reader)).json.code).toBe("role_missing");
    expect((await rest.send("GET /webhook/deliveries", { headers: reader })).status).toBe(403);
    expect((await ask()).json).toMatchObject({
      kind: "test",
      state: "delivered",
      status: 204,
      attempts: 1,
      error: null,
    });
    expect(received[0]!.json).toMatchObject({ type: "test", alerts: [] });
    answer = () => Response.redirect("http://127.0.0.1:9/elsewhere");
    expect((await ask()).json).toMatchObject({ state: "failed", status: 302 });
    receiver.stop(true);
    const gone = await ask();
    expect([gone.json.state, gone.json.status, typeof gone.json.error]).toEqual(["failed", null, "string"]);
    const { json } = await rest.send("GET /webhook/deliveries", { headers: admin });
    expect(json.entries.map(({ state }: { state: string }) => state)).toEqual([
      "failed",
      "failed",
      "delivered",
    ]);
    expect(JSON.stringify(json)).not.toContain(SECRET);
  });
});

describe("handing a message over", () => {
  const message = (to: string) => ({ url: to, headers: {}, body: "{}", timeoutMs: 300 });
  const never = new AbortController().signal;
  /** Answers each name with these addresses. */
  const resolving = (...addresses: string[]) =>
    createWebhookPost(((
      _host: string,
      _options: object,
      callback: (error: null, found: object[]) => void,
    ) => {
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      );
    }) as unknown as Parameters<typeof createWebhookPost>[0]);

  test("goes to the address that was judged, by the name that was given", async () => {
    const posted = await resolving("127.0.0.1")(message(`http://hooks.invalid:${receiver.port}/x`), never);
    expect(posted).toEqual({ status: 204, error: null });
    expect(received[0]!.headers.get("host")).toBe(`hooks.invalid:${receiver.port}`);
  });

  test.each([
    "169.254.169.254",
    "fe80::1",
    "::ffff:169.254.1.1",
    "fd00:ec2::254",
    "168.63.129.16",
    "64:ff9b::7f00:1",
  ])("never goes to %s, whatever name leads there", async (address) => {
    for (const addresses of [[address], ["127.0.0.1", address]]) {
      const posted = await resolving(...addresses)(message(`http://hooks.invalid:${receiver.port}/x`), never);
      expect([posted.status, posted.error]).toEqual([
        null,
        "The name leads to an address for special use, which is not sent to",
      ]);
    }
    expect(received).toEqual([]);
  });

  test("ends where the receiver does not answer, or the server stops", async () => {
    const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
    const to = message(`http://127.0.0.1:${silent.port}/`);
    expect((await createWebhookPost()(to, never)).error).toBe("No answer within 0.3 seconds");
    const stop = new AbortController();
    const posting = createWebhookPost()({ ...to, timeoutMs: 60_000 }, stop.signal);
    stop.abort();
    expect((await posting).error).toBe("The server was stopped meanwhile");
    silent.stop(true);
  });
});
