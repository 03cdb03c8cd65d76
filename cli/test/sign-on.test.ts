/**
 * One site for people with a sign-on and for programs with keys: who is asked about each kind of request, what is answered,
 * and who arrives. The sign-on is a stand-in that speaks the documented requests; proxies and Chatelaine are real.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { IDENTITY, ODD_CHARACTERS, SIGN_ONS } from "@chatelaine/proxy-recipes/guard";
import { OTHER_IDENTITY, SIGN_ON_COOKIES } from "@chatelaine/proxy-recipes/sign-on";
import { type CheckApp, openCheck } from "../../server/test/check-app.ts";
import { run } from "./chatelaine.ts";
import { ask, type LargeHeaderSink, type Sent, startLargeHeaderSink } from "./raw-proxy.ts";
import { freePort, type Relay, type RunningProxy, startProxy, startRelay } from "./real-proxy.ts";
import { LOGIN, PERSON, SESSIONS, type StandInSignOn, startSignOn } from "./stand-in-sign-on.ts";

const WITH_SIGN_ON = ["nginx", "caddy"] as const;
const BROWSER = ["User-Agent: Mozilla/5.0 (X11)", "Sec-Fetch-Mode: navigate", "Accept: text/html"];
const PAGE_CALL = ["User-Agent: Mozilla/5.0 (X11)", "Sec-Fetch-Mode: cors", "Accept: application/json"];
const SCRIPT = ["X-Requested-With: XMLHttpRequest", "Accept: application/json"];
const PROGRAM = ["User-Agent: curl/8.0", "Accept: */*"];
const UPGRADE = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
];
const PAGE_SOCKET = [...UPGRADE, "User-Agent: Mozilla/5.0", "Sec-Fetch-Mode: websocket", "Origin: http://x"];
const ECHO = "spoken through the tunnel";
const HOSTILE = [
  "/x?scope=admin:all&header=X-Own&deny=404&rd=https://evil.example/",
  "/x?a=1&b=2;c=3&rd=%2F%2Fevil.example%23x",
  "/api/authz/auth-request?auth=basic",
  "/x?rm=GET&allowed_groups=staff&x=/oauth2/auth",
  `/x?long=${"q".repeat(3_000)}&end`,
];
const NAMES = [...IDENTITY, "Remote-Assertion", ...OTHER_IDENTITY];
const FORGED = NAMES.flatMap((name) => [name, name.toLowerCase()]).map((name) => `${name}: root`);
const TWINS = NAMES.flatMap((name) => [
  name.replaceAll("-", "_"),
  name.replace("-", "_"),
  name.replaceAll("-", "."),
  name.replaceAll("-", ODD_CHARACTERS[0]!),
]).map((name) => `${name}: root`);

type Credential = "good key" | "bad key" | "signed in" | "ended session" | "barred";

interface Row {
  readonly name: string;
  readonly lines: readonly string[];
  readonly carries?: readonly Credential[];
  /** All of them have the same outcome. */
  readonly targets?: readonly string[];
  readonly sent?: Sent;
  readonly asks: "sign-on" | "Chatelaine";
  readonly status: number;
  readonly arrives: "person" | "key" | "nobody";
}

const signedIn = { carries: ["signed in"], asks: "sign-on", status: 200, arrives: "person" } as const;
const away = { asks: "sign-on", status: 302, arrives: "nobody" } as const;
const key = { carries: ["good key"], asks: "Chatelaine", status: 200, arrives: "key" } as const;
const refused = { asks: "Chatelaine", status: 401, arrives: "nobody" } as const;
const both = ["signed in", "good key"] as const;

