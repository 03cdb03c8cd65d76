import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { makeInstallation, movedClock } from "./installation.ts";
import { bearer, openRest, PASSWORD, type RestApp, SYSTEM } from "./rest-app.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const clock = movedClock();
let rest: RestApp;

beforeAll(async () => {
  rest = await openRest({}, { clock });
});
afterAll(() => rest[Symbol.asyncDispose]());

const status = async (route: string, headers: Record<string, string>, body?: unknown) =>
  (await rest.send(route, { headers, body })).status;

describe("forged requests (R17)", () => {
  const FOREIGN = ["https://evil.example", "null", "http://localhost:1"];
  const CHANGES: readonly [string, unknown][] = [
    ["POST /keys", { name: "forged", username: "ada" }],
    ["PATCH /keys/1", { name: "forged" }],
    ["DELETE /keys/1", undefined],
    ["POST /keys/1/revoke", { reason: "x" }],
    ["PUT /users/ada/password", { password: "another long password", current_password: PASSWORD }],
    ["DELETE /session", undefined],
    ["PUT /me/attributes/a", { value: 1 }],
  ];

  test("a change by cookie passes only with an own Origin, whatever the content type and the fetch metadata", async () => {
    const { Cookie, Origin } = (await rest.browser("ada")) as { Cookie: string; Origin: string };
    for (const [route, body] of CHANGES) {
      for (const origin of [undefined, ...FOREIGN, Origin]) {
        for (const site of [undefined, "cross-site", "same-site", "none", "same-origin"]) {
          if (origin === Origin && (site === undefined || site === "same-origin")) continue;
          for (const type of ["application/json", "text/plain", "application/x-www-form-urlencoded"]) {
            const headers = {
              Cookie,
              ...(origin && { Origin: origin }),
              ...(site && { "Sec-Fetch-Site": site }),
              ...(body !== undefined && { "Content-Type": type }),
            };
            const answer = await rest.send(route, { headers, body: body && JSON.stringify(body) });
            expect([route, origin, site, type, answer.status]).toEqual([route, origin, site, type, 403]);
          }
        }
      }
    }
    expect(
      await status("PUT /me/attributes/a", { Cookie, Origin, "Sec-Fetch-Site": "same-origin" }, { value: 1 }),
    ).toBe(200);
  });

  test("reading by cookie passes from here alone", async () => {
    const { Cookie, Origin } = (await rest.browser("ada")) as { Cookie: string; Origin: string };
    expect(await status("GET /keys", { Cookie })).toBe(200);
    expect(await status("GET /keys", { Cookie, Origin })).toBe(200);
    expect(await status("GET /keys", { Cookie, Origin: "https://evil.example" })).toBe(403);
    expect(await status("GET /audit/export", { Cookie, "Sec-Fetch-Site": "cross-site" })).toBe(403);
  });

  test("another site cannot sign a browser in", async () => {
    const body = { username: "ada", password: PASSWORD };
    expect(await status("POST /session", { Origin: "https://evil.example" }, body)).toBe(403);
    expect(await status("POST /session", { "Sec-Fetch-Site": "cross-site" }, body)).toBe(403);
    expect(await status("POST /session", { Origin: rest.url }, body)).toBe(200);
  });

  test("other origins get no permission to read, unless they were named", async () => {
    const Origin = "https://evil.example";
    const closed = await rest.send("GET /session", { headers: { Origin } });
    expect(closed.headers.get("access-control-allow-origin")).toBeNull();
    expect((await rest.send("OPTIONS /keys", { headers: { Origin } })).status).toBe(403);
    await using open = await openRest({ allowOrigin: ["https://tools.example"] });
    const named = await open.send("OPTIONS /keys", { headers: { Origin: "https://tools.example" } });
    expect([named.status, named.headers.get("access-control-allow-origin")]).toEqual([
      204,
      "https://tools.example",
    ]);
    expect(named.headers.get("access-control-allow-credentials")).toBeNull();
    expect((await open.send("OPTIONS /keys", { headers: { Origin } })).status).toBe(403);
    const read = await open.send("GET /session", { headers: { Origin: "https://tools.example" } });
    expect(read.headers.get("access-control-expose-headers")).toContain("Retry-After");
    const { Cookie = "" } = await open.browser("ada");
    const cookie = { Cookie, Origin: "https://tools.example" };
    expect((await open.send("GET /keys", { headers: cookie })).status).toBe(403);
  });
});

