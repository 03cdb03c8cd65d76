/** What a 401 offers: programs are offered Basic, which makes them send a key, and browsers never, so that no box opens. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGuard } from "../../client/src/guard.ts";
import { type CheckApp, openCheck } from "./check-app.ts";
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

test("real programs send their key when they are challenged", async () => {
  const passed: string[] = [];
  // A site behind `/auth`, as a reverse proxy guards it.
  using site = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (req) => {
      const { status, headers } = await fetch(`${check.url}/auth`, { headers: req.headers });
      const challenge = headers.get("www-authenticate");
      if (status !== 200)
        return new Response(null, { status, headers: challenge ? { "WWW-Authenticate": challenge } : {} });
      passed.push(req.headers.get("user-agent") ?? "");
      return new Response("passed");
    },
  });
  const python = `
import sys, urllib.request as r
m = r.HTTPPasswordMgrWithDefaultRealm()
m.add_password(None, sys.argv[1], "ada", sys.argv[2])
r.build_opener(r.HTTPBasicAuthHandler(m)).open(sys.argv[1]).read()`;
  const url = `http://127.0.0.1:${site.port}/file`;
  const env = { ...process.env, HOME: folder, no_proxy: "*", GIT_TERMINAL_PROMPT: "0" };
  const programs: readonly (readonly [string, readonly string[]])[] = [
    ["curl", ["--anyauth", "-s", "-u", `ada:${key}`, url]],
    ["wget", ["-qO-", "--user", "ada", "--password", key, url]],
    ["python3", ["-c", python, url, key]],
    ["git", ["ls-remote", url.replace("//", `//ada:${key}@`)]],
  ];
  for (const [name, args] of programs) {
    if (!Bun.which(name)) continue;
    passed.length = 0;
    await Bun.spawn([name, ...args], { env, stdout: "ignore", stderr: "ignore" }).exited;
    expect([name, passed.length > 0]).toEqual([name, true]);
  }
});