const ROWS: readonly Row[] = [
  { name: "a browser that is signed in", lines: BROWSER, ...signedIn },
  { name: "a browser that is not", lines: BROWSER, ...away },
  { name: "a browser whose session has ended", lines: BROWSER, carries: ["ended session"], ...away },
  {
    name: "a person who may not enter",
    lines: BROWSER,
    carries: ["barred"],
    asks: "sign-on",
    status: 403,
    arrives: "nobody",
  },
  { name: "a page that calls in the background", lines: PAGE_CALL, ...signedIn },
  { name: "the same without a session", lines: PAGE_CALL, ...away, status: 401 },
  { name: "a script of a page without a session", lines: SCRIPT, ...away, status: 401 },
  { name: "a browser with a good key", lines: BROWSER, ...key },
  { name: "a browser with a bad key", lines: BROWSER, carries: ["bad key"], ...refused },
  {
    name: "a signed-in browser with a bad key",
    lines: BROWSER,
    carries: ["signed in", "bad key"],
    ...refused,
  },
  { name: "a signed-in browser with a good key", lines: BROWSER, ...key, carries: both },
  { name: "a program with a good key", lines: PROGRAM, ...key },
  { name: "a program with a bad key", lines: PROGRAM, carries: ["bad key"], ...refused },
  { name: "a program without a key", lines: PROGRAM, ...refused },
  { name: "a program that says nothing of itself", lines: [], ...refused },
  { name: "a program with the sign-on's cookie", lines: PROGRAM, ...signedIn },
  { name: "the same with a good key", lines: PROGRAM, ...key, carries: both },
  { name: "the same with a bad key", lines: PROGRAM, carries: ["signed in", "bad key"], ...refused },
  { name: "a program with an ended session", lines: PROGRAM, carries: ["ended session"], ...away },
  { name: "forged identity of a person", lines: [...BROWSER, ...FORGED], ...signedIn },
  { name: "forged identity of a program", lines: [...PROGRAM, ...FORGED], ...key },
  { name: "forged twins of a person", lines: [...BROWSER, ...TWINS], ...signedIn },
  { name: "forged twins of a program", lines: [...PROGRAM, ...TWINS], ...key },
  { name: "forged identity and nothing else", lines: [...PROGRAM, ...FORGED], ...refused },
  { name: "forged identity in a browser", lines: [...BROWSER, ...FORGED], ...away },
  { name: "a person's hostile query", lines: BROWSER, targets: HOSTILE, ...signedIn },
  { name: "a hostile query without a session", lines: BROWSER, targets: HOSTILE, ...away },
  { name: "a program's hostile query", lines: PROGRAM, targets: HOSTILE, ...key },
  { name: "a hostile query without a key", lines: PROGRAM, targets: HOSTILE, ...refused },
  { name: "a person's WebSocket", lines: PAGE_SOCKET, sent: { echo: ECHO }, ...signedIn, status: 101 },
  { name: "a page's WebSocket without a session", lines: PAGE_SOCKET, ...away, status: 401 },
  { name: "a program's WebSocket", lines: UPGRADE, sent: { echo: ECHO }, ...key, status: 101 },
  { name: "a WebSocket without a key", lines: UPGRADE, ...refused },
  { name: "a person's upload", lines: BROWSER, sent: { method: "POST", bodyBytes: 1 << 20 }, ...signedIn },
  { name: "a program's upload", lines: PROGRAM, sent: { method: "PUT", bodyBytes: 1 << 20 }, ...key },
  {
    name: "an upload without a session",
    lines: BROWSER,
    sent: { method: "POST", bodyBytes: 1_000 },
    ...away,
  },
  { name: "an empty Authorization", lines: [...BROWSER, "Authorization:", "X-API-Key:"], ...signedIn },
];

let check: CheckApp;
let service: LargeHeaderSink;
let good: string;
let bad: string;
beforeAll(async () => {
  check = await openCheck();
  service = await startLargeHeaderSink();
  const { id, text } = await check.key("sign-on");
  good = text;
  bad = `${id}-${"x".repeat(64)}`;
});
afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await check?.[Symbol.asyncDispose]();
});

