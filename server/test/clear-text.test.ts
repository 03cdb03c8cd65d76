/**
 * Clear text from another machine, as a trusted proxy tells of it: passwords, tokens and keys are treated as the setting of
 * the door says, alike at the REST API and at the TrueNAS API.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { askRaw } from "./check-app.ts";
import { makeInstallation } from "./installation.ts";
import { bearer, openRest, PASSWORD, type RestApp, SYSTEM } from "./rest-app.ts";
import { type RpcAnswer, RpcClient } from "./rpc-client.ts";
import { scramSignIn } from "./scram-client.ts";

const AFAR = { "X-Forwarded-For": "192.0.2.9" };
const CLEAR = { ...AFAR, "X-Forwarded-Proto": "http" };
const TLS = { ...AFAR, "X-Forwarded-Proto": "https" };
/** The proxy does not say how its client came. */
const UNKNOWN = AFAR;
const NEW_PASSWORD = "four words make a password";
const REFUSED = "-32001 95";
/** What the refusal says to do. */
const ADVICE = { clear: "use https or wss", unknown: "Name it with --trusted-proxy" };

let rest: RestApp;
let turn = 0;
beforeAll(async () => {
  rest = await openRest({ trustedProxy: ["127.0.0.1"] });
}, 60_000);
afterAll(() => rest[Symbol.asyncDispose]());

const set = (rule: "revoke" | "refuse" | "allow") =>
  rest.app.settings.change(SYSTEM, { insecureTransport: rule, insecureTransportDialect: rule });
const connect = (headers: Record<string, string>): Promise<RpcClient> =>
  RpcClient.connect(rest.url, { headers });
const fresh = (word: string): string => `${word}${++turn}`;

function adviceIn(words: unknown): string | undefined {
  return Object.entries(ADVICE).find(([, advice]) => String(words).includes(advice))?.[0];
}

/** `done`, or what it was answered with and which advice is in it. */
function outcome({ error, result }: RpcAnswer): string {
  if (error) return `${error.code} ${error.data?.error} ${adviceIn(error.data?.reason)}`;
  const type = (result as { response_type?: string } | null)?.response_type;
  return type === undefined || type === "SUCCESS" ? "done" : type;
}

/** Signed in by SCRAM, which shows the key to nobody and so passes. */
async function byScram(headers: Record<string, string>): Promise<RpcClient> {
  const socket = await connect(headers);
  const text = await rest.key("ada", fresh("scram"));
  expect((await scramSignIn(socket, { username: "ada", text })).response_type).toBe("SCRAM_RESPONSE");
  return socket;
}

async function token(): Promise<string> {
  const socket = await byScram(TLS);
  const made = await socket.result<string>("auth.generate_token", 600, {}, false);
  socket.close();
  return made;
}

/** Every way in which a password or token is shown or given out. */
const WAYS: Readonly<Record<string, (headers: Record<string, string>) => Promise<string>>> = {
  PASSWORD_PLAIN: async (headers) => {
    const login = { mechanism: "PASSWORD_PLAIN", username: "ada", password: PASSWORD };
    return outcome(await (await connect(headers)).call("auth.login_ex", login));
  },
  "auth.login": async (headers) =>
    outcome(await (await connect(headers)).call("auth.login", "ada", PASSWORD)),
  TOKEN_PLAIN: async (headers) => {
    const login = { mechanism: "TOKEN_PLAIN", token: await token() };
    return outcome(await (await connect(headers)).call("auth.login_ex", login));
  },
  "auth.login_with_token": async (headers) =>
    outcome(await (await connect(headers)).call("auth.login_with_token", await token())),
  "auth.generate_token": async (headers) =>
    outcome(await (await byScram(headers)).call("auth.generate_token")),
  "user.create": async (headers) => {
    const input = { username: fresh("made"), roles: ["KEY_HOLDER"], password: NEW_PASSWORD };
    return outcome(await (await byScram(headers)).call("user.create", input));
  },
  "user.update": async (headers) => {
    const { id } = await rest.user(fresh("user"), ["KEY_HOLDER"]);
    return outcome(await (await byScram(headers)).call("user.update", id, { password: NEW_PASSWORD }));
  },
  "user.set_password": async (headers) => {
    const { username } = await rest.user(fresh("user"), ["KEY_HOLDER"]);
    const wanted = { username, new_password: NEW_PASSWORD };
    return outcome(await (await byScram(headers)).call("user.set_password", wanted));
  },
  "POST /session": async (headers) => {
    const body = { username: "ada", password: PASSWORD };
    const { status, json } = await rest.send("POST /session", { headers, body });
    return status === 200 ? "done" : `${status} ${json.code} ${adviceIn(json.detail)}`;
  },
};

