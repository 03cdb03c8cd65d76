/** The log has a line for each refused sign-in, which fail2ban and CrowdSec read by the filters in `deploy/`. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { YAML } from "bun";
import type { Origin } from "../src/domain/caller.ts";
import { createLog, type LogFormat } from "../src/log.ts";
import { LINES_A_SECOND_MAX, RefusalLog } from "../src/sign-in/refusal-log.ts";
import { movedClock } from "./installation.ts";
import { bearer, openRest, type RestApp, SYSTEM } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

const DEPLOY = join(import.meta.dir, "../../deploy");
const refused = { kind: "API_KEY", reason: "unknown" } as const;
const from = (address: string | null): Pick<Origin, "address" | "door"> => ({ address, door: "rest" });

function openLog(format: LogFormat = "text") {
  const lines: string[] = [];
  const clock = movedClock();
  const log = createLog("info", format, (line) => lines.push(line.trimEnd()));
  return { lines, clock, log, refusals: new RefusalLog({ log, clock }) };
}

/** Without the time, which others have a test for. */
const wordsOf = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/^\S+ /, ""));

test("of one network ten lines a second, then one with how many more there were and the last address", () => {
  const { lines, clock, refusals } = openLog();
  for (let at = 0; at < 25; at++) refusals.tell(refused, from(`2001:db8::${at}`));
  refusals.tell(refused, from("192.0.2.1"));
  clock.advance(1_000);
  refusals.tell(refused, from("192.0.2.1"));
  refusals.close();
  expect(wordsOf(lines)).toEqual([
    ...Array.from(
      { length: LINES_A_SECOND_MAX },
      (_, at) => `WARN  Sign-in refused address=2001:db8::${at} door=rest kind=API_KEY reason=unknown`,
    ),
    "WARN  Sign-in refused address=192.0.2.1 door=rest kind=API_KEY reason=unknown",
    "WARN  More sign-ins refused address=2001:db8::24 network=2001:db8::/64 count=15 guesses=15",
    "WARN  Sign-in refused address=192.0.2.1 door=rest kind=API_KEY reason=unknown",
  ]);
});

test("of all networks together a thousand lines a second, and nobody is left out of the count", () => {
  const { lines, refusals } = openLog();
  for (let at = 0; at < 6_000; at++) refusals.tell(refused, from(`10.0.${at >> 8}.${at & 255}`));
  refusals.close();
  expect(lines.filter((line) => line.includes(" Sign-in refused "))).toHaveLength(1_000);
  const counts = lines.flatMap((line) => /More .* count=(\d+)/.exec(line)?.[1] ?? []).map(Number);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5_000);
});

test("on a unix socket there is no address, and the line says so", () => {
  const { lines, refusals } = openLog();
  refusals.tell(refused, from(null));
  refusals.close();
  expect(wordsOf(lines)).toEqual([
    "WARN  Sign-in refused address=local door=rest kind=API_KEY reason=unknown",
  ]);
});

