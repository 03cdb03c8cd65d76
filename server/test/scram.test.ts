import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { hmacSha512, scramKeys, sha512 } from "../src/crypto.ts";
import type { KeySecret, ScramVerifier } from "../src/domain/key.ts";
import { challenge, checkProof, parseClientFinal, parseClientFirst } from "../src/sign-in/scram-messages.ts";
import { auditOf, makeUser, openTestApp, originOf, type TestApp } from "./accounts-app.ts";

const MATERIAL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789ab";
const SALT = Buffer.from("0123456789abcdef");
const BINDING = Buffer.from("89eee6b6c7541508d753a43e2aaf9267e81f1c8e4302146769742c93d293077c", "hex");
const SERVER_NONCE = Uint8Array.from({ length: 32 }, (_, at) => 32 + at);
const BARE = "n=root:7,r=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NONCE = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";
const SERVER_FIRST = `r=${NONCE},s=MDEyMzQ1Njc4OWFiY2RlZg==,i=50000`;
const UNBOUND_FINAL = `c=biws,r=${NONCE},p=5R3IribXNm/5sZ+5T42s3Ebx9gAMhpwZFQWi4UEG5+KQsVAfNpXX4KjqgOnUQH9jWBN16HbBmCYXOc/66vSuug==`;
const UNBOUND_ANSWER =
  "v=S8z5n9448QfawbZnT+ohOdYUbtLSkfrqrIyR7f2bf5F/C8rYYaWjETGnt6Aw/kZFYq9ofPC+hm9rNkeseJr67A==";
const BOUND_FINAL = `c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsie7mtsdUFQjXU6Q+Kq+SZ+gfHI5DAhRnaXQsk9KTB3w=,r=${NONCE},p=21Gmqs/HWo5+sn9YKJglhwF10bIPOBiQyfDc4/qvvbaaOzOzQDEVJ1Am9x64J6boExanGvWj55P1i9zOzKz1mg==`;
const BOUND_ANSWER =
  "v=3R2EUDEpDYlRMBwdshZWJqEW50c9itqN/VUuaguwUxHFlsa3IXEwZVW0dpkhI8oQ1jOUA7XJthpwGHPEfQvhRg==";

/** One whole exchange of the vector; undefined where a step refuses. */
function exchange(
  header: string,
  final: string,
  verifier: ScramVerifier,
  binding = BINDING,
): string | undefined {
  const first = parseClientFirst(`${header}${BARE}`);
  if (!first) return undefined;
  const sent = challenge(first, { nonce: SERVER_NONCE, salt: SALT, iterations: 50_000, binding });
  expect(sent.serverFirst).toBe(SERVER_FIRST);
  const parsed = parseClientFinal(final);
  return parsed && checkProof(sent, parsed, verifier);
}

describe("the vector of protocol 3.6", () => {
  let keys: KeySecret["scram"];

  beforeAll(async () => {
    keys = await scramKeys(MATERIAL, SALT, 50_000);
  });

  test("the keys are the vector's, byte for byte", () => {
    expect(Buffer.from(keys.clientKey).toString("base64")).toBe(
      "irhoDJgaYRoIDzTcQ2B8KwXHwvPhF2LX+UqJdNyxDOWbuTAbWSqa6yk6TzbH6AkOv4YCwtwmRWJP5UhjWrIeYg==",
    );
    expect(Buffer.from(keys.storedKey).toString("base64")).toBe(
      "i/m+buURTt9COgYXaJLoFrHqUqGGVudBNCah7uu6oPNLxgNm5ef6iqCNyHwFOaWfN9NBcs6TRr4ueAKVZpYzpA==",
    );
    expect(Buffer.from(keys.serverKey).toString("base64")).toBe(
      "V6EDPQ6VBkZgoMjBvOi+4sJxd6FeoWT6r9sYAUIrGsmRSySApFhLxpsdQarIVMe3DR7JIVMTFJgniso9GxUpYA==",
    );
  });

  test("the unbound exchange is answered byte for byte", () => {
    expect(exchange("n,,", UNBOUND_FINAL, keys)).toBe(UNBOUND_ANSWER);
  });

  test("the bound exchange is answered byte for byte", () => {
    expect(exchange("p=tls-server-end-point,,", BOUND_FINAL, keys)).toBe(BOUND_ANSWER);
  });

  test("a changed bit of the proof, another binding, header or nonce is refused", () => {
    const flipped = UNBOUND_FINAL.replace("p=5R", "p=4R");
    expect(exchange("n,,", flipped, keys)).toBeUndefined();
    expect(exchange("p=tls-server-end-point,,", BOUND_FINAL, keys, Buffer.alloc(32))).toBeUndefined();
    expect(exchange("p=tls-server-end-point,,", UNBOUND_FINAL, keys)).toBeUndefined();
    expect(exchange("n,,", BOUND_FINAL, keys)).toBeUndefined();
    expect(exchange("y,,", UNBOUND_FINAL, keys)).toBeUndefined();
    expect(exchange("n,,", UNBOUND_FINAL.replace("r=AAEC", "r=BAEC"), keys)).toBeUndefined();
  });
});

