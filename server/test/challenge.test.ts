/** What a 401 offers: programs are offered Basic, which makes them send a key, and browsers never, so that no box opens. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGuard } from "../../client/src/guard.ts";
import { askRaw, type CheckApp, openCheck } from "./check-app.ts";
import { SYSTEM } from "./installation.ts";

let check: CheckApp;
let key: string;
const folder = mkdtempSync(join(tmpdir(), "challenge-"));

beforeAll(async () => {
  check = await openCheck();
  key = (await check.key("program")).text;
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await check[Symbol.asyncDispose]();
});

const MOZILLA = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36";
const ASKERS: readonly (readonly [string, boolean, Record<string, string>])[] = [
  ["git", true, { "User-Agent": "git/2.39.5" }],
  ["a program without a name", true, { "User-Agent": "" }],
  ["a program that names Mozilla later", true, { "User-Agent": "tool (like Mozilla/5.0)" }],
  ["a program with a cookie of somebody", true, { "User-Agent": "tool", Cookie: "theme=dark" }],
  [
    "a program behind a proxy that writes what its client does not send",
    true,
    { "User-Agent": "tool", "Sec-Fetch-Mode": "", Origin: "", "X-Requested-With": "", Cookie: "" },
  ],
  ["a browser", false, { "User-Agent": MOZILLA }],
  ["a page's fetch", false, { "User-Agent": "tool", "Sec-Fetch-Mode": "cors" }],
  ["a page elsewhere", false, { "User-Agent": "tool", Origin: "https://app.example" }],
  ["a script of a page", false, { "User-Agent": "tool", "X-Requested-With": "XMLHttpRequest" }],
  ["a session that has ended", false, { "User-Agent": "tool", Cookie: "a=b; chatelaine=x" }],
  ["the same over TLS", false, { "User-Agent": "tool", Cookie: "__Host-chatelaine=x" }],
];

/** Doors that take a key in Basic. */
const DOORS = ["/auth", "/auth?deny=403", "/api/v1/keys", "/api/v1/keys/1", "/api/v1/keys/self"];
const BASIC = 'Basic realm="Chatelaine", charset="UTF-8"';

async function offered(path: string, headers: Record<string, string>, method = "GET"): Promise<string> {
  const response = await fetch(check.url + path, { method, headers });
  expect([path, response.status]).toEqual([path, 401]);
  return response.headers.get("www-authenticate")!;
}

test.each(ASKERS)(
  "%s is offered Basic first: %p, at every door and in the guard",
  async (_, isProgram, headers) => {
    const wrong = { Authorization: `Bearer 1-${"a".repeat(64)}` };
    const guard = createGuard({ url: check.url });
    for (const credential of [{}, wrong] as Record<string, string>[]) {
      const all = { ...headers, ...credential };
      for (const path of DOORS) {
        const told = await offered(path, all);
        expect([path, told.startsWith(`${BASIC}, Bearer `)]).toEqual([path, isProgram]);
        expect([path, told.includes("Bearer "), told.includes("Basic ")]).toEqual([path, true, isProgram]);
      }
      const { refusal } = await guard((name) => new Headers(all).get(name), "127.0.0.1");
      expect(refusal?.headers["WWW-Authenticate"]?.startsWith(`${BASIC}, Bearer `)).toBe(isProgram);
    }
  },
);

test("a sign-in by password and the documentation offer Basic to nobody", async () => {
  const body = JSON.stringify({ username: "ada", password: "not hers at all" });
  const headers = { "Content-Type": "application/json", "User-Agent": "tool" };
  const signIn = await fetch(`${check.url}/api/v1/session`, { method: "POST", headers, body });
  expect([signIn.status, signIn.headers.get("www-authenticate")?.includes("Basic")]).toEqual([401, false]);
  const { change } = check.app.settings;
  await change(SYSTEM, { docs: "signed_in" });
  for (const path of ["/api/docs/current", "/api/openapi.json"])
    expect(await offered(path, { "User-Agent": "tool" })).not.toContain("Basic");
  await change(SYSTEM, { docs: "open" });
});

test("a proxy's configuration and a guard's options say what is offered, to everybody", async () => {
  for (const agent of ["tool", MOZILLA]) {
    const headers = { "User-Agent": agent };
    const read = (name: string) => new Headers(headers).get(name);
    for (const [challenge, isOffered] of [
      ["basic", [true, false]],
      ["bearer", [false, true]],
      ["auto", [agent === "tool", true]],
    ] as const) {
      const guard = createGuard({ url: check.url, challenge });
      const { refusal } = await guard(read, "127.0.0.1");
      const envoy = await fetch(`${check.url}/auth/envoy/x`, {
        headers: { ...headers, "X-Auth-Challenge": challenge },
      });
      for (const told of [
        await offered(`/auth?challenge=${challenge}`, headers),
        envoy.headers.get("www-authenticate")!,
        refusal!.headers["WWW-Authenticate"]!,
      ])
        expect([challenge, told.includes("Basic "), told.includes("Bearer ")]).toEqual([
          challenge,
          ...isOffered,
        ]);
    }
    expect(await offered("/auth?header=X-Own", headers)).not.toContain("Basic");
    const named = await createGuard({ url: check.url, header: "X-Own" })(read, "127.0.0.1");
    expect(named.refusal!.headers["WWW-Authenticate"]).not.toContain("Basic");
  }
  for (const query of ["challenge=digest", "challenge=", "challenge=auto&challenge=basic"])
    expect((await fetch(`${check.url}/auth?${query}`)).status).toBe(403);
});