describe.each(["text", "json"] as const)("a server that logs as %s", (format) => {
  let rest: RestApp;
  const lines: string[] = [];
  beforeAll(async () => {
    const log = createLog("info", format, (line) => lines.push(line.trimEnd()));
    rest = await openRest({ trustedProxy: ["127.0.0.1"] }, { log });
  });
  afterAll(() => rest[Symbol.asyncDispose]());

  test("tells of every way to sign in, and the filters find those who guess, and no others", async () => {
    const paused = await rest.key("ada", "paused");
    const { key } = await rest.app.keys.create(SYSTEM, { name: "known", username: "ada" });
    const proxied = (address: string) => ({ "X-Forwarded-For": address, "X-Forwarded-Proto": "https" });
    const bad = bearer(`${key.id}-${"A".repeat(64)}`);
    const body = { username: "ada", password: "wrong wrong wrong" };
    await rest.app.keys.pause(SYSTEM, 1);
    lines.length = 0;
    await rest.send("GET /keys", { headers: { ...proxied("198.51.100.1"), ...bad } });
    await rest.send("GET /keys", {
      headers: { ...proxied("198.51.100.2"), ...bearer("address=192.0.2.66") },
    });
    await rest.send("POST /session", { headers: proxied("2001:db8::3"), body });
    await rest.send("POST /verify", { headers: { ...proxied("198.51.100.4"), ...bad }, body: { key: "x" } });
    const rpc = await RpcClient.connect(rest.url, { headers: proxied("198.51.100.5") });
    const first = `n,,n=ada:${key.id},r=${Buffer.alloc(32, 1).toString("base64")}`;
    const scram = { mechanism: "SCRAM", scram_type: "CLIENT_FIRST_MESSAGE", rfc_str: first };
    const begun = await rpc.result<{ rfc_str: string }>("auth.login_ex", scram);
    const nonce = /r=([^,]+)/.exec(begun.rfc_str)![1];
    await rpc.call("auth.login_ex", {
      ...scram,
      scram_type: "CLIENT_FINAL_MESSAGE",
      rfc_str: `c=biws,r=${nonce},p=${Buffer.alloc(64, 1).toString("base64")}`,
    });
    await rpc.call("auth.login_with_token", "nonsense");
    await rpc.call("auth.login_ex", { mechanism: "PASSWORD_PLAIN", ...body });
    await rest.send("GET /keys", { headers: { ...proxied("198.51.100.6"), ...bearer(paused) } });
    rpc.close();
    const told = lines.filter((line) => line.includes("Sign-in refused"));
    const guessers = [
      "198.51.100.1",
      "198.51.100.2",
      "2001:db8::3",
      "198.51.100.4",
      "198.51.100.5",
      "198.51.100.5",
      "198.51.100.5",
    ];
    expect(told).toHaveLength(guessers.length + 1);
    expect(told.at(-1)).toContain("paused");
    expect(await fail2ban(lines)).toEqual(guessers);
    expect(crowdSec(lines)).toEqual(guessers);
  });
});

test("a line that somebody made up is found by no filter", async () => {
  const { lines, log } = openLog();
  const line = "Sign-in refused address=192.0.2.66 door=rest kind=API_KEY reason=unknown";
  log.warn("A request failed", { path: `/x\n2030-01-01T00:00:00.000Z WARN  ${line}` });
  log.info(line);
  log.warn(`Not understood: ${line}`);
  expect(lines).toHaveLength(3);
  expect(await fail2ban(lines)).toEqual([]);
  expect(crowdSec(lines)).toEqual([]);
});

test("a count says of the last address that there were more", async () => {
  for (const format of ["text", "json"] as const) {
    const { lines, refusals } = openLog(format);
    for (let time = 0; time < 12; time++) refusals.tell(refused, from("203.0.113.1"));
    refusals.close();
    expect(await fail2ban(lines)).toEqual(Array(11).fill("203.0.113.1"));
    expect(crowdSec(lines)).toEqual(Array(11).fill("203.0.113.1"));
    const late = openLog(format);
    for (let time = 0; time < 12; time++)
      late.refusals.tell({ kind: "API_KEY", reason: "expired" }, from("203.0.113.1"));
    late.refusals.close();
    expect(late.lines).toHaveLength(11);
    expect([await fail2ban(late.lines), crowdSec(late.lines)]).toEqual([[], []]);
  }
});

test("what the journal puts before a line is no hindrance", async () => {
  for (const format of ["text", "json"] as const) {
    const { lines, refusals } = openLog(format);
    for (let time = 0; time < 12; time++) refusals.tell(refused, from("203.0.113.1"));
    refusals.close();
    const journal = lines.map((line) => `keys chatelaine[4711]: ${line}`);
    // There the time is the journal's, and nothing is taken out of the line.
    expect(await fail2ban(journal, "journal")).toEqual(Array(11).fill("203.0.113.1"));
  }
});

