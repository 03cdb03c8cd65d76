import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { movedClock } from "./installation.ts";
import { bearer, openRest, type RestApp, SYSTEM } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

const DAY_MS = 86_400_000;
/** PEM of a certificate by OpenSSL. */
async function selfSigned(...kind: string[]): Promise<string> {
  const args = ["req", "-x509", "-nodes", "-newkey", ...kind, "-keyout", "/dev/null", "-subj", "/CN=proxy"];
  return new Response(Bun.spawn(["openssl", ...args], { stderr: "ignore" }).stdout).text();
}
const inDays = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString();

describe("the settings", () => {
  let rest: RestApp;
  let admin: Record<string, string>;
  let holder: Record<string, string>;
  const change = (body: object) => rest.send("PATCH /settings", { headers: admin, body });

  beforeAll(async () => {
    rest = await openRest();
    await rest.user("bob", ["KEY_HOLDER"]);
    await rest.user("rita", ["READONLY_ADMIN"]);
    admin = bearer(await rest.key("ada", "ada's"));
    holder = bearer(await rest.key("bob", "bob's"));
  });
  afterAll(() => rest[Symbol.asyncDispose]());

  test("say what is wrong with each value", async () => {
    const { status, json } = await change({ public_url: "keys.example.org", session_hours: 24 });
    expect([status, json.errors]).toEqual([
      422,
      [
        {
          path: "public_url",
          code: "shape",
          message: "Expected scheme, host and port alone, such as https://keys.example.org",
        },
      ],
    ]);
    const unsigned = await change({ webhook_url: "https://hooks.example.org/" });
    expect(unsigned.json.errors[0].path).toBe("webhook_secret");
  });

  test("refuse a certificate that nobody can bind to, and take one that they can", async () => {
    for (const [pem, status, words] of [
      [await selfSigned("ed25519"), 422, "channel binding"],
      [await selfSigned("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"), 200, undefined],
      ["/etc/nginx/tls/cert.pem", 422, "--file"],
      ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 422, "cannot be read"],
      [null, 200, undefined],
    ] as const) {
      const { status: answered, json } = await change({ client_certificate: pem });
      expect([answered, json.errors?.[0].path]).toEqual([
        status,
        status === 422 ? "client_certificate" : undefined,
      ]);
      if (words) expect(json.errors[0].message).toContain(words);
    }
  });

  test("are told to everybody who may make keys as far as he needs them", async () => {
    await change({ key_days_max: 90, non_expiring_roles: ["FULL_ADMIN"] });
    const [his, hers] = await Promise.all([
      rest.send("GET /session", { headers: holder }),
      rest.send("GET /session", { headers: admin }),
    ]);
    const policy = { key_days_max: 90, non_expiring_keys: true, non_expiring_roles: ["FULL_ADMIN"] };
    expect(his.json.key_policy).toEqual({ ...policy, may_make_non_expiring: false });
    expect(hers.json.key_policy).toEqual({ ...policy, may_make_non_expiring: true });
    expect((await rest.send("GET /settings", { headers: holder })).status).toBe(403);
  });

  test("hold making, editing and resetting to the policy, by REST", async () => {
    const make = (more: object) =>
      rest.send("POST /keys", {
        headers: holder,
        body: { name: crypto.randomUUID(), username: "bob", ...more },
      });
    const refused = await make({});
    expect([refused.status, refused.json.errors[0].path, refused.json.errors[0].code]).toEqual([
      422,
      "expires_at",
      "policy",
    ]);
    expect((await make({ expires_at: inDays(91) })).json.errors[0].code).toBe("policy");
    const made = await make({ expires_at: inDays(30) });
    expect(made.status).toBe(201);
    const edit = (verb: string, body: object) =>
      rest.send(verb.replace("ID", made.json.id), { headers: holder, body });
    expect((await edit("PATCH /keys/ID", { expires_at: null })).json.errors[0].code).toBe("policy");
    expect((await edit("PATCH /keys/ID", { expires_at: inDays(100) })).json.errors[0].code).toBe("policy");
    expect((await edit("PATCH /keys/ID", { expires_at: inDays(80), description: "x" })).status).toBe(200);
    expect((await edit("POST /keys/ID/reset", { expires_at: null })).json.errors[0].code).toBe("policy");
    expect((await edit("POST /keys/ID/reset", {})).status).toBe(200);
  });

  test("leave keys alone that were there before, until they are reset", async () => {
    await change({ non_expiring_keys: false });
    const id = (await rest.send("GET /keys/self", { headers: holder })).json.id;
    const edited = await rest.send(`PATCH /keys/${id}`, {
      headers: holder,
      body: { description: "still here" },
    });
    expect([edited.status, edited.json.expires_at]).toEqual([200, null]);
    expect(
      (await rest.send("POST /keys/self/reset", { headers: holder, body: {} })).json.errors[0].code,
    ).toBe("policy");
    await change({ non_expiring_keys: true });
  });

  test("hold for the dialect and for the command line too", async () => {
    await change({ non_expiring_keys: false });
    const rpc = await RpcClient.connect(rest.url);
    await rpc.signIn("ada", admin.Authorization!.slice(7));
    const { error } = await rpc.call("api_key.create", { name: "by dialect", username: "ada" });
    expect(error?.data?.extra).toEqual([
      [
        "api_key_create.expires_at",
        "Keys that never expire are not allowed here. Set an expiry within 90 days.",
        22,
      ],
    ]);
    rpc.close();
    await expect(rest.app.keys.create(SYSTEM, { name: "by cli", username: "ada" })).rejects.toThrow(
      "Keys that never expire are not allowed here",
    );
    await change({ non_expiring_keys: true, key_days_max: null, non_expiring_roles: null });
  });

  test("make the address that clients see an origin of our own", async () => {
    const cookie = (await rest.browser("ada")).Cookie!;
    const end = (origin: string) =>
      rest.send("PUT /me/attributes/x", { headers: { Cookie: cookie, Origin: origin }, body: { value: 1 } });
    expect((await end("https://keys.example.org")).status).toBe(403);
    await change({ public_url: "https://keys.example.org" });
    expect((await end("https://keys.example.org")).status).toBe(200);
    expect((await end(rest.url)).status).toBe(200);
    expect((await end("https://keys.example.net")).status).toBe(403);
    expect((await rest.send("GET /session", { headers: admin })).json.public_url).toBe(
      "https://keys.example.org",
    );
    expect((await rest.send("GET /api/docs/current/")).text).toContain("https://keys.example.org/api/v1");
  });

  test("keep the webhook's secret sealed, and show its path to nobody", async () => {
    const shown = "https://hooks.example.org/…";
    const secret = "a secret of some length";
    const set = await change({
      webhook_url: "https://hooks.example.org/T0/very-secret",
      webhook_secret: secret,
    });
    expect([set.status, set.json.webhook_secret_set, set.text.includes(secret)]).toEqual([200, true, false]);
    const read = await rest.send("GET /settings", { headers: bearer(await rest.key("rita", "rita's")) });
    const own = await rest.send("GET /settings", { headers: admin });
    expect([set, own, read].map(({ json }) => json.webhook_url)).toEqual([shown, shown, shown]);
    await change({ webhook_url: shown, session_hours: 23 });
    expect((await rest.app.store.readSettings()).webhookUrl).toBe("https://hooks.example.org/T0/very-secret");
    expect((await change({ webhook_url: "https://hooks.example.org/" })).json.webhook_url).toBe(
      "https://hooks.example.org/",
    );
    await change({ webhook_url: "https://hooks.example.org/T0/very-secret" });
    const { text } = await rest.send("GET /audit?action=settings.update", { headers: admin });
    expect(text).not.toContain("very-secret");
    expect(text).not.toContain(secret);
    expect(text).toContain('"webhookSecret":["none","set anew"]');
    const database = new Database(join(rest.folder, "chatelaine.db"), { readonly: true });
    const rows = JSON.stringify(database.query("SELECT * FROM settings").all());
    database.close();
    expect(rows).not.toContain(secret);
  });
});

test("sessions of browsers end as the settings say, those that are open too", async () => {
  const clock = movedClock(Date.now());
  await using rest = await openRest({}, { clock });
  const isIn = async (headers: Record<string, string>) =>
    (await rest.send("GET /session", { headers })).json.user !== null;
  const ada = await rest.browser("ada");
  clock.advance(30 * 60_000);
  expect(await isIn(ada)).toBe(true);
  await rest.app.settings.change(SYSTEM, { sessionIdleMinutes: 10 });
  clock.advance(9 * 60_000);
  expect(await isIn(ada)).toBe(true);
  clock.advance(11 * 60_000);
  expect(await isIn(ada)).toBe(false);
  const again = await rest.browser("ada");
  await rest.app.settings.change(SYSTEM, { sessionIdleMinutes: 1_440, sessionHours: 2 });
  clock.advance(119 * 60_000);
  expect(await isIn(again)).toBe(true);
  clock.advance(60_000);
  expect(await isIn(again)).toBe(false);
});
