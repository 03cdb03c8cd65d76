/** Who is let in: a good key, shown in one header, for what it may and from where it may. */
import { ELSEWHERE } from "./canary.ts";
import { type DoctorCheck, type Exam, found, ok, skipped, some } from "./finding.ts";
import type { Asked } from "./probe.ts";

export const credentialChecks: readonly DoctorCheck[] = [
  ["missing key", missingKey],
  ["wrong key", wrongKey],
  ["doubled key", doubledKey],
  ["key in the address or a cookie", keyElsewhere],
  ["query of the client", queryOfClient],
  ["scope", scopeMissing],
  ["address of the client", forgedAddress],
];

async function missingKey({ probe }: Exam) {
  const { answer, reached } = await probe.ask();
  if (reached)
    return found(
      "a request without a key reaches the service",
      "ask /auth before every request (auth_request, forward_auth)",
    );
  if (answer.status === 401 || answer.status === 403) return ok(`answered ${answer.status}`);
  return {
    result: "hint" as const,
    words: `refused, but answered ${answer.status || answer.fault}`,
    mend: "let the proxy pass the 401 of /auth on; ?deny=403 folds what it does not know",
  };
}

async function wrongKey({ probe, canary }: Exam) {
  const attempts = [canary.wrong, "nonsense", `${canary.good}x`, "", "null", "undefined"];
  const passed = await reaching(
    attempts.map((key) => ({ key })),
    probe,
    ({ key }) => key || "an empty key",
  );
  if (passed.length === 0) return ok(`${attempts.length} of them refused`);
  return found(`${some(passed)} reaches the service`, "let nothing but the answer 200 of /auth pass");
}

async function doubledKey({ probe, canary: { good, wrong } }: Exam) {
  const [right, other] = [probe.keyLine(good), probe.keyLine(wrong)];
  const attempts = [
    [right, other],
    [other, right],
    [`${right}, Bearer ${wrong}`],
    ...(probe.header === undefined
      ? [
          [right, `X-API-Key: ${wrong}`],
          [`X-API-Key: ${good}`, `X-API-Key: ${wrong}`],
        ]
      : []),
  ];
  const passed = await reaching(
    attempts.map((lines) => ({ lines })),
    probe,
    ({ lines = [] }) => lines.map((line) => line.slice(0, line.indexOf(":"))).join(" and "),
  );
  if (passed.length === 0) return ok(`${attempts.length} ambiguous requests refused`);
  return found(
    `of two keys that differ one is taken: ${some(passed)}`,
    "pass all values of these headers to /auth, which refuses them; do not pick one",
  );
}

async function keyElsewhere({ probe, canary: { good } }: Exam) {
  const { path } = probe.site;
  const names = ["key", "api_key", "apikey", "api-key", "access_token", "token", "authorization"];
  const attempts: Asked[] = [
    ...names.map((name) => ({ target: `${path}?${name}=${good}` })),
    { lines: [`Cookie: key=${good}; api_key=${good}; token=${good}; Authorization=Bearer ${good}`] },
  ];
  const passed = await reaching(attempts, probe, ({ target }) =>
    target ? `?${target.split(/[?=]/)[1]}=` : "Cookie",
  );
  if (passed.length === 0) return ok(`${names.length} names in the query, and cookies, count for nothing`);
  return found(
    `a key is taken from ${some(passed)}; addresses end up in logs, and cookies are sent by other sites' pages too`,
    "take keys from headers alone",
  );
}

/** A query that means something to /auth, and one that means nothing there and so is refused. */
const QUERIES = [
  "y=1",
  "scope=doctor:none",
  "role=DOCTOR",
  "group=doctor",
  "deny=404",
  "assert=",
  "challenge=none",
  "x=/auth&scope=",
  "header=X-Doctor-Key",
];
const REFUSALS = [401, 403, 429, 500, 502, 503];