describe("a password or token", () => {
  for (const [way, tries] of Object.entries(WAYS)) {
    test(`by ${way} is refused in clear text and where that is not known, but where the settings allow it, and taken over TLS`, async () => {
      const refused = way.startsWith("POST") ? "403 insecure_transport" : REFUSED;
      for (const rule of ["revoke", "refuse"] as const) {
        await set(rule);
        const answers = [await tries(CLEAR), await tries(UNKNOWN), await tries(TLS)];
        expect([rule, ...answers]).toEqual([rule, `${refused} clear`, `${refused} unknown`, "done"]);
      }
      await set("allow");
      expect([await tries(CLEAR), await tries(UNKNOWN), await tries(TLS)]).toEqual(["done", "done", "done"]);
    }, 60_000);
  }

  test("is refused by a sentence that says what to do, and the refusal is recorded without it", async () => {
    await set("refuse");
    const login = { mechanism: "PASSWORD_PLAIN", username: "ada", password: PASSWORD };
    const { error } = await (await connect(CLEAR)).call("auth.login_ex", login);
    expect(error?.data).toMatchObject({
      errname: "EOPNOTSUPP",
      reason: expect.stringContaining("use https or wss"),
    });
    await rest.app.audit.flush();
    const where = { kind: "test", path: ["event"], op: "=", fold: false, value: "AUTHENTICATION" } as const;
    const order = [{ path: ["at"], descending: true, nullsFirst: true }];
    const { rows } = await rest.app.audit.list(SYSTEM, { where, order, limit: 50 });
    const record = rows.find(({ success, address }) => !success && address === "192.0.2.9");
    expect(record).toMatchObject({ action: "LOGIN_PASSWORD", details: { reason: "insecure_transport" } });
    expect(JSON.stringify(rows)).not.toContain(PASSWORD);
  });

  test("costs no guess where it is refused in clear text", async () => {
    await rest.user("slow", ["KEY_HOLDER"]);
    await set("refuse");
    const wrong = { username: "slow", password: "not the right one" };
    for (let times = 0; times < 12; times++)
      expect((await rest.send("POST /session", { headers: CLEAR, body: wrong })).status).toBe(403);
    const body = { username: "slow", password: PASSWORD };
    expect((await rest.send("POST /session", { headers: TLS, body })).status).toBe(200);
  });
});

describe("a key in clear text at an address that asks for none", () => {
  const upgrade = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  /** What is answered where nothing is wrong with the way. */
  const ADDRESSES: readonly (readonly [route: string, status: number, headers?: Record<string, string>])[] = [
    ["POST /api/current", 426],
    ["GET /api/current", 426],
    ["POST /api/v25.10.0", 426],
    ["GET /api/current", 101, upgrade],
    ["GET /websocket", 410],
    ["GET /api/v2.0/system/version", 410],
    ["POST /api/v2.0/pool", 410],
    ["GET /api/v1.0/storage/volume", 410],
    ["GET /api/nothing", 404],
    ["GET /api/v1/nothing", 404],
    ["DELETE /api/v1/session/nothing", 404],
    ["PUT /api/v1/keys", 405],
    ["GET /keys", 200],
    ["GET /nothing", 404],
  ];
  const ask = async (route: string, headers: Record<string, string>): Promise<string> => {
    const [method, path] = route.split(" ") as [string, string];
    const answer = await askRaw(rest.url, [
      `${method} ${path} HTTP/1.1`,
      "Host: localhost",
      "Content-Length: 0",
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ]);
    const code = /"code":"(\w+)"/.exec(answer)?.[1];
    return `${/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]}${code === "insecure_transport" ? ` ${code}` : ""}`;
  };

  for (const [route, status, more = {}] of ADDRESSES)
    test(`${route}${status === 101 ? ", as a WebSocket," : ""} is treated as the settings say, and answered as ever over TLS`, async () => {
      const answer = async (way: Record<string, string>, credential: Record<string, string>) =>
        ask(route, { ...more, ...way, ...credential });
      const refused = "403 insecure_transport";
      for (const [rule, said, isRevoked] of [
        ["refuse", refused, false],
        ["allow", String(status), false],
        ["revoke", refused, true],
      ] as const) {
        await set(rule);
        const { key, secret } = await rest.app.keys.create(SYSTEM, { name: fresh("shown"), username: "ada" });
        for (const credential of [bearer(secret.text), { "X-API-Key": secret.text }]) {
          expect([rule, await answer(TLS, credential)]).toEqual([rule, String(status)]);
          // Nobody says that it came in clear.
          expect([rule, await answer(UNKNOWN, credential)]).toEqual([rule, String(status)]);
        }
        const wrong = { Authorization: `Bearer ${key.id}-${"a".repeat(64)}` };
        for (const credential of [{}, wrong, { Authorization: "Negotiate abc" }])
          expect([rule, await answer(CLEAR, credential)]).toEqual([rule, String(status)]);
        expect([rule, await answer(CLEAR, bearer(secret.text))]).toEqual([rule, said]);
        const { revokedAt } = await rest.app.keys.get(SYSTEM, key.id);
        expect([rule, revokedAt !== null]).toEqual([rule, isRevoked]);
      }
    }, 60_000);

  test("a WebSocket's address is closed before a key is sent, whoever asks and by whatever method", async () => {
    await rest.app.settings.change(SYSTEM, { insecureTransportDialect: "close" });
    for (const headers of [{}, bearer(await rest.key("ada", fresh("closed")))]) {
      expect(await ask("POST /api/current", { ...CLEAR, ...headers })).toBe("403 insecure_transport");
      expect(await ask("GET /api/current", { ...CLEAR, ...upgrade, ...headers })).toBe(
        "403 insecure_transport",
      );
    }
    expect(await ask("GET /api/current", CLEAR)).toBe("426");
    expect(await ask("POST /api/current", TLS)).toBe("426");
  });
});