for (const proxy of WITH_SIGN_ON)
  for (const kind of SIGN_ONS)
    describe(`${proxy} with ${kind}:`, () => {
      const cookie = SIGN_ON_COOKIES[kind];
      let signOn: StandInSignOn;
      let relay: Relay;
      let guard: RunningProxy;
      let port: number;
      beforeAll(async () => {
        signOn = await startSignOn(kind, cookie);
        relay = await startRelay(check.url);
        port = await freePort();
        guard = await startProxy({
          proxy,
          site: `http://localhost:${port}`,
          service: `http://127.0.0.1:${service.port}`,
          chatelaine: relay.url,
          more: ["--sso", kind, "--sso-url", signOn.url],
        });
      });
      afterAll(async () => {
        await guard?.[Symbol.asyncDispose]();
        await relay?.[Symbol.asyncDispose]();
        await signOn?.[Symbol.asyncDispose]();
      });
      const lineOf: Readonly<Record<Credential, () => string>> = {
        "good key": () => `Authorization: Bearer ${good}`,
        "bad key": () => `X-API-Key: ${bad}`,
        "signed in": () => `Cookie: theme=dark; ${cookie}=${SESSIONS.in}`,
        "ended session": () => `Cookie: ${cookie}=over`,
        barred: () => `Cookie: ${cookie}=${SESSIONS.barred}; theme=dark`,
      };
      const send = async (row: Pick<Row, "lines" | "carries" | "sent">, target: string) => {
        const [arrivedBefore, askedBefore] = [service.arrived.length, signOn.asked.length];
        relay.forget();
        const lines = [...row.lines, ...(row.carries ?? []).map((one) => lineOf[one]())];
        const answer = await ask({ ...row.sent, port, target, lines });
        const asked = signOn.asked.slice(askedBefore);
        const told = relay.sent();
        return { answer, asked, told, arrived: service.arrived.slice(arrivedBefore) };
      };

      for (const row of ROWS)
        test(row.name, async () => {
          for (const target of row.targets ?? ["/x"]) {
            const { answer, asked, told, arrived } = await send(row, target);
            const who = { person: PERSON.user, key: "ada", nobody: undefined }[row.arrives];
            const isAsked = [asked.length > 0 && "sign-on", told !== "" && "Chatelaine"].filter(Boolean);
            expect([
              target,
              answer.status,
              isAsked,
              arrived.map(({ headers }) => headers["remote-user"]),
            ]).toEqual([target, row.status, [row.asks], who === undefined ? [] : [who]]);
            expect(answer.echoed).toBe(row.sent?.echo ?? "");
            // Neither hears what is the other's, nor what a client makes up.
            for (const { headers } of asked)
              expect(JSON.stringify(headers)).not.toMatch(/"root|root"|-x{64}/);
            expect(told).not.toContain(cookie);
            const location = answer.headers.get("location");
            if (row.status === 302) {
              const back = kind === "authelia" ? `http://localhost:${port}${target}` : target;
              expect([new URL(location!).origin, new URL(location!).searchParams.get("rd")]).toEqual([
                LOGIN,
                back,
              ]);
            } else if (row.status !== 401) expect(location).toBeNull();
            const offered = answer.headers.get("www-authenticate") ?? "";
            const isOffered = row.asks === "Chatelaine" && row.status === 401;
            expect(offered !== "").toBe(isOffered);
            const [one] = arrived;
            if (!one) continue;
            expect([one.target, one.bytes]).toEqual([target, row.sent?.bodyBytes ?? 0]);
            expect(one.headers).toMatchObject(
              row.arrives === "person"
                ? { "remote-name": PERSON.name, "remote-email": PERSON.email, "remote-groups": PERSON.groups }
                : { "remote-name": "Ada L%C3%B6velace", "remote-groups": "ops" },
            );
            expect((one.headers["remote-key-id"] ?? "") !== "").toBe(row.arrives === "key");
            for (const name of [...OTHER_IDENTITY, "Authorization", "X-API-Key", "Remote-Assertion"])
              expect([name, one.headers[name.toLowerCase()] ?? ""]).toEqual([name, ""]);
            expect(JSON.stringify(one.headers)).not.toMatch(/"root|root,|root"/);
            expect(Object.keys(one.headers).filter((name) => /[^a-z0-9-]/.test(name))).toEqual([]);
          }
        });

      if (kind === "oauth2-proxy")
        test("its own pages are reached by everybody, and no key reaches them", async () => {
          for (const carries of [[], ["good key"], ["signed in", "good key"]] as const) {
            const row = { lines: [...BROWSER, ...FORGED], carries };
            const { answer, asked, told, arrived } = await send(row, "/oauth2/callback?code=x&state=y");
            expect([answer.status, told, arrived.length]).toEqual([200, "", 0]);
            expect(answer.body).toContain("a page of the sign-on");
            expect(asked.map((one) => one.target)).toEqual(["/oauth2/callback?code=x&state=y"]);
            expect(JSON.stringify(asked[0]!.headers)).not.toContain(good);
            expect(JSON.stringify(asked[0]!.headers)).not.toMatch(/"root|root"/);
          }
          const beside = await send({ lines: BROWSER }, "/oauth2/../x");
          expect([
            beside.arrived.length,
            beside.asked.every(({ target }) => target.startsWith("/oauth2/")),
          ]).toEqual([0, true]);
        });

      test("below a path that is taken away, with preflights and a header for keys, the ways are the same", async () => {
        const site = `http://localhost:${await freePort()}`;
        const more = [
          "--strip-path",
          "--preflight",
          "--header",
          "X-Own-Key",
          "--sso",
          kind,
          "--sso-url",
          signOn.url,
        ];
        await using _below = await startProxy({
          proxy,
          site: `${site}/my.app`,
          service: `http://127.0.0.1:${service.port}`,
          chatelaine: relay.url,
          more,
        });
        const signedInLine = lineOf["signed in"]();
        const own = `X-Own-Key: ${good}`;
        const foreign = "Authorization: Bearer a.b.c";
        const preflight = ["Origin: https://other.example", "Access-Control-Request-Method: PUT"];
        for (const [lines, method, status, who, asks] of [
          [[...BROWSER, signedInLine], "GET", 200, PERSON.user, "sign-on"],
          [[...BROWSER, signedInLine, foreign], "POST", 200, PERSON.user, "sign-on"],
          [BROWSER, "GET", 302, undefined, "sign-on"],
          [[...PROGRAM, own, foreign], "POST", 200, "ada", "Chatelaine"],
          [[...BROWSER, signedInLine, own], "GET", 200, "ada", "Chatelaine"],
          [[...BROWSER, signedInLine, `X-Own-Key: ${bad}`], "GET", 401, undefined, "Chatelaine"],
          [[...PROGRAM, foreign], "GET", 401, undefined, "Chatelaine"],
          [[...BROWSER, ...preflight, signedInLine], "OPTIONS", 200, "", undefined],
        ] as const) {
          const [askedBefore, before] = [signOn.asked.length, service.arrived.length];
          relay.forget();
          const port = Number(new URL(site).port);
          const answer = await ask({ port, method, target: "/my.app/x?a=1&b=2", lines });
          const asked = signOn.asked.slice(askedBefore);
          const isAsked = asked.length > 0 ? "sign-on" : relay.sent() === "" ? undefined : "Chatelaine";
          const arrived = service.arrived.slice(before);
          const users = arrived.map(({ headers }) => headers["remote-user"] ?? "");
          expect([lines, answer.status, users, isAsked]).toEqual([
            lines,
            status,
            who === undefined ? [] : [who],
            asks,
          ]);
          expect(JSON.stringify([asked, arrived])).not.toContain(good);
          for (const { headers } of asked) expect(headers.authorization ?? "").toBe("");
          if (status === 302) {
            const back = new URL(answer.headers.get("location")!).searchParams.get("rd");
            expect(back).toEndWith("/my.app/x?a=1&b=2");
          }
          for (const one of arrived) {
            expect([one.target, one.headers["x-forwarded-prefix"]]).toEqual(["/x?a=1&b=2", "/my.app"]);
            const isForeign = (lines as readonly string[]).includes(foreign);
            expect(one.headers.authorization ?? "").toBe(isForeign ? "Bearer a.b.c" : "");
          }
        }
      });

      test("while the one is away, its own are answered 5xx, and the other is not asked for it", async () => {
        const other = await startSignOn(kind, cookie);
        const gone = await startRelay(check.url);
        const site = `http://localhost:${await freePort()}`;
        await using _second = await startProxy({
          proxy,
          site,
          service: `http://127.0.0.1:${service.port}`,
          chatelaine: gone.url,
          more: ["--sso", kind, "--sso-url", other.url],
        });
        const statusOf = async (lines: readonly string[]) =>
          (await ask({ port: Number(new URL(site).port), lines })).status;
        const person = [...BROWSER, lineOf["signed in"]()];
        const program = [...PROGRAM, lineOf["good key"]()];
        expect([await statusOf(person), await statusOf(program)]).toEqual([200, 200]);
        const before = service.arrived.length;
        await other[Symbol.asyncDispose]();
        gone.forget();
        expect([502, 503]).toContain(await statusOf(person));
        expect([await statusOf(program), gone.sent().match(/^GET \/auth/gm)?.length]).toEqual([200, 1]);
        await gone[Symbol.asyncDispose]();
        const asked = other.asked.length;
        expect([502, 503]).toContain(await statusOf(program));
        expect([service.arrived.length - before, other.asked.length - asked]).toEqual([1, 0]);
      });
    });

