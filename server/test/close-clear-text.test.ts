/** The setting `close`: a WebSocket that is proved to come in clear text is not opened, and what is not proved is. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { askRaw } from "./check-app.ts";
import { makeInstallation, movedClock } from "./installation.ts";
import { bearer, openRest, type RestApp, SYSTEM } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";
import { scramSignIn } from "./scram-client.ts";

const CLEAR = { "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "ws", "User-Agent": "backup-tool/1.2" };
const DAY_MS = 86_400_000;
const clock = movedClock();
let rest: RestApp;
beforeAll(async () => {
  rest = await openRest({ trustedProxy: ["127.0.0.1"] }, { clock });
}, 60_000);
afterAll(() => rest[Symbol.asyncDispose]());

/** As a client asks for a WebSocket. */
async function upgrade(headers: Record<string, string>, path = "/api/current") {
  const asked = await fetch(rest.url + path, {
    headers: {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      ...headers,
    },
  });
  return { status: asked.status, type: asked.headers.get("content-type"), json: await asked.json() };
}

test("is what a new installation begins with, and the command line and REST set", async () => {
  expect((await rest.app.settings.show(SYSTEM)).insecureTransportDialect).toBe("close");
  const admin = bearer(await rest.key("ada", "admin"));
  const headers = { ...admin, "X-Forwarded-Proto": "https" };
  const set = async (insecure_transport_dialect: string) =>
    (await rest.send("PATCH /settings", { headers, body: { insecure_transport_dialect } })).status;
  expect([await set("revoke"), await set("close"), await set("shut")]).toEqual([200, 200, 422]);
  const wrong = await rest.send("PATCH /settings", { headers, body: { insecure_transport: "close" } });
  expect(wrong.status).toBe(422);
});

test("stays what it was in a folder that was there before", async () => {
  await using folder = await makeInstallation();
  const first = await folder.serve();
  await first.app.settings.change(SYSTEM, { insecureTransportDialect: "refuse" });
  await first.close();
  const again = await folder.serve();
  expect((await again.app.settings.show(SYSTEM)).insecureTransportDialect).toBe("refuse");
});

test("a connection in clear is answered 403 with the address to use, before a key can be sent", async () => {
  const plain = await upgrade({ ...CLEAR, Host: "keys.example" });
  expect([plain.status, plain.type, plain.json.code]).toEqual([
    403,
    "application/problem+json",
    "insecure_transport",
  ]);
  expect(plain.json.detail).toContain("--https");
  await rest.app.settings.change(SYSTEM, { publicUrl: "https://keys.example:8443" });
  const { json } = await upgrade(CLEAR, "/api/v26.0.0");
  expect(json.detail).toContain("https://keys.example:8443/api/v26.0.0");
  expect(RpcClient.connect(rest.url, { headers: CLEAR })).rejects.toThrow();
});

test("the https listener is named where other machines reach it", async () => {
  await using open = await openRest({ https: "0.0.0.0:0", trustedProxy: ["127.0.0.1"] });
  const asked = await fetch(`${open.url}/api/current`, {
    headers: { ...CLEAR, Connection: "Upgrade", Upgrade: "websocket", Host: "keys.example:5390" },
  });
  const { detail } = (await asked.json()) as { detail: string };
  expect(detail).toMatch(/Use https:\/\/keys\.example:\d+\/api\/current /);
  // Another machine's localhost is not this one.
  const nameless = ["GET /api/current HTTP/1.0", "Upgrade: websocket", "X-Forwarded-Proto: http"];
  const answer = await askRaw(open.url, [...nameless, "X-Forwarded-For: 192.0.2.7"]);
  expect(answer).toMatch(/Use https and wss, at port \d+\./);
  expect(answer).not.toContain("localhost");
});

test("what is not known to be in clear is opened: SCRAM passes, and a key that is shown is refused whole", async () => {
  const text = await rest.key("ada", "unknown");
  const rpc = await RpcClient.connect(rest.url, { headers: { "X-Forwarded-For": "192.0.2.7" } });
  const login = { mechanism: "API_KEY_PLAIN", username: "ada", api_key: text };
  const { error } = await rpc.call("auth.login_ex", login);
  expect([error?.code, error?.data?.error, error?.data?.errname]).toEqual([-32001, 95, "EOPNOTSUPP"]);
  expect(error?.data?.reason).toContain("--trusted-proxy");
  expect((await scramSignIn(rpc, { username: "ada", text })).response_type).toBe("SCRAM_RESPONSE");
  rpc.close();
});

test("a connection that was opened before is not let send a key either, and the key stays whole", async () => {
  const text = await rest.key("ada", "before");
  await rest.app.settings.change(SYSTEM, { insecureTransportDialect: "refuse" });
  const rpc = await RpcClient.connect(rest.url, { headers: CLEAR });
  await rest.app.settings.change(SYSTEM, { insecureTransportDialect: "close" });
  const login = { mechanism: "API_KEY_PLAIN", username: "ada", api_key: text };
  expect((await rpc.call("auth.login_ex", login)).error?.data).toMatchObject({
    error: 95,
    reason: expect.stringContaining("use https or wss"),
  });
  rpc.close();
  const near = await RpcClient.connect(rest.url, { headers: { "X-Forwarded-Proto": "https" } });
  await near.signIn("ada", text);
  near.close();
});

test("an alert tells which program tried, apart from refused sign-ins, and goes by itself", async () => {
  clock.advance(2 * DAY_MS);
  for (const headers of [CLEAR, { ...CLEAR, "X-Forwarded-For": "198.51.100.9", "User-Agent": "other/2" }]) {
    for (let times = 0; times < 3; times++) expect((await upgrade(headers)).status).toBe(403);
    clock.advance(1_000);
  }
  await rest.app.audit.flush();
  const alerts = async () =>
    (await rest.app.alerts.list(SYSTEM, 10)).entries.filter(({ key }) => key === null);
  const [alert, ...others] = await alerts();
  expect(others).toEqual([]);
  expect(alert).toMatchObject({
    kind: "clear_text_refused",
    level: "warning",
    text: "Programs came in clear text and were refused before they sent a key: other/2 (198.51.100.9), backup-tool/1.2 (192.0.2.7). Give them the https address.",
  });
  const { kinds } = await rest.app.alerts.list(SYSTEM, 10);
  expect(kinds.find(({ kind }) => kind === "clear_text_refused")?.count).toBe(6);
  clock.advance(DAY_MS + 1);
  expect(await alerts()).toEqual([]);
});
