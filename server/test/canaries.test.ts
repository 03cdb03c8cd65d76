/**
 * Secrets where they do not belong (R20): each kind of secret, under wrong names and in wrong places, by every operation of
 * REST, every method of JSON-RPC and every header, signed in and not, leaves no trace in audit, log, metrics, events, or any
 * file of the data folder with its write-ahead logs. The ways are made from the contract's and the dialect's own lists.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Operation } from "@chatelaine/contract/operations/operation";
import { operationList } from "@chatelaine/contract/operations/operations";
import { createLog } from "../src/log.ts";
import { createDialect } from "../src/truenas/truenas.ts";
import { bearer, openRest, type RestApp, SYSTEM, until } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

/** Never refused for being asked too often: this is about what is kept. */
const RATE = { anonymousRate: "1000000" };
const lines: string[] = [];
let rest: RestApp;
let stream: { readonly text: () => string; readonly stop: () => void };
/** What each secret is, as it is shown, and what of it must stand nowhere. */
const secrets = new Map<string, { readonly text: string; readonly traces: readonly string[] }>();
let signer: string;
const sockets: { readonly who: string; readonly client: RpcClient }[] = [];

beforeAll(async () => {
  rest = await openRest(RATE, { log: createLog("debug", "json", (line) => lines.push(line)) });
  await rest.user("victim", ["FULL_ADMIN"]);
  await rest.user("spare", ["FULL_ADMIN"]);
  signer = await rest.key("ada", "signer");
  stream = await listen(signer);
  const live = await rest.key("victim", "live");
  const [id, body] = live.split("-") as [string, string];
  const slipped = `${body.slice(0, 30)}${body[30] === "x" ? "y" : "x"}${body.slice(31)}`;
  const owner = await RpcClient.connect(rest.url);
  await owner.signIn("victim", await rest.key("victim", "for a token"));
  const token = await owner.result<string>("auth.generate_token", 600, {}, false);
  owner.close();
  const { Cookie: cookie = "" } = await rest.browser("victim");
  const session = cookie.slice(cookie.indexOf("=") + 1);
  const password = "correct-Horse-battery-9-staple";
  const halves = (text: string): string[] => [text.slice(0, 24), text.slice(-24)];
  secrets.set("a live key", { text: live, traces: [...halves(body), btoa(live).slice(0, 60)] });
  secrets.set("a mistyped key", { text: `${id}-${slipped}`, traces: halves(slipped) });
  secrets.set("a key without its number", { text: body, traces: halves(body) });
  secrets.set("an encoded key", { text: `${id}%2D${body}`, traces: halves(body) });
  secrets.set("a token", { text: token, traces: halves(token) });
  secrets.set("a session", { text: session, traces: halves(session) });
  secrets.set("a password", { text: password, traces: [password, password.slice(0, 20)] });
  for (const who of ["stranger", "administrator"]) {
    const client = await RpcClient.connect(rest.url);
    if (who === "administrator") await client.signIn("spare", await rest.key("spare", "socket"));
    sockets.push({ who, client });
  }
});

afterAll(async () => {
  stream.stop();
  for (const { client } of sockets) client.close();
  await rest[Symbol.asyncDispose]();
});

async function listen(key: string): Promise<typeof stream> {
  const stop = new AbortController();
  const response = await fetch(`${rest.url}/api/v1/events`, { headers: bearer(key), signal: stop.signal });
  let text = "";
  const decoder = new TextDecoder();
  const read = async (): Promise<void> => {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>)
      text += decoder.decode(chunk);
  };
  read().catch(() => {});
  return { text: () => text, stop: () => stop.abort() };
}

/** The secret at every place of a request that has no business with it. */
function requestsWith(
  operation: Operation,
  secret: string,
  byLooks: boolean,
): { path: string; body?: unknown; headers?: Record<string, string> }[] {
  const { example, path, method } = operation;
  const filled = (value: (name: string) => string): string =>
    path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(value(name)));
  const plain = filled((name) => String(example.params?.[name]));
  const encoded = encodeURIComponent(secret);
  const isOpen = method === "GET" || method === "DELETE";
  const found: ReturnType<typeof requestsWith> = [
    { path: `${plain}?${encoded}=1` },
    { path: `${plain}?unknown=${encoded}` },
    { path: `${plain}/${encoded}` },
  ];
  if (path.includes("{")) found.push({ path: filled(() => secret) });
  if (isOpen) return found;
  const given = (example.body ?? {}) as Record<string, unknown>;
  const bodies: unknown[] = [
    { ...given, passwrod: secret },
    { ...given, [secret]: 1 },
    { ...given, inner: { [secret]: secret } },
    secret,
    [secret],
    // A value of another type than any member has.
    ...Object.keys(given).map((name) => ({ ...given, [name]: { inner: [secret] } })),
    ...(byLooks ? Object.keys(given).map((name) => ({ ...given, [name]: secret })) : []),
  ];
  return [...found, ...bodies.map((body) => ({ path: plain, body }))];
}