async function queryOfClient({ probe, canary: { good } }: Exam) {
  const { path } = probe.site;
  const changed: string[] = [];
  for (const query of QUERIES) {
    const { reached, answer } = await probe.ask({ key: good, target: `${path}?${query}` });
    // A service of its own mind may refuse a query too.
    if (!reached && (probe.hasWitness() || REFUSALS.includes(answer.status))) changed.push(`?${query}`);
  }
  const target = `${path}?header=X-Doctor-Key`;
  const own = await probe.ask({ target, lines: [`X-Doctor-Key: ${good}`] });
  if (own.reached) changed.push("?header= with a key in the header that it names");
  if (changed.length === 0) return ok(`${QUERIES.length} queries change nothing for a good key`);
  return found(
    `what /auth is asked is changed by the client's query: ${some(changed)}`,
    "ask an address of the proxy's own, with a query of its own or none (nginx: no variable of the request in proxy_pass; Caddy: uri /auth? with the question mark)",
  );
}

async function scopeMissing({ probe, canary, scopes }: Exam) {
  if (!canary.made) return skipped("needs keys of the doctor's own: without --key-stdin");
  if (scopes.length === 0) return skipped("no --scope was named");
  const { path } = probe.site;
  const key = canary.made.narrow;
  const attempts: Asked[] = [
    { key },
    { key, target: `${path}?scope=` },
    { key, target: `${path}?x=/auth&scope=` },
    { key, lines: ["X-Auth-Scope: ", "X_Auth_Scope: x:y"] },
    { key, lines: ["Connection: close, X-Auth-Scope"] },
  ];
  const passed = await reaching(
    attempts,
    probe,
    ({ lines, target }) => target ?? (lines ? lines.join(", ") : "as it is"),
  );
  if (passed.length === 0) return ok(`a key without ${some(scopes)} is refused`);
  return found(
    `a key without ${some(scopes)} reaches the service (${some(passed)})`,
    "ask /auth?scope=..., with an address that nothing of the client's request gets into",
  );
}

const FORGED = [
  `X-Forwarded-For: ${ELSEWHERE}`,
  `x_forwarded_for: ${ELSEWHERE}`,
  `X-Real-IP: ${ELSEWHERE}`,
  `X-Client-IP: ${ELSEWHERE}`,
  `True-Client-IP: ${ELSEWHERE}`,
  `CF-Connecting-IP: ${ELSEWHERE}`,
  `Forwarded: for=${ELSEWHERE}`,
];

async function forgedAddress({ probe, canary }: Exam) {
  if (!canary.made) return skipped("needs keys of the doctor's own: without --key-stdin");
  const key = canary.made.elsewhere;
  const attempts: Asked[] = [
    { key },
    ...FORGED.map((line) => ({ key, lines: [line] })),
    { key, lines: [`X-Forwarded-For: ${ELSEWHERE}`, "X-Forwarded-For: 127.0.0.1"] },
    { key, lines: FORGED },
    { key, lines: [FORGED[0]!, "Connection: close, X-Forwarded-For, X-Forwarded-Proto"] },
  ];
  const passed = await reaching(attempts, probe, ({ lines }) =>
    lines
      ? some(
          lines.map((line) => line.slice(0, line.indexOf(":"))),
          1,
        )
      : "nothing",
  );
  if (passed.length === 0)
    return ok(`a key for another address is refused, whatever ${FORGED.length} headers say`);
  return found(
    `a key for another address is let in by ${some(passed)}`,
    "set X-Forwarded-For to the address of the connection when asking /auth, in place of what the client sent",
  );
}

async function reaching(
  attempts: readonly Asked[],
  probe: Exam["probe"],
  nameOf: (asked: Asked) => string,
): Promise<string[]> {
  const passed: string[] = [];
  for (const asked of attempts) if ((await probe.ask(asked)).reached) passed.push(nameOf(asked));
  return passed;
}