describe("headers (R18)", () => {
  test("every answer confines its page and is not kept, errors too", async () => {
    const routes = [
      "GET /session",
      "GET /keys",
      "GET /nope",
      "POST /verify",
      "POST /keys",
      "GET /api/openapi.json",
      "GET /api/nothing",
      "GET /api/docs/current",
    ];
    for (const route of routes) {
      const { headers } = await rest.send(route);
      const csp = headers.get("content-security-policy") ?? "";
      expect(csp).toContain("script-src 'self'");
      expect(csp).toContain("frame-ancestors 'none'");
      expect(csp).not.toContain("unsafe-eval");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("cache-control")).toContain("no-store");
    }
  });

  test("what is beside the API and the screens confines its page too", async () => {
    const far = { "X-Forwarded-For": "192.0.2.9" };
    const asked: readonly [string, Record<string, string>, number][] = [
      ["/metrics", {}, 200],
      ["/metrics", far, 403],
      ["/.well-known/jwks.json", {}, 200],
      ["/healthz", {}, 200],
      ["/readyz", {}, 200],
      ["/nothing", {}, 404],
    ];
    for (const [path, sent, status] of asked) {
      const answer = await fetch(rest.url + path, { headers: sent });
      const { headers } = answer;
      expect([path, answer.status, headers.get("x-content-type-options")]).toEqual([path, status, "nosniff"]);
      expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      if (!path.endsWith("jwks.json"))
        expect([path, headers.get("cache-control")]).toEqual([path, "no-store"]);
    }
  });

  test("no cell of an exported table can be taken for a formula", async () => {
    const auth = bearer(await rest.key("ada", "=HYPERLINK(1)"));
    const csv = await rest.send("GET /audit/export?format=csv", { headers: auth });
    expect(csv.headers.get("content-disposition")).toContain("audit.csv");
    for (const line of csv.text.split("\r\n")) expect(line).not.toMatch(/(?:^|,)"?[=+@]/);
  });
});

