/** One answer to one set of credentials: at `/auth`, at the REST API, for services that ask from afar, in the guards. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createGuard } from "../../client/src/guard.ts";
import { type CheckApp, openCheck } from "./check-app.ts";
import { PASSWORD, SYSTEM } from "./installation.ts";

/** From afar, by TLS, so that what is nearer counts for nothing. */
const FAR = { "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https" };

let check: CheckApp;
let key: string;
let other: string;
/** Cookie of a browser of hers. */
let session: string;

beforeAll(async () => {
  check = await openCheck({ trustedProxy: ["127.0.0.1"] });
  await check.app.users.update(SYSTEM, 1, {
    roles: ["KEY_HOLDER", "SYSTEM_AUDIT_READ", "KEY_VERIFY"],
  });
  key = (await check.key("hers")).text;
  other = (await check.key("another")).text;
  await check.app.users.update(SYSTEM, 1, { password: PASSWORD });
  const signedIn = await fetch(`${check.url}/api/v1/session`, {
    method: "POST",
    headers: { ...FAR, "Content-Type": "application/json" },
    body: JSON.stringify({ username: "ada", password: PASSWORD }),
  });
  session = signedIn.headers.get("set-cookie")!.split(";")[0]!;
});

afterAll(() => check[Symbol.asyncDispose]());

const bearer = (text: string) => `Bearer ${text}`;
const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
/** One character of it is another. */
const mistyped = (text: string) => text.slice(0, -1) + (text.endsWith("0") ? "1" : "0");
const foreign = "Bearer eyJhbGciOiJub25lIn0.e30.c2ln";

type Row = readonly [what: string, good: boolean, headers: () => Record<string, string>];

const ROWS: readonly Row[] = [
  ["Bearer", true, () => ({ Authorization: bearer(key) })],
  ["Bearer in small letters, with blanks", true, () => ({ Authorization: `bearer   ${key} ` })],
  ["X-API-Key", true, () => ({ "X-API-Key": key })],
  ["Basic with the owner's name", true, () => ({ Authorization: basic(`ada:${key}`) })],
  ["Basic without a name", true, () => ({ Authorization: basic(`:${key}`) })],
  ["Basic with the key as the name", true, () => ({ Authorization: basic(`${key}:`) })],
  ["Basic with the key as the name and any password", true, () => ({ Authorization: basic(`${key}:x`) })],
  ["Basic with the name of somebody else", true, () => ({ Authorization: basic(`root:${key}`) })],
  ["Basic with a name that nobody has", true, () => ({ Authorization: basic(`x-token:${key}`) })],
  ["the same twice", true, () => ({ Authorization: bearer(key), "X-API-Key": key })],
  ["the same as Basic", true, () => ({ Authorization: basic(`ada:${key}`), "X-API-Key": key })],
  ["an empty X-API-Key beside it", true, () => ({ Authorization: bearer(key), "X-API-Key": "" })],
  ["an empty Authorization beside it", true, () => ({ Authorization: "", "X-API-Key": key })],
  ["a foreign token beside X-API-Key", true, () => ({ Authorization: foreign, "X-API-Key": key })],
  ["a foreign scheme beside X-API-Key", true, () => ({ Authorization: "Digest a=b", "X-API-Key": key })],
  [
    "a foreign password beside X-API-Key",
    true,
    () => ({ Authorization: basic("bob:secret"), "X-API-Key": key }),
  ],
  ["another key", false, () => ({ Authorization: bearer(other), "X-API-Key": key })],
  ["another key as Basic", false, () => ({ Authorization: basic(`ada:${other}`), "X-API-Key": key })],
  [
    "another key as the name of Basic",
    false,
    () => ({ Authorization: basic(`${other}:`), "X-API-Key": key }),
  ],
  [
    "a mistyped key beside X-API-Key",
    false,
    () => ({ Authorization: bearer(mistyped(other)), "X-API-Key": key }),
  ],
  ["the same with a slip", false, () => ({ Authorization: bearer(mistyped(key)), "X-API-Key": key })],
  [
    "a key without its number beside X-API-Key",
    false,
    () => ({ Authorization: bearer(key.slice(key.indexOf("-") + 1)), "X-API-Key": key }),
  ],
  ["a foreign token alone", false, () => ({ Authorization: foreign })],
  ["two in one Bearer", false, () => ({ Authorization: `${bearer(key)}, ${bearer(key)}` })],
  ["two in one X-API-Key", false, () => ({ "X-API-Key": `${key}, ${key}` })],
  [
    "a wrong key in X-API-Key beside a good Bearer",
    false,
    () => ({ Authorization: bearer(key), "X-API-Key": "nonsense" }),
  ],
  ["an empty X-API-Key alone", false, () => ({ "X-API-Key": " " })],
  ["nothing", false, () => ({})],
];

