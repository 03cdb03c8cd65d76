/** What the service is told of who asks: the proxy's word alone, and never the key. */
import { IDENTITY } from "@chatelaine/proxy-recipes/guard";
import { type DoctorCheck, type Exam, found, ok, skipped, some } from "./finding.ts";

const NAMES = [...IDENTITY, "Remote-Assertion"];
const BLIND = "without --echo, or a service that repeats its request, nobody sees what reached the service";

/** How a client may write a header so that a service takes it for the proxy's. */
const SPELLINGS: readonly ((name: string, value: string) => string[])[] = [
  (name, value) => [`${name}: ${value}`],
  (name, value) => [`${name.toLowerCase()}: ${value}`],
  (name, value) => [`${name.toUpperCase()}: ${value}`],
  (name, value) => [`${name.replaceAll("-", "_")}: ${value}`],
  (name, value) => [`${name.replaceAll("-", "_").toUpperCase()}: ${value}`],
  (name, value) => [`${name.replaceAll("-", ".")}: ${value}`],
  (name, value) => [`${name.replace("-", "~")}: ${value}`],
  (name, value) => [`${name.replace("-", "_").toLowerCase()}: ${value}`],
  (name, value) => [`${name.replace(/-([^-]*)$/, "_$1")}: ${value}`],
  (name, value) => [`${name}: ${value}`, `${name}: ${value}`],
  (name, value) => [`${name}: `, `${name}: ${value}`],
];

export const identityChecks: readonly DoctorCheck[] = [
  ["identity headers of the client", spoofedIdentity],
  ["identity that is taken away", hopByHop],
  ["key taken out of the request", keyLeft],
];

async function spoofedIdentity({ probe, canary }: Exam) {
  if (!probe.hasWitness()) return skipped(BLIND);
  const passed = new Set<string>();
  for (const [place, spell] of SPELLINGS.entries()) {
    const claims = NAMES.map((name, at) => {
      const value = `spoof-${probe.mark}-${place}-${at}.`;
      return { value, lines: spell(name, value) };
    });
    const { text } = await probe.ask({ key: canary.good, lines: claims.flatMap(({ lines }) => lines) });
    for (const { value, lines } of claims)
      if (text.includes(value)) passed.add(lines.at(-1)!.slice(0, lines.at(-1)!.indexOf(":")));
  }
  if (passed.size === 0) return ok(`${NAMES.length} headers in ${SPELLINGS.length} spellings`);
  return found(
    `the service sees what the client wrote into ${some([...passed])}`,
    [...passed].some((name) => /[^A-Za-z0-9-]/.test(name))
      ? "drop headers with underscores, dots and their like (nginx: underscores_in_headers off), and set every Remote- header, empty ones too"
      : "set every Remote- header to what /auth answered, or take it away, empty ones too",
  );
}

/** A header that is named in Connection is for the next hop alone, and some proxies then drop their own. */
async function hopByHop({ probe, canary }: Exam) {
  if (!probe.hasWitness()) return skipped(BLIND);
  const plain = await probe.ask({ key: canary.good });
  const { username } = canary;
  const isThere = (text: string) =>
    /remote-user["']?\s*[:=]\s*["']?[^\s"',]/i.test(text) &&
    (username === undefined || text.includes(username));
  if (!isThere(plain.text))
    return {
      result: "hint" as const,
      words: "the service is not told who asks",
      mend: "pass the Remote- headers of /auth on, if the service is to know its users",
    };
  const lines = [`Connection: close, ${NAMES.join(", ")}`];
  const { reached, text } = await probe.ask({ key: canary.good, lines });
  if (!reached || isThere(text)) return ok("the service is told who asks, whatever the client says of it");
  return found(
    "a client that names them in Connection takes the identity headers away",
    "let the proxy set identity after it has removed hop-by-hop headers",
  );
}

async function keyLeft({ probe, canary: { good } }: Exam) {
  if (!probe.hasWitness()) return skipped(BLIND);
  const ways: [string, string[]][] =
    probe.header === undefined
      ? [
          ["Authorization: Bearer", [`Authorization: Bearer ${good}`]],
          ["Authorization: Basic", [`Authorization: Basic ${btoa(`x:${good}`)}`]],
          ["X-API-Key", [`X-API-Key: ${good}`]],
          ["X-API-Key beside Authorization", [`Authorization: Bearer ${good}`, `X-API-Key: ${good}`]],
          ["X_API_Key", [`Authorization: Bearer ${good}`, `X_API_Key: ${good}`]],
          ["X.API.Key", [`Authorization: Bearer ${good}`, `X.API.Key: ${good}`]],
        ]
      : [[probe.header, [probe.keyLine(good)]]];
  const secrets = [good.slice(good.indexOf("-") + 1), btoa(`x:${good}`)];
  const left: string[] = [];
  for (const [name, lines] of ways) {
    const { text } = await probe.ask({ lines });
    if (secrets.some((secret) => text.includes(secret))) left.push(name);
  }
  if (left.length === 0)
    return ok(`the service sees no key that came in ${some(ways.map(([name]) => name))}`);
  return found(
    `the service sees the key that came in ${some(left)}`,
    "set Authorization to what /auth answered in Authorization, and take X-API-Key (or the header of the key) away",
  );
}
