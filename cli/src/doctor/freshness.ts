/** Every request is judged again: no answer is kept, none belongs to another request. */
import { type DoctorCheck, type Exam, found, ok, some } from "./finding.ts";
import type { Probe, ProbeResult } from "./probe.ts";

export const freshChecks: readonly DoctorCheck[] = [
  ["no cached answer", noCache],
  ["bodies", bodies],
];

const NO_CACHE = "keep no answer of /auth (nginx: proxy_cache off), and none of the service across keys";

async function noCache({ probe, canary }: Exam) {
  const key = canary.made?.fleeting ?? canary.good;
  await probe.ask();
  const uses = [await probe.ask({ key }), await probe.ask({ key }), await probe.ask({ key })];
  if (uses.some(({ isOld }) => isOld))
    return found("an answer of the service was given to another request", NO_CACHE);
  if (!uses.every(({ reached }) => reached)) return found("a refusal is kept for a good key", NO_CACHE);
  if ((await probe.ask()).reached)
    return found("after a good key a request without any gets through", NO_CACHE);
  if ((await probe.ask({ key: canary.wrong })).reached)
    return found("after a good key a wrong one gets through", NO_CACHE);
  if (!canary.made) return ok("within one key; whether a revoked key stops was not tried with --key-stdin");
  await canary.made.revokeFleeting();
  for (let count = 0; count < 3; count++)
    if ((await probe.ask({ key })).reached) return found("a revoked key still gets through", NO_CACHE);
  return ok("a key that was used three times and revoked is refused at once");
}

const BODY = "x=".padEnd(100_000, "0123456789");
const ROUNDS = 4;

/**
 * What goes wrong with bodies shows at the request itself or at the next one. A proxy that announces a body to /auth and does
 * not send it makes of its next request the body of this one, unless the connection ends there, as Chatelaine has it.
 */
async function bodies({ probe, canary }: Exam) {
  const faults = new Set<string>();
  const plain = await probe.ask({ method: "POST", key: canary.good, body: "" });
  // Many services take no POST, and some hang up on its body: then only what the guard itself says counts.
  const readsAlone = !probe.hasWitness() && plain.answer.status >= 400 && plain.answer.status !== 500;
  const isTaken = ({ reached, answer: { status } }: ProbeResult): boolean =>
    reached || (readsAlone && ![0, 401, 403, 500].includes(status));
  for (let round = 0; round < ROUNDS && faults.size === 0; round++) {
    const posted = await probe.ask({ method: "POST", key: canary.good, body: BODY });
    if (posted.answer.status === 413)
      return {
        result: "hint" as const,
        words: "bodies of 100 kB are refused by 413",
        mend: "client_max_body_size",
      };
    if (!isTaken(posted)) faults.add(`a POST with a body is answered ${statusText(posted)}`);
    const next = await probe.ask({ key: canary.good });
    if (!next.reached) faults.add(`the request after it ${statusText(next)}`);
    if (await passesWithout(probe)) faults.add("a request without a key after it gets through");
  }
  if (faults.size === 0) return ok(`${ROUNDS} of 100 kB, each before other requests`);
  return found(
    some([...faults]),
    'ask /auth without the body: nginx needs proxy_pass_request_body off and proxy_set_header Content-Length ""',
  );
}

async function passesWithout(probe: Probe): Promise<boolean> {
  return (await probe.ask({ method: "POST", body: BODY })).reached;
}

function statusText({ answer }: Awaited<ReturnType<Probe["ask"]>>): string {
  return answer.status === 0 ? (answer.fault ?? "not at all") : String(answer.status);
}