test("a browser's session in clear text lives while the setting allows it, and is nobody's otherwise", async () => {
  await set("allow");
  const body = { username: "ada", password: PASSWORD };
  const { headers } = await rest.send("POST /session", { headers: CLEAR, body });
  const cookie = headers.get("set-cookie")!;
  expect(cookie).toMatch(/^chatelaine-[^;]+; Path=\/; HttpOnly; SameSite=Strict$/);
  const browser = { ...CLEAR, Cookie: cookie.split(";")[0]!, Origin: rest.url };
  const who = async () => (await rest.send("GET /session", { headers: browser })).json.user?.username;
  expect(await who()).toBe("ada");
  const change = { headers: browser, body: { name: fresh("key"), username: "ada" } };
  expect((await rest.send("POST /keys", change)).status).toBe(201);
  await set("refuse");
  expect(await who()).toBeUndefined();
  expect((await rest.send("POST /keys", change)).json.code).toBe("session_expired");
  // Over TLS the plain cookie is none.
  expect((await rest.send("GET /session", { headers: { ...browser, ...TLS } })).json.user).toBeNull();
});

test.each<[string, () => Promise<Record<string, string>>]>([
  ["key", async () => bearer(await rest.key("ada", fresh("stream")))],
  [
    "browser",
    async () => {
      const body = { username: "ada", password: PASSWORD };
      const { headers } = await rest.send("POST /session", { headers: CLEAR, body });
      return { Cookie: headers.get("set-cookie")!.split(";")[0]!, Origin: rest.url };
    },
  ],
])(
  "an event stream of a %s in clear text ends when the setting is narrowed, and revokes nothing",
  async (_, make) => {
    await set("allow");
    const credential = await make();
    const headers = { ...CLEAR, ...credential };
    const { body } = await fetch(`${rest.url}/api/v1/events`, { headers });
    const reader = body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toContain("event: ready");
    await set("revoke");
    let told = "";
    for (let part = await reader.read(); !part.done; part = await reader.read())
      told += new TextDecoder().decode(part.value);
    expect(told).not.toContain("settings");
    expect((await rest.send("GET /session", { headers: { ...TLS, ...credential } })).status).toBe(200);
  },
  60_000,
);

test("a key's rate is spent in clear text too, at both doors together", async () => {
  await set("allow");
  const rateLimit = { limit: 5, windowSeconds: 3_600 };
  const made = await rest.app.keys.create(SYSTEM, { name: fresh("rated"), username: "ada", rateLimit });
  const { text } = made.secret;
  const ask = async () =>
    (await rest.send("GET /keys/self", { headers: { ...CLEAR, ...bearer(text) } })).status;
  const login = { mechanism: "API_KEY_PLAIN", username: "ada", api_key: text };
  const signIn = async () => outcome(await (await connect(CLEAR)).call("auth.login_ex", login));
  expect([await ask(), await signIn(), await ask(), await signIn(), await ask()]).toEqual([
    200,
    "done",
    200,
    "done",
    200,
  ]);
  expect([await ask(), await signIn(), await ask()]).toEqual([429, "AUTH_ERR", 429]);
});

test("the first administrator is not made in clear text", async () => {
  const folder = await makeInstallation();
  try {
    const { app, urls } = await folder.serve({ trustedProxy: ["127.0.0.1"] });
    const token = await app.setup.makeToken(SYSTEM);
    const make = async (headers: Record<string, string>) => {
      const answer = await fetch(`${urls[0]}/api/v1/setup`, {
        method: "POST",
        headers: { ...headers, "Content-Type": "application/json" },
        body: JSON.stringify({ token, username: "root", password: PASSWORD }),
      });
      return [answer.status, ((await answer.json()) as { code?: string }).code];
    };
    expect(await make(CLEAR)).toEqual([403, "insecure_transport"]);
    expect(await make(TLS)).toEqual([201, undefined]);
  } finally {
    await folder[Symbol.asyncDispose]();
  }
}, 60_000);