test("both offers come in one field, because Bun joins fields of one name whatever way they are given", async () => {
  const [basic, bearer] = [BASIC, 'Bearer realm="Chatelaine"'];
  const name = "WWW-Authenticate";
  const ways: Readonly<Record<string, () => ResponseInit["headers"]>> = {
    "/append": () => {
      const headers = new Headers({ [name]: basic });
      headers.append(name, bearer);
      return headers;
    },
    "/pairs": () => [
      [name, basic],
      [name, bearer],
    ],
    "/spelled": () => ({ [name]: basic, [name.toLowerCase()]: bearer }),
  };
  using bun = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    routes: { "/static": new Response(null, { status: 401, headers: ways["/append"]!() }) },
    fetch: ({ url }) => new Response(null, { status: 401, headers: ways[new URL(url).pathname]!() }),
  });
  const fieldsOf = async (url: string, path: string): Promise<string[]> => {
    const answer = await askRaw(url, [`GET ${path} HTTP/1.1`, "Host: localhost", "User-Agent: git/2"]);
    return answer.split("\r\n").filter((line) => /^www-authenticate:/i.test(line));
  };
  for (const path of ["/static", ...Object.keys(ways)])
    expect([path, await fieldsOf(`http://127.0.0.1:${bun.port}`, path)]).toEqual([
      path,
      [expect.stringContaining(`${basic}, ${bearer}`)],
    ]);
  for (const path of DOORS) {
    const fields = await fieldsOf(check.url, path);
    expect([path, fields.length, fields[0]?.includes(`${BASIC}, Bearer `)]).toEqual([path, 1, true]);
  }
});

const URLLIB = `
import sys, urllib.request as r
m = r.HTTPPasswordMgrWithDefaultRealm()
m.add_password(None, sys.argv[1], "ada", sys.argv[2])
r.build_opener(r.HTTPBasicAuthHandler(m)).open(sys.argv[1]).read()`;
/** @returns the command of a program that is given a name and a key, and asks the address */
const PROGRAMS: Readonly<Record<string, (url: string) => readonly string[]>> = {
  curl: (url) => ["--anyauth", "-s", "-u", `ada:${key}`, url],
  wget: (url) => ["-qO-", "--user", "ada", "--password", key, url],
  python3: (url) => ["-c", URLLIB, url, key],
  git: (url) => ["ls-remote", url.replace("//", `//ada:${key}@`)],
};
/** How a server may write the offers; that of this one is the first. */
const FORMS: Readonly<Record<string, (offers: readonly string[]) => string | string[]>> = {
  "one field": (offers) => offers.join(", "),
  "a field for each": (offers) => [...offers],
};

describe.each(Object.keys(FORMS))("offered by %s", (form) => {
  const passed: string[] = [];
  // A site behind `/auth`, as a reverse proxy guards it.
  const site = createServer(async ({ headers }, answer) => {
    const read = Object.entries(headers).filter((one): one is [string, string] => typeof one[1] === "string");
    const asked = await fetch(`${check.url}/auth`, { headers: read });
    answer.statusCode = asked.status;
    const [basic, bearer] = asked.headers.get("www-authenticate")?.split(/, (?=Bearer )/) ?? [];
    if (basic && bearer) answer.setHeader("WWW-Authenticate", FORMS[form]!([basic, bearer]));
    if (asked.status === 200) passed.push(headers["user-agent"] ?? "");
    answer.end();
  });
  beforeAll(async () => {
    await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => {
    site.close();
    site.closeAllConnections();
  });

  for (const [name, argsOf] of Object.entries(PROGRAMS))
    test(`${name} sends its key`, async () => {
      const url = `http://127.0.0.1:${(site.address() as AddressInfo).port}/file`;
      const env = { ...process.env, HOME: folder, no_proxy: "*", GIT_TERMINAL_PROMPT: "0" };
      passed.length = 0;
      await Bun.spawn([name, ...argsOf(url)], { env, stdout: "ignore", stderr: "ignore" }).exited;
      expect(passed.length).toBeGreaterThan(0);
    }, 60_000);
});
