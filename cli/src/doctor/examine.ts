/** All checks in their order. Without a good key that gets through there is nothing to compare with, and the rest is left. */
import type { Reason } from "./canary.ts";
import { credentialChecks } from "./credentials.ts";
import type { DoctorCheck, Exam, Finding } from "./finding.ts";
import { found, ok } from "./finding.ts";
import { freshChecks } from "./freshness.ts";
import { identityChecks } from "./identity.ts";
import { findTwins } from "./twins.ts";
import { wayChecks } from "./ways-around.ts";

const CHECKS: readonly DoctorCheck[] = [...credentialChecks, ...identityChecks, ...freshChecks, ...wayChecks];

export async function* examine(exam: Exam): AsyncGenerator<Finding> {
  const first = await goodKey(exam);
  yield { check: "good key", ...first };
  yield findTwins(exam.twins);
  if (first.result === "FOUND") return;
  for (const [check, run] of CHECKS) yield { check, ...(await run(exam)) };
  yield {
    check: "Chatelaine away",
    result: "hint",
    words: "cannot be tried from outside",
    mend: "stop Chatelaine for a moment and ask with a good key: it must be a 5xx (403 where the proxy knows no other), never 200 and never 401",
  };
}

async function goodKey({ probe, canary, scopes }: Exam) {
  const { answer, reached, isOld } = await probe.ask({ key: canary.good });
  if (reached && !isOld) {
    const witness = probe.hasWitness() ? "" : "; what reaches the service is not seen, only the status";
    return ok(`let in, answered ${answer.status}${witness}`);
  }
  if (reached) return found("the first answer is one that was kept from before", "keep no answers");
  if (answer.status === 0)
    return found(`the proxy does not answer: ${answer.fault}`, "look whether it runs there");
  if (answer.status < 300)
    return found(
      `answered ${answer.status}, but not by the service that looks on`,
      "point the proxy at the address of --echo",
    );
  if (![401, 403, 429].includes(answer.status) && answer.status < 500)
    return found(
      `a good key is answered ${answer.status}, which is not told from a refusal`,
      "name an address that the service answers with 200, or use --echo",
    );
  const decision = answer.headers.find(([name]) => name === "decision-id")?.[1];
  const why = decision === undefined ? undefined : await canary.why?.(decision);
  const mend = why === undefined ? undefined : remedyForReason(why);
  const rule = why === undefined ? "" : `: ${why.rule}`;
  return found(
    `a good key is refused with ${answer.status}${rule}`,
    mend ?? REASONS[answer.status] ?? remedyFor(scopes),
  );
}

/** By the rule that Chatelaine refused it by, which only the key's owner can look up. */
function remedyForReason({ reason, rule }: Reason): string | undefined {
  if (reason === "scope_missing")
    return "name what the proxy asks for by --scope, or a user who has it by --user";
  if (reason === "address_not_allowed")
    return "let the proxy send the address of its client in X-Forwarded-For when it asks /auth";
  if (reason !== "insecure_transport") return undefined;
  return rule.includes("--trusted-proxy")
    ? "let the proxy send X-Forwarded-Proto when it asks /auth, https or wss alone, and no Forwarded beside it (nginx: proxy_set_header X-Forwarded-Proto $scheme; HAProxy: http-request set-header X-Forwarded-Proto https; Caddy and Traefik do by themselves); and start Chatelaine with --trusted-proxy and the proxy's address where it runs on another machine"
    : "let clients come to the proxy by https; if only a network that is private by itself lies between, name it with --secure-from";
}

const REASONS: Readonly<Record<number, string>> = {
  401: "look whether the proxy passes Authorization and X-API-Key to /auth; --header names another header",
  429: "wait, or lift the limit",
  502: "look whether the proxy reaches Chatelaine, and the service",
  503: "look whether the proxy reaches Chatelaine",
  500: "look whether the proxy reaches Chatelaine, and that it answers 200, 401 or 403 only: /auth?deny=403",
};

function remedyFor(scopes: readonly string[]): string {
  const rights = scopes.length === 0 ? "if the proxy asks for a scope, name it by --scope; " : "";
  return `${rights}if it asks for a role or group, name a user who has it by --user; otherwise look whether Chatelaine lets the proxy ask (--trusted-proxy, --check-from), and whether the proxy sends X-Forwarded-Proto when it asks: https or wss, and nothing else beside it in Forwarded; the server's log says which`;
}