describe("sessions (R19)", () => {
  test("the cookie cannot be read by scripts nor sent by other sites, and is a __Host- cookie over TLS", async () => {
    const sign = (url: string) =>
      fetch(`${url}/api/v1/session`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ username: "ada", password: PASSWORD }),
        tls: { rejectUnauthorized: false },
      });
    expect((await sign(rest.url)).headers.get("set-cookie")).toMatch(
      /^chatelaine-[\w-]{8}=[\w-]{64}; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    await using secure = await openRest({ http: "off", https: "127.0.0.1:0" });
    const cookie = (await sign(secure.url)).headers.get("set-cookie")!;
    expect(cookie).toMatch(
      /^__Host-chatelaine-[\w-]{8}=[\w-]{64}; Path=\/; HttpOnly; SameSite=Strict; Secure$/,
    );
    const [name, token] = cookie.split(";")[0]!.split("=") as [string, string];
    const ask = async (shown: string) => {
      const answer = await fetch(`${secure.url}/api/v1/session`, {
        headers: { Cookie: `${shown}=${token}` },
        tls: { rejectUnauthorized: false },
      });
      return ((await answer.json()) as { user: unknown }).user !== null;
    };
    expect([await ask(name), await ask(name.slice("__Host-".length))]).toEqual([true, false]);
  });

  test("two servers under one host name do not sign each other's users out", async () => {
    await using other = await openRest();
    const jar = [(await rest.browser("ada")).Cookie, (await other.browser("ada")).Cookie].join("; ");
    const signedIn = async ({ send }: Pick<typeof rest, "send">) =>
      (await send("GET /session", { headers: { Cookie: jar } })).json.user?.username;
    expect([await signedIn(rest), await signedIn(other)]).toEqual(["ada", "ada"]);
  });

  test("no password is taken, and no cookie is set, over plain http from elsewhere", async () => {
    const headers = { "X-Forwarded-For": "192.0.2.9" };
    const answer = await rest.send("POST /session", {
      headers,
      body: { username: "ada", password: PASSWORD },
    });
    expect([answer.json.code, answer.headers.get("set-cookie")]).toEqual(["insecure_transport", null]);
  });

  test("is not kept alive by what goes on without a request, such as an open stream of events", async () => {
    const headers = await rest.browser("ada");
    const token = headers.Cookie!.split("=")[1]!;
    const origin = { ...SYSTEM.origin, door: "rest" as const };
    clock.advance(40 * MINUTE);
    expect((await rest.app.browserSessions.findAgain(token, origin))?.caller.username).toBe("ada");
    clock.advance(40 * MINUTE);
    expect(await rest.app.browserSessions.findAgain(token, origin)).toBeUndefined();
    expect(await status("GET /keys", headers)).toBe(401);
  });

  test("a session that was planted before sign-in is not taken over, and the one before ends", async () => {
    const [name] = (await rest.browser("ada")).Cookie!.split("=");
    const planted = { Cookie: `${name}=${"p".repeat(64)}`, Origin: rest.url };
    const answer = await rest.send("POST /session", {
      headers: planted,
      body: { username: "ada", password: PASSWORD },
    });
    expect(answer.headers.get("set-cookie")).not.toContain("pppp");
    const first = await rest.browser("ada");
    await rest.send("POST /session", { headers: first, body: { username: "ada", password: PASSWORD } });
    expect(await status("GET /keys", first)).toBe(401);
  });

  test("is not handed out where another password ended it while one signed in", async () => {
    await rest.user("eve", ["KEY_HOLDER"]);
    const { browserSessions, users } = rest.app;
    const real = browserSessions.find;
    const { id } = await users.get(SYSTEM, { username: "eve" });
    const changing: typeof browserSessions.find = async (...given) => {
      const found = await real(...given);
      await users.update(SYSTEM, id, { password: "another long password" });
      return found;
    };
    Object.assign(browserSessions, { find: changing });
    try {
      const answer = await rest.send("POST /session", { body: { username: "eve", password: PASSWORD } });
      expect([answer.status, answer.json.code]).toEqual([401, "session_expired"]);
      expect(answer.headers.has("set-cookie")).toBe(false);
    } finally {
      Object.assign(browserSessions, { find: real });
    }
  });

  test("survives a restart, and ends at sign-out", async () => {
    const headers = await rest.browser("ada");
    await rest.restart();
    headers.Origin = rest.url;
    expect(await status("GET /keys", headers)).toBe(200);
    const out = await rest.send("DELETE /session", { headers });
    expect(out.headers.get("set-cookie")).toContain("Max-Age=0");
    const after = await rest.send("GET /keys", { headers });
    expect([after.status, after.json.code]).toEqual([401, "session_expired"]);
  });

  test("ends after an hour without a request, and after a day whatever happens", async () => {
    const idle = await rest.browser("ada");
    clock.advance(59 * MINUTE);
    expect(await status("GET /session", idle)).toBe(200);
    expect(await status("GET /keys", idle)).toBe(200);
    clock.advance(61 * MINUTE);
    expect(await status("GET /keys", idle)).toBe(401);
    const busy = await rest.browser("ada");
    for (let half = 0; half < 47; half++) {
      clock.advance(HOUR / 2);
      expect(await status("GET /keys", busy)).toBe(200);
    }
    clock.advance(HOUR / 2);
    expect(await status("GET /keys", busy)).toBe(401);
  });

  test("a new password ends the user's other sessions, and needs the old one", async () => {
    await rest.user("pat", ["KEY_HOLDER"]);
    const [own, other] = [await rest.browser("pat"), await rest.browser("pat")];
    const set = (current_password?: string) =>
      rest.send("PUT /users/pat/password", {
        headers: own,
        body: { password: "a brand new password", current_password },
      });
    expect((await set()).status).toBe(422);
    expect((await set("not the one it is")).json.errors[0].path).toBe("current_password");
    expect((await set(PASSWORD)).status).toBe(200);
    expect([await status("GET /keys", own), await status("GET /keys", other)]).toEqual([200, 401]);
    const key = bearer(await rest.key("pat", "pats"));
    expect(await status("PUT /users/pat/password", key, { password: "a key's own password" })).toBe(403);
  });

  test("ends when its user is locked, loses a role or is deleted, and when somebody ends it", async () => {
    const ada = await rest.browser("ada");
    const ends: Record<string, (id: number) => Promise<unknown>> = {
      lock: (id) => rest.app.users.lock(SYSTEM, id),
      role: (id) => rest.app.users.update(SYSTEM, id, { roles: ["KEY_HOLDER"] }),
      remove: (id) => rest.app.users.remove(SYSTEM, id),
      end: async () => {
        const { json } = await rest.send("GET /sessions", { headers: ada });
        const session = json.entries.find(({ username }: { username: string }) => username === "end");
        expect(await status(`DELETE /sessions/${session.id}`, ada)).toBe(200);
      },
    };
    for (const [name, end] of Object.entries(ends)) {
      const { id } = await rest.user(name, ["READONLY_ADMIN"]);
      const headers = await rest.browser(name);
      expect([name, await status("GET /keys", headers)]).toEqual([name, 200]);
      await end(id);
      expect([name, await status("GET /keys", headers)]).toEqual([name, 401]);
    }
  });

  test("a visitor is told that he is one, and sign-in does not tell whether a user exists", async () => {
    expect((await rest.send("GET /session")).json).toEqual({ user: null });
    const wrong = (username: string) =>
      rest.send("POST /session", { body: { username, password: "wrong password" } });
    const [known, unknown] = [await wrong("ada"), await wrong("nobody")];
    expect({ ...unknown.json, request_id: "" }).toEqual({ ...known.json, request_id: "" });
    expect(known.status).toBe(401);
  });
});

