import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash, X509Certificate } from "node:crypto";
import { join } from "node:path";
import { bindingFault } from "../src/certificates/certificates.ts";
import type { Server } from "../src/server.ts";
import { type Folder, makeInstallation, SYSTEM } from "./installation.ts";
import { RpcClient } from "./rpc-client.ts";
import { ScramClient, type ScramResponse, scramSignIn } from "./scram-client.ts";

let folder: Folder;
let server: Server;
let key: { id: number; username: string; text: string };
let plain: string;
let secure: string;

beforeAll(async () => {
  folder = await makeInstallation();
  server = await folder.serve({ https: "127.0.0.1:0" });
  [plain, secure] = server.urls as [string, string];
  await server.app.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
  const made = await server.app.keys.create(SYSTEM, { name: "root", username: "root" });
  key = { id: made.key.id, username: "root", text: made.secret.text };
});

afterAll(() => folder[Symbol.asyncDispose]());

/** The certificate is ECDSA with SHA-256, so its binding is its SHA-256 fingerprint. */
function binding(): Uint8Array {
  return Buffer.from(server.fingerprint!.replaceAll(":", ""), "hex");
}

test("the client of these tests computes the vector of the dialect byte for byte", () => {
  const body = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789ab";
  const nonce = Uint8Array.from({ length: 32 }, (_, at) => at);
  const client = new ScramClient({ username: "root", keyId: 7, body }, undefined, nonce);
  expect(client.first()).toBe("n,,n=root:7,r=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
  const combined = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";
  expect(client.final(`r=${combined},s=MDEyMzQ1Njc4OWFiY2RlZg==,i=50000`)).toBe(
    `c=biws,r=${combined},p=5R3IribXNm/5sZ+5T42s3Ebx9gAMhpwZFQWi4UEG5+KQsVAfNpXX4KjqgOnUQH9jWBN16HbBmCYXOc/66vSuug==`,
  );
  const final = "v=S8z5n9448QfawbZnT+ohOdYUbtLSkfrqrIyR7f2bf5F/C8rYYaWjETGnt6Aw/kZFYq9ofPC+hm9rNkeseJr67A==";
  expect(client.accepts(final)).toBe(true);
});

const WAYS = [
  ["bound over wss", () => secure, () => binding()],
  ["unbound over wss", () => secure, () => undefined],
  ["unbound over loopback ws", () => plain, () => undefined],
] as const;

for (const [words, url, channel] of WAYS) {
  test(`a key signs in by SCRAM ${words}`, async () => {
    const rpc = await RpcClient.connect(url());
    const { user_info } = await scramSignIn(rpc, key, channel());
    expect(user_info?.account_attributes).toEqual(["LOCAL", "API_KEY", "SCRAM"]);
    const session = await rpc.result("auth.sessions", [["current", "=", true]], { get: true });
    expect(session).toMatchObject({ credentials: "API_KEY", credentials_data: { api_key: { id: key.id } } });
  });
}

test("where a certificate without a channel binding was stored before that was asked, a key signs in unbound, and bound to nothing", async () => {
  const behind = await folder.serve({ trustedProxy: ["127.0.0.1"] });
  const openssl = ["openssl", "req", "-x509", "-nodes", "-newkey", "ed25519", "-keyout", "/dev/null"];
  const pem = Bun.spawnSync([...openssl, "-subj", "/CN=proxy"]).stdout.toString();
  expect(bindingFault(pem)).toContain("Ed25519");
  const database = new Database(join(folder.path, "chatelaine.db"));
  const row = ["clientCertificate", JSON.stringify(pem)];
  database.run("PRAGMA busy_timeout = 5000");
  database.run("INSERT INTO settings (name, value) VALUES (?, ?)", row);
  database.close();
  const { readSettings } = behind.app.store;
  expect((await readSettings.call(behind.app.store)).clientCertificate).toBe(pem);
  const headers = { "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https" };
  for (const [channel, said] of [
    [undefined, "SCRAM_RESPONSE"],
    [createHash("sha256").update(new X509Certificate(pem).raw).digest(), "AUTH_ERR"],
    [new Uint8Array(32), "AUTH_ERR"],
  ] as const) {
    const rpc = await RpcClient.connect(behind.urls[0]!, { headers });
    expect((await scramSignIn(rpc, key, channel)).response_type).toBe(said);
    rpc.close();
  }
  expect((await server.app.keys.get(SYSTEM, key.id)).revokedAt).toBeNull();
  await server.app.settings.change(SYSTEM, { clientCertificate: null });
});

test("a key that was just made or reset signs in at once, the one before no more", async () => {
  const rpc = await RpcClient.connect(secure);
  await scramSignIn(rpc, key, binding());
  const made = await rpc.result<{ id: number; key: string }>("api_key.create", {
    name: "new",
    username: "root",
  });
  const again = await rpc.result<{ key: string }>("api_key.update", made.id, { reset: true });
  const other = await RpcClient.connect(secure);
  const before = await scramSignIn(other, { username: "root", text: made.key }, binding());
  expect(before.response_type).toBe("AUTH_ERR");
  const after = await scramSignIn(other, { username: "root", text: again.key }, binding());
  expect(after.response_type).toBe("SCRAM_RESPONSE");
});

test("another certificate's binding fails at the second step, a bound login off TLS at the first", async () => {
  const rpc = await RpcClient.connect(secure);
  expect(await scramSignIn(rpc, key, new Uint8Array(32))).toEqual({ response_type: "AUTH_ERR" });
  const off = await RpcClient.connect(plain);
  expect(await scramSignIn(off, key, binding())).toEqual({ response_type: "AUTH_ERR" });
  expect((await off.call("auth.me")).error?.data?.error).toBe(207);
});

test("a wrong secret, another's name and nobody's number fail alike, after a first step that looks alike", async () => {
  const rpc = await RpcClient.connect(plain);
  const body = key.text.slice(key.text.indexOf("-") + 1);
  const wrong = `${body.slice(0, -1)}${body.endsWith("a") ? "b" : "a"}`;
  for (const [username, text] of [
    ["root", `${key.id}-${wrong}`],
    ["other", key.text],
    ["root", `99-${body}`],
  ] as const) {
    expect(await scramSignIn(rpc, { username, text })).toEqual({ response_type: "AUTH_ERR" });
  }
});

test("nobody's name gets the same salt each time", async () => {
  const rpc = await RpcClient.connect(plain);
  const saltOf = async (name: string): Promise<string | undefined> => {
    const client = new ScramClient({ username: name, keyId: 5_000, body: "x" });
    const data = { mechanism: "SCRAM", scram_type: "CLIENT_FIRST_MESSAGE", rfc_str: client.first() };
    const { rfc_str } = await rpc.result<ScramResponse>("auth.login_ex", data);
    return /,s=([^,]+),/.exec(rfc_str ?? "")?.[1];
  };
  expect(await saltOf("nobody")).toBe((await saltOf("nobody"))!);
  expect(await saltOf("nobody")).not.toBe((await saltOf("somebody"))!);
});

test("expired, revoked and paused keys are refused", async () => {
  const { keys } = server.app;
  const rpc = await RpcClient.connect(plain);
  const end = async (name: string, work: (id: number) => Promise<unknown>): Promise<string> => {
    const { key: made, secret } = await keys.create(SYSTEM, { name, username: "root" });
    await work(made.id);
    return (await scramSignIn(rpc, { username: "root", text: secret.text })).response_type;
  };
  expect(await end("revoked", (id) => keys.revoke(SYSTEM, id, "Lost"))).toBe("AUTH_ERR");
  expect(await end("paused", (id) => keys.pause(SYSTEM, id))).toBe("AUTH_ERR");
  expect(await end("deleted", (id) => keys.remove(SYSTEM, id))).toBe("AUTH_ERR");
});

test("an insecure transport does not revoke a key that came by SCRAM", async () => {
  const rpc = await RpcClient.connect(plain, { headers: { "X-Forwarded-For": "192.0.2.7" } });
  await scramSignIn(rpc, key);
  const found = await server.app.keys.get(SYSTEM, key.id);
  expect(found.revokedAt).toBeNull();
});