const HEADERS = [
  "User-Agent",
  "Referer",
  "Cookie",
  "X-Request-Id",
  "Idempotency-Key",
  "Last-Event-ID",
  "Origin",
  "X-Forwarded-For",
  "X-API-Key",
];

/** Parameters of methods with the text as one of their words. */
const WORDS: Readonly<Record<string, (text: string) => unknown[][]>> = {
  "api_key.create": (text) => [[{ name: text, username: "ada" }], [{ name: "x", username: text }]],
  "api_key.update": (text) => [
    [1, { name: text }],
    [1, { expires_at: text }],
  ],
  "user.create": (text) => [
    [{ username: text, full_name: "x" }],
    [{ username: "x", full_name: text }],
    [{ username: "x", full_name: "x", email: text, groups: [text] }],
  ],
  "user.update": (text) => [[1, { full_name: text, email: text }]],
  "auth.set_attribute": (text) => [
    [text, 1],
    ["x", text],
    ["x", { [text]: text }],
  ],
  "auth.terminate_session": (text) => [[text]],
  "core.subscribe": (text) => [[text], [`api_key.query:${text}`]],
};

/** A password is told from nothing by its looks: what a client says of itself is kept, so it is not tried there. */
const isByLooks = (what: string): boolean => what !== "a password";

/** A change that the example alone would do is not done with another's rights: what streams is not asked for. */
const operations = operationList.filter(({ name }) => name !== "events.stream");

async function expectNoTrace(): Promise<void> {
  await rest.app.audit.flush();
  await rest.app.usage.flush();
  const { rows } = await rest.app.audit.list(SYSTEM, { limit: 0 });
  const metrics = await (await fetch(`${rest.url}/metrics`)).text();
  const files = readdirSync(rest.folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(rest.folder, name))
    .filter((name) => statSync(name).isFile());
  expect(files.some((name) => name.endsWith("-wal"))).toBe(true);
  const places = [
    ["audit", JSON.stringify(rows)],
    ["log", lines.join("")],
    ["metrics", metrics],
    ["events", stream.text()],
    ...files.map((name) => [name.slice(rest.folder.length), readFileSync(name, "latin1")] as const),
  ] as const;
  const found: string[] = [];
  for (const [what, { traces }] of secrets)
    for (const [place, content] of places)
      for (const trace of traces)
        if (content.includes(trace)) found.push(`${what} in ${place}: ${around(content, trace)}`);
  expect(found).toEqual([]);
}

function around(content: string, trace: string): string {
  const at = content.indexOf(trace);
  return content.slice(Math.max(0, at - 80), at + 20).replaceAll(/[^\x20-\x7e]/g, ".");
}