describe("strict parsing", () => {
  const nonce = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

  test.each([
    ["nothing", ""],
    ["no header", `n=root:7,r=${nonce}`],
    ["an authzid", `n,a=root,n=root:7,r=${nonce}`],
    ["another binding", `p=tls-unique,,n=root:7,r=${nonce}`],
    ["no id", `n,,n=root,r=${nonce}`],
    ["id 0", `n,,n=root:0,r=${nonce}`],
    ["a leading zero", `n,,n=root:07,r=${nonce}`],
    ["an id beyond 31 bits", `n,,n=root:2147483648,r=${nonce}`],
    ["a second colon", `n,,n=root:7:7,r=${nonce}`],
    ["an escape", `n,,n=ro=2Cot:7,r=${nonce}`],
    ["a name that is none", `n,,n=7root:7,r=${nonce}`],
    ["an extension", `n,,m=x,n=root:7,r=${nonce}`],
    ["something after", `n,,n=root:7,r=${nonce},x=1`],
    ["a line break", `n,,n=root:7,r=${nonce}\n`],
    ["31 bytes of nonce", `n,,n=root:7,r=${Buffer.alloc(31).toString("base64")}`],
    ["33 bytes of nonce", `n,,n=root:7,r=${Buffer.alloc(33).toString("base64")}`],
    ["a nonce without padding", `n,,n=root:7,r=${nonce.slice(0, 43)}`],
    ["a nonce with stray bits", `n,,n=root:7,r=${nonce.replace("8=", "9=")}`],
    ["a nonce of the other alphabet", `n,,n=root:7,r=${nonce.replace("AAEC", "A_-C")}`],
    ["a megabyte", `n,,n=${"a".repeat(1_000_000)}:7,r=${nonce}`],
  ])("a first message with %s is refused", (_what, message) => {
    expect(parseClientFirst(message)).toBeUndefined();
  });

  test("the largest id and a header of either kind are taken", () => {
    expect(parseClientFirst(`y,,n=a_.-Z:2147483647,r=${nonce}`)?.keyId).toBe(2_147_483_647);
    expect(parseClientFirst(`p=tls-server-end-point,,${BARE}`)?.isBound).toBe(true);
  });

  test.each([
    ["nothing", ""],
    ["another order", `r=${NONCE},c=biws,p=${"A".repeat(86)}==`],
    ["no proof", `c=biws,r=${NONCE}`],
    ["a short proof", `c=biws,r=${NONCE},p=AAAA`],
    ["a binding that is no base64", `c=b=ws,r=${NONCE},p=${"A".repeat(86)}==`],
    ["an extension", `c=biws,r=${NONCE},x=1,p=${"A".repeat(86)}==`],
    ["something after", `c=biws,r=${NONCE},p=${"A".repeat(86)}==,`],
  ])("a final message with %s is refused", (_what, message) => {
    expect(parseClientFinal(message)).toBeUndefined();
  });
});

/** A client's side of the exchange, written from RFC 5802. */
function clientOf(username: string, keyId: number, scram: KeySecret["scram"]) {
  const nonce = crypto.getRandomValues(new Uint8Array(32));
  const bare = `n=${username}:${keyId},r=${Buffer.from(nonce).toString("base64")}`;
  return {
    first: (header = "n,,") => `${header}${bare}`,
    final: (serverFirst: string, header = "n,,", binding = new Uint8Array()) => {
      const combined = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst)![1]!;
      const c = Buffer.concat([Buffer.from(header), binding]).toString("base64");
      const withoutProof = `c=${c},r=${combined}`;
      const authMessage = `${bare},${serverFirst},${withoutProof}`;
      const signature = createHmac("sha512", sha512(scram.clientKey)).update(authMessage).digest();
      const proof = Buffer.from(scram.clientKey.map((byte, at) => byte ^ signature[at]!)).toString("base64");
      const answer = Buffer.from(hmacSha512(scram.serverKey, authMessage)).toString("base64");
      return { message: `${withoutProof},p=${proof}`, answer: `v=${answer}` };
    },
  };
}