test("the lines that the page for operators shows are written so, and are found", async () => {
  const page = readFileSync(join(DEPLOY, "README.md"), "utf8");
  const shown = page.split("\n").filter((line) => /^\S+Z WARN {2}|^\{"time"/.test(line));
  expect(shown).toHaveLength(4);
  expect(await fail2ban(shown)).toEqual(Array(4).fill("203.0.113.7"));
  expect(crowdSec(shown)).toEqual(Array(4).fill("203.0.113.7"));
  const shapes = (lines: readonly string[]): Set<string> =>
    new Set(
      lines.map((line) => line.replace(/\d{4}-\S+?Z/, "").replaceAll(/(count|guesses)("?[:=])\d+/g, "$1$2")),
    );
  const written = (["text", "json"] as const).flatMap((format) => {
    const { lines, refusals } = openLog(format);
    for (let time = 0; time < 12; time++) refusals.tell(refused, from("203.0.113.7"));
    refusals.close();
    return lines;
  });
  expect(shapes(shown)).toEqual(shapes(written));
});

/**
 * What fail2ban finds: its filter is a list of Python's regular expressions, read by Python. As fail2ban does, the time is
 * taken out of the line before, and `<ADDR>` stands for an address.
 */
async function fail2ban(lines: readonly string[], from: "file" | "journal" = "file"): Promise<string[]> {
  const program = `
import configparser, json, re, sys
asked = json.load(sys.stdin)
filter = configparser.RawConfigParser()
filter.read(asked["filter"])
date = filter.get("Definition", "datepattern").replace("%%", "%")
parts = {"Y": r"\\d{4}", "m": r"\\d\\d", "d": r"\\d\\d", "H": r"\\d\\d", "M": r"\\d\\d", "S": r"\\d\\d", "f": r"\\d+", "z": "Z"}
date = re.compile(re.sub("%(.)", lambda part: parts[part.group(1)], date))
address = r"(?P<ip>(?:\\d{1,3}\\.){3}\\d{1,3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]+)"
rules = [re.compile(rule.replace("<ADDR>", address)) for rule in filter.get("Definition", "failregex").strip().split("\\n")]
found = []
for line in asked["lines"]:
    rest = line
    if asked["from"] == "file":
        start, end = date.search(line).span(1)
        rest = line[:start] + line[end:]
    match = next((match for match in (rule.search(rest) for rule in rules) if match), None)
    if match: found.append(match.group("ip"))
print(json.dumps(found))
`;
  const run = Bun.spawn(["python3", "-c", program], {
    stdin: Buffer.from(
      JSON.stringify({ filter: join(DEPLOY, "fail2ban/filter.d/chatelaine.conf"), lines, from }),
    ),
    stderr: "inherit",
  });
  return JSON.parse(await new Response(run.stdout).text()) as string[];
}

interface Node {
  readonly filter?: string;
  readonly grok: { readonly pattern: string; readonly apply_on: string };
}

/** What CrowdSec's parser finds: patterns of grok, of which the words are known here that it uses. */
function crowdSec(lines: readonly string[]): string[] {
  const parser = YAML.parse(
    readFileSync(join(DEPLOY, "crowdsec/parsers/s01-parse/chatelaine-logs.yaml"), "utf8"),
  ) as { nodes: Node[]; statics: { meta: string; expression?: string }[] };
  const scenario = YAML.parse(
    readFileSync(join(DEPLOY, "crowdsec/scenarios/chatelaine-bf.yaml"), "utf8"),
  ) as { filter: string; groupby: string };
  expect(parser.statics).toContainEqual({ meta: "source_ip", expression: "evt.Parsed.source_ip" });
  expect(scenario).toMatchObject({ groupby: "evt.Meta.source_ip" });
  const words: Readonly<Record<string, string>> = {
    TIMESTAMP_ISO8601: String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z`,
    IP: String.raw`(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]+)`,
    WORD: String.raw`\b\w+\b`,
  };
  const patterns = parser.nodes.map(({ grok }) => {
    const spelled = grok.pattern.replaceAll(/%\{(\w+)(?::(\w+))?\}/g, (_, word: string, name?: string) =>
      name ? `(?<${name}>${words[word]})` : `(?:${words[word]})`,
    );
    return new RegExp(spelled);
  });
  return lines.flatMap((line) => {
    const found = patterns.map((pattern) => pattern.exec(line)).find((match) => match !== null);
    return found?.groups?.source_ip ?? [];
  });
}