test("setup makes the first administrator once, with the token of the printed link", async () => {
  await using installation = await makeInstallation();
  const server = await installation.serve();
  const ask = async (method: string, path: string, body?: object, more: Record<string, string> = {}) => {
    const response = await fetch(`${server.urls[0]}/api/v1${path}`, {
      method,
      headers: { "Content-Type": "application/json", ...more },
      body: body && JSON.stringify(body),
    });
    // biome-ignore lint/suspicious/noExplicitAny: what is expected of it is said below
    return { status: response.status, json: (await response.json()) as any };
  };
  expect((await ask("GET", "/setup")).json).toEqual({ needed: true });
  const token = await server.makeSetupToken();
  const input = { username: "first", password: PASSWORD };
  expect((await ask("POST", "/setup", { ...input, token: "wrong" })).status).toBe(403);
  const far = await ask("POST", "/setup", { ...input, token }, { "X-Forwarded-For": "192.0.2.9" });
  expect([far.status, far.json.code]).toEqual([403, "insecure_transport"]);
  expect((await ask("POST", "/setup", { ...input, token, password: "short" })).status).toBe(422);
  const made = await ask("POST", "/setup", { ...input, token });
  expect([made.status, made.json.roles]).toEqual([201, ["FULL_ADMIN"]]);
  expect((await ask("POST", "/setup", { ...input, token, username: "second" })).status).toBe(409);
  expect((await ask("GET", "/setup")).json).toEqual({ needed: false });
  expect((await ask("POST", "/session", input)).json.user.username).toBe("first");
});