test("nginx takes the snippet with a sign-on, beside its upstreams and alone, over TLS too", async () => {
  for (const kind of SIGN_ONS)
    for (const more of [[], ["--write"]]) {
      const folder = mkdtempSync(join(tmpdir(), "chatelaine-sign-on-"));
      const place = ["--for", "http://127.0.0.1:8080", "--to", "http://127.0.0.1:3000", "--sso", kind];
      const args = ["proxy", "nginx", "--snippet", ...place, "--sso-url", "https://localhost:9091"];
      const written = more.length > 0 ? ["--write", folder] : [];
      const { code, stdout } = await run([
        ...args,
        "--sso-ca",
        "/etc/ssl/certs/ca-certificates.crt",
        ...written,
      ]);
      expect(code).toBe(0);
      if (written.length === 0) writeFileSync(join(folder, "chatelaine-guard.conf"), stdout);
      const upstreams = written.length === 0 ? "" : `include ${folder}/chatelaine-upstreams.conf;`;
      const server = `server { listen 127.0.0.1:8080; include ${folder}/chatelaine-guard.conf; }`;
      writeFileSync(join(folder, "nginx.conf"), `events {}\nhttp {\n${upstreams}\n${server}\n}\n`);
      const test = ["nginx", "-t", "-p", folder, "-c", `${folder}/nginx.conf`, "-g", `pid ${folder}/t.pid;`];
      const { exitCode, stderr } = Bun.spawnSync(test);
      expect([exitCode, exitCode === 0 ? "" : stderr.toString()]).toEqual([0, ""]);
      rmSync(folder, { recursive: true, force: true });
    }
});

test("a sign-on takes another cookie and path, and what does not go together is said", async () => {
  const place = ["--for", "https://a.example/app", "--to", "http://127.0.0.1:1"];
  const sso = ["--sso", "authelia", "--sso-url", "https://b.example"];
  const { code, stdout } = await run(["proxy", "nginx", ...place, ...sso, "--sso-cookie", "own_session"]);
  expect([code, stdout.includes("own_session[^=;]*="), stdout.includes("authelia_session")]).toEqual([
    0,
    true,
    false,
  ]);
  for (const [args, words] of [
    [["nginx", ...place, "--sso", "authelia"], "go together"],
    [["nginx", ...place, "--sso-url", "https://b.example"], "go together"],
    [["nginx", ...place, "--sso", "keycloak", "--sso-url", "https://b.example"], "authelia, oauth2-proxy"],
    [["nginx", ...place, ...sso, "--sso-cookie", 'a"b'], "no name of a cookie"],
    [["traefik", ...place, ...sso], "--sso is for"],
    [["envoy", ...place, ...sso], "--sso is for"],
  ] as const) {
    const told = await run(["proxy", ...args]);
    expect([told.code, told.stdout, told.stderr.includes(words)]).toEqual([2, "", true]);
  }
});