describe("sign-in by SCRAM", () => {
  let app: TestApp;
  const origin = originOf();

  beforeAll(async () => {
    app = await openTestApp();
    await makeUser(app, "root");
    await makeUser(app, "alice", ["KEY_HOLDER"]);
  });
  afterAll(() => app.close());

  const makeKey = (name: string, username = "root") => app.keys.create(app.system, { name, username });

  test("a key signs in unbound and bound, and the server proves itself", async () => {
    const { key, secret } = await makeKey("both");
    for (const [header, binding] of [["n,,"], ["p=tls-server-end-point,,", BINDING]] as const) {
      const client = clientOf("root", key.id, secret.scram);
      const exchange = await app.signIn.scramFirst(client.first(header), origin, binding);
      const { message, answer } = client.final(exchange!.serverFirst, header, binding);
      const done = await exchange!.finish(message);
      expect(done).toMatchObject({
        kind: "signed_in",
        serverFinal: answer,
        credential: { kind: "API_KEY", methods: ["scram"], username: "root", key: { id: key.id } },
      });
    }
    await app.audit.flush();
    await app.usage.flush();
    expect((await app.keys.get(app.system, key.id)).lastUsedAt).not.toBeNull();
    const records = await auditOf(app, "SCRAM");
    expect(records.filter((record) => record.success)).toHaveLength(2);
  });

  test("a bound first message off TLS is refused at once", async () => {
    const { key, secret } = await makeKey("bound");
    const client = clientOf("root", key.id, secret.scram);
    const first = client.first("p=tls-server-end-point,,");
    expect(await app.signIn.scramFirst(first, origin, undefined)).toBeUndefined();
  });

  test("an exchange is finished once, whatever came of it", async () => {
    const { key, secret } = await makeKey("once");
    const client = clientOf("root", key.id, secret.scram);
    const exchange = (await app.signIn.scramFirst(client.first(), origin, undefined))!;
    const { message } = client.final(exchange.serverFirst);
    const all = await Promise.all([exchange.finish(message), exchange.finish(message)]);
    expect(all.map(({ kind }) => kind)).toEqual(["signed_in", "refused"]);
    const second = (await app.signIn.scramFirst(client.first(), origin, undefined))!;
    expect((await second.finish("nonsense")).kind).toBe("refused");
    expect((await second.finish(client.final(second.serverFirst).message)).kind).toBe("refused");
  });

  test("an unknown name, id and another's key get a steady salt and fail at the second step", async () => {
    const { key, secret } = await makeKey("hers", "alice");
    const saltOf = (text: string): string => /,s=([^,]+),i=50000$/.exec(text)![1]!;
    for (const [username, id] of [
      ["nobody", key.id],
      ["root", key.id],
      ["alice", 999_999],
    ] as const) {
      const client = clientOf(username, id, secret.scram);
      const exchange = (await app.signIn.scramFirst(client.first(), origin, undefined))!;
      const again = (await app.signIn.scramFirst(client.first(), origin, undefined))!;
      expect(saltOf(again.serverFirst)).toBe(saltOf(exchange.serverFirst));
      expect(Buffer.from(saltOf(exchange.serverFirst), "base64").toString()).toMatch(/^[A-Za-z0-9./]{16}$/);
      const { message } = client.final(exchange.serverFirst);
      expect(await exchange.finish(message)).toEqual({ kind: "refused", reason: "unknown" });
    }
  });

  test("a reset, a revocation and a pause between the steps fail the second", async () => {
    for (const act of ["reset", "revoke", "pause"] as const) {
      const { key, secret } = await makeKey(`between-${act}`);
      const client = clientOf("root", key.id, secret.scram);
      const exchange = (await app.signIn.scramFirst(client.first(), origin, undefined))!;
      if (act === "reset") await app.keys.reset(app.system, key.id);
      else if (act === "revoke") await app.keys.revoke(app.system, key.id, "gone");
      else await app.keys.pause(app.system, key.id);
      const done = await exchange.finish(client.final(exchange.serverFirst).message);
      expect(done).toEqual({
        kind: "refused",
        reason: { reset: "unknown", revoke: "revoked", pause: "paused" }[act] as "unknown",
      });
    }
  });

  test("over an insecure transport the key signs in and stays whole", async () => {
    const { key, secret } = await makeKey("plain-ws");
    const client = clientOf("root", key.id, secret.scram);
    const insecure = originOf({ transport: "clear" });
    const exchange = (await app.signIn.scramFirst(client.first(), insecure, undefined))!;
    expect((await exchange.finish(client.final(exchange.serverFirst).message)).kind).toBe("signed_in");
    expect((await app.keys.get(app.system, key.id)).revokedAt).toBeNull();
  });
});
