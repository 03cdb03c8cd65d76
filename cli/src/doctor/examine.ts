/** Examines a proxy from outside, with keys made for it, and says what is wrong with it. */
import {
  attemptsWithoutRight,
  bearer,
  type Keys,
  type RawAnswer,
  SPOOFED,
  send,
  spoofingHeaders,
} from "./attempts.ts";

export interface Examined {
  readonly findings: readonly string[];
  /** What was tried. */
  readonly tried: number;
}

export interface Examination {
  readonly proxy: URL;
  readonly keys: Keys;
  readonly isScoped: boolean;
  /** Revokes the good key; resolves when that has returned. */
  readonly revoke: () => Promise<void>;
  /** What reached the service, where doctor stands in for it: all that came since the last call. */
  readonly arrived: (() => readonly ArrivedRequest[]) | undefined;
}

export interface ArrivedRequest {
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

export async function examine(examination: Examination): Promise<Examined> {
  const { proxy, keys, revoke, arrived } = examination;
  const findings = new Set<string>();
  /** Whether a request reached the service, and what of it. */
  const ask: Ask = async (attempt) => {
    arrived?.();
    const answer = await send(proxy, attempt);
    const seen = arrived?.();
    return { answer, seen: seen ?? [], isThrough: seen ? seen.length > 0 : isThrough(answer) };
  };
  const good = await ask({ headers: [bearer(keys.good)] });
  if (!good.isThrough) {
    const status = good.answer.status || "no answer";
    return { findings: [`A good key is refused (${status}), so nothing else can be told`], tried: 1 };
  }
  if (good.seen.some(({ headers }) => !headers["remote-user"]))
    findings.add("The service is not told whose the key is");
  const attempts = attemptsWithoutRight(keys, examination.isScoped);
  for (const attempt of attempts) if ((await ask(attempt)).isThrough) findings.add(attempt.finding);
  await lookInside(keys, ask, findings);
  await lookForAuth(keys, ask, findings);
  await revoke();
  if ((await ask({ headers: [bearer(keys.good)] })).isThrough)
    findings.add("A revoked key still gets through: answers of Chatelaine are kept somewhere");
  return { findings: [...findings], tried: attempts.length + 6 };
}

type Ask = (attempt: Parameters<typeof send>[1]) => Promise<{
  readonly answer: RawAnswer;
  readonly seen: readonly ArrivedRequest[];
  readonly isThrough: boolean;
}>;

/** What the service gets of a good request. Without a stand-in, as far as the service tells. */
async function lookInside(keys: Keys, ask: Ask, findings: Set<string>): Promise<void> {
  const body = keys.good.slice(keys.good.indexOf("-") + 1);
  const secrets = [body, btoa(keys.good), btoa(`x:${keys.good}`)];
  const told = async (headers: readonly string[]): Promise<string> => {
    const { answer, seen } = await ask({ headers });
    return seen.length > 0 ? JSON.stringify(seen) : answer.text;
  };
  const spoofed = await told(spoofingHeaders(keys.good));
  if (spoofed.includes(SPOOFED)) findings.add("Identity that a client claims in headers reaches the service");
  for (const [as, header] of [
    ["Bearer", bearer(keys.good)],
    ["X-API-Key", `X-API-Key: ${keys.good}`],
    ["Basic", `Authorization: Basic ${btoa(`x:${keys.good}`)}`],
  ] as const) {
    const text = await told([header]);
    if (secrets.some((secret) => text.includes(secret)))
      findings.add(`The key reaches the service when it comes as ${as}`);
  }
}

/** Nobody outside needs the endpoint that proxies ask. */
async function lookForAuth(keys: Keys, ask: Ask, findings: Set<string>): Promise<void> {
  const { answer } = await ask({ target: "/auth", headers: [bearer(keys.good)] });
  if (answer.status === 200 && /^remote-user:/im.test(answer.text.split("\r\n\r\n")[0]!))
    findings.add("Chatelaine's own /auth can be asked through the proxy");
}

/** Refused, not found or away are no way through. */
function isThrough({ status }: RawAnswer): boolean {
  return status >= 200 && status < 400;
}