describe("a secret where none belongs leaves no trace", () => {
  for (const who of ["from a stranger", "from an administrator"]) {
    test(`by REST ${who}, in paths, queries, members and values of every operation`, async () => {
      const asked: Record<string, string> = who === "from an administrator" ? bearer(signer) : {};
      let sent = 0;
      for (const [what, { text }] of secrets) {
        for (const operation of operations) {
          for (const { path, body } of requestsWith(operation, text, isByLooks(what))) {
            // Words that are kept are for `kept-text.test.ts`, and a name in a path is one.
            if (!isByLooks(what) && /\{name\}|\{id\}|\{username\}/.test(operation.path)) continue;
            await rest.send(`${operation.method} ${path}`, { headers: asked, body });
            sent++;
          }
        }
      }
      expect(sent).toBeGreaterThan(1_000);
      // What asked was still who it was.
      const still = await rest.send("GET /keys/self", { headers: asked });
      expect(still.status).toBe(who === "from an administrator" ? 200 : 401);
      await expectNoTrace();
    }, 240_000);
  }

  test("in headers, and where a user name belongs", async () => {
    for (const [what, { text }] of secrets) {
      if (isByLooks(what)) {
        for (const name of HEADERS)
          for (const value of [text, `Bearer ${text}`, `client/1 ${text}`])
            for (const asked of [{}, bearer(signer)])
              for (const route of ["GET /keys", "POST /keys", "GET /nowhere", "GET /api/docs/"])
                await rest.send(route, {
                  headers: { ...asked, [name]: value },
                  ...(route.startsWith("POST") && { body: {} }),
                });
      }
      for (const username of [text, text.slice(0, 32)])
        await rest.send("POST /session", {
          headers: { Origin: rest.url },
          body: { username, password: text },
        });
      for (const pair of [`${text}:x`, `ada:${text}`, `${text}:${text}`])
        await rest.send("GET /keys", { headers: { Authorization: `Basic ${btoa(pair)}` } });
    }
    await expectNoTrace();
  }, 120_000);

  test("by JSON-RPC, in every place of every method's parameters, and in the frame itself", async () => {
    const dialect = createDialect({
      feed: { subscribe: () => {} },
      sessions: { subscribe: () => {} },
    } as never);
    const all = dialect.documented.flatMap(({ methods }) => methods);
    const methods = [...new Map(all.map((one) => [one.name, one])).values()];
    expect(methods.length).toBeGreaterThan(25);
    for (const { client } of sockets) {
      for (const [what, { text }] of secrets) {
        for (const { name, params } of methods) {
          // A good one signs in where it belongs.
          if (name === "auth.logout" || name.startsWith("auth.login_with_")) continue;
          const places = [
            [text],
            [{ [text]: 1 }],
            [{ passwrod: text }],
            [{ name: "x", username: "x", passwrod: text, inner: { [text]: text } }],
            [1, text],
            [1, { passwrod: text, [text]: text }],
            [...Array.from({ length: params.length + 1 }, () => ({ passwrod: text }))],
          ];
          // In the place of a word that is kept or looked up: told by its looks alone.
          const words = isByLooks(what) ? (WORDS[name]?.(text) ?? []) : [];
          for (const given of [...places, ...words]) await client.call(name, ...given);
        }
        for (const frame of [
          { jsonrpc: "2.0", id: 1, method: text, params: [] },
          { jsonrpc: "2.0", id: text, method: "core.ping", params: [] },
          { jsonrpc: "2.0", id: 1, method: "core.ping", params: { [text]: text } },
          { jsonrpc: text, id: 1, method: "core.ping" },
          { [text]: text },
        ])
          client.sendText(JSON.stringify(frame));
        client.sendText(`{"not json ${text}`);
      }
      await client.call("core.ping").catch(() => undefined);
    }
    // Who asked was still who they were.
    expect(await sockets[1]!.client.result<object>("auth.me")).toMatchObject({ pw_name: "spare" });
    expect((await sockets[0]!.client.call("auth.me")).error).toBeDefined();
    await expectNoTrace();
  }, 240_000);

  test("and the looking finds what is there", async () => {
    secrets.set("what was named", { text: "", traces: ["a name that the audit keeps"] });
    try {
      await rest.app.keys.create(SYSTEM, { name: "a name that the audit keeps", username: "ada" });
      await until(() => stream.text().includes("a name that the audit keeps"));
      const found = await expectNoTrace().then(
        () => "nothing",
        (error: Error) => error.message,
      );
      for (const place of ["audit", "events", "chatelaine.db"])
        expect(found).toContain(`what was named in ${place === "chatelaine.db" ? "/" : place}`);
    } finally {
      secrets.delete("what was named");
    }
  });
});

describe("the path of the webhook", () => {
  test("is shown masked wherever it is shown", async () => {
    const hidden = "services-T000-hidden-path";
    const url = `http://127.0.0.1:9/${hidden}?also=${hidden}`;
    const headers = bearer(signer);
    const said: string[] = [];
    for (const route of [
      "PATCH /settings",
      "GET /settings",
      "POST /webhook/test",
      "GET /webhook/deliveries",
      "GET /alerts",
    ]) {
      const body = route.startsWith("PATCH")
        ? { webhook_url: url, webhook_secret: "sixteen letters and more" }
        : route.startsWith("POST")
          ? {}
          : undefined;
      const answer = await rest.send(route, { headers, body });
      expect([route, answer.status]).toEqual([route, 200]);
      said.push(answer.text);
    }
    expect(said[1]).toContain("http://127.0.0.1:9/…");
    await rest.app.audit.flush();
    const { client } = sockets[1]!;
    for (const method of ["audit.query", "alert.list"]) said.push(JSON.stringify(await client.call(method)));
    const { rows } = await rest.app.audit.list(SYSTEM, { limit: 0 });
    const shown = [
      ...said,
      JSON.stringify(rows),
      lines.join(""),
      stream.text(),
      await (await fetch(`${rest.url}/metrics`)).text(),
    ];
    expect(shown.filter((text) => text.includes(hidden))).toEqual([]);
  });
});