test.each(ROWS)("%s: %p, at every door", async (_, good, headersOf) => {
  const headers = headersOf();
  const isYes = async (path: string, init: RequestInit = {}): Promise<boolean> => {
    const all = { ...headers, ...FAR, "Content-Type": "application/json" };
    return (await fetch(check.url + path, { ...init, headers: all })).status === 200;
  };
  const guard = createGuard({ url: check.url });
  const { refusal } = await guard((name) => new Headers(headers).get(name), "192.0.2.7");
  const body = JSON.stringify({ key: other });
  expect({
    auth: await isYes("/auth"),
    envoy: await isYes("/auth/envoy/x?scope=a:b"),
    rest: await isYes("/api/v1/keys/self"),
    oneKey: await isYes(`/api/v1/keys/${key.split("-")[0]}`),
    verify: await isYes("/api/v1/verify", { method: "POST", body }),
    metrics: await isYes("/metrics"),
    guard: refusal === undefined,
  }).toEqual({ auth: good, envoy: good, rest: good, oneKey: good, verify: good, metrics: good, guard: good });
});

/** As proxies leave them that cannot take a header away (Traefik, `customRequestHeaders`), and shells where a variable is not set. */
const EMPTY: readonly (readonly [what: string, headers: Record<string, string>])[] = [
  ["an empty Authorization", { Authorization: "" }],
  ["one of blanks", { Authorization: " \t " }],
  ["an empty X-API-Key", { "X-API-Key": "" }],
  ["one of blanks", { "X-API-Key": "  " }],
  ["both", { Authorization: "", "X-API-Key": "" }],
];

/** What each door says to who shows nothing, near and from afar, and to a browser with its session. */
const BARE: readonly (readonly [path: string, init: RequestInit, status: number])[] = [
  ["/auth", {}, 401],
  ["/auth?header=Authorization", {}, 401],
  ["/auth?header=X-API-Key", {}, 401],
  ["/auth/envoy/x", {}, 401],
  ["/api/v1/verify", { method: "POST" }, 200],
  ["/metrics", {}, 200],
  ["/api/v1/session", {}, 200],
  ["/api/v1/keys", {}, 401],
  ["/api/v1/keys/1", {}, 401],
  ["/api/v1/keys/self", {}, 401],
  ["/api/openapi.json", {}, 200],
];

test.each(EMPTY)("%s is no credential: %p, at every door", async (_, headers) => {
  const body = JSON.stringify({ key });
  const ask = async (path: string, init: RequestInit, shown: Record<string, string>) => {
    const all = { "Content-Type": "application/json", ...shown };
    const response = await fetch(check.url + path, { ...init, headers: all, ...(init.method && { body }) });
    const { status, headers: told } = response;
    return { path, status, offered: told.get("www-authenticate"), decision: told.get("decision-id") };
  };
  for (const [path, init, status] of BARE) {
    const bare = await ask(path, init, {});
    expect([path, bare.status]).toEqual([path, status]);
    expect(await ask(path, init, headers)).toEqual(bare);
    const far = await ask(path, init, FAR);
    expect(await ask(path, init, { ...headers, ...FAR })).toEqual(far);
    const cookie = { ...FAR, Cookie: session };
    expect(await ask(path, init, { ...headers, ...cookie })).toEqual(await ask(path, init, cookie));
  }
  const guard = createGuard({ url: check.url });
  const read = (shown: Record<string, string>) => (name: string) => new Headers(shown).get(name);
  expect(await guard(read(headers), "192.0.2.7")).toEqual(await guard(read({}), "192.0.2.7"));
});

test("an empty header beside a session leaves the session, and beside the named header the key", async () => {
  for (const [, headers] of EMPTY) {
    const shown = { ...headers, ...FAR, Cookie: session };
    const mine = await fetch(`${check.url}/api/v1/session`, { headers: shown });
    expect(await mine.json()).toMatchObject({ user: { username: "ada" } });
    const named = { ...headers, "X-Own": key };
    expect((await fetch(`${check.url}/auth?header=X-Own`, { headers: named })).status).toBe(200);
  }
});
