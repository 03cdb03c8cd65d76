/**
 * Asks Chatelaine whose key this is, and may it: for a service that was shown a key. No dependencies; any runtime with
 * `fetch`. Answers are not kept: a revocation holds for the very next question.
 *
 *     const chatelaine = createVerifier({ url: "http://127.0.0.1:5390" });
 *     const answer = await chatelaine.verify(key, { scope: "dns:read", ip: "192.0.2.7" });
 *     if (answer.valid) console.log(answer.user.username);
 */
import type { InputOf, OutputOf } from "@chatelaine/contract/operations/operations";
import { readProblem } from "./errors.ts";

export type Answer = Extract<OutputOf<"keys.verify">, { valid: boolean }>;
export type GoodAnswer = Extract<Answer, { valid: true }>;
export type BadAnswer = Extract<Answer, { valid: false }>;
export type Question = Extract<InputOf<"keys.verify", "body">, { key: string }>;
export type Wanted = Omit<Question, "key">;

export interface VerifierOptions {
  /** Of Chatelaine, without a path. */
  readonly url: string;
  /** A key with the role KEY_VERIFY, where this service does not run beside Chatelaine. */
  readonly key?: string;
  /** After this the question fails; 2 000 unless set. */
  readonly timeoutMs?: number;
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

export interface Verifier {
  /** Throws ChatelaineError where there is no answer: a key is never called wrong because Chatelaine is away. */
  verify(key: string, wanted?: Wanted): Promise<Answer>;
  /** Up to 100 in one call, answered in the same order. */
  verifyMany(questions: readonly Question[]): Promise<readonly Answer[]>;
}

const TIMEOUT_MS = 2_000;

export function createVerifier({
  url,
  key,
  timeoutMs = TIMEOUT_MS,
  fetch: send = fetch,
}: VerifierOptions): Verifier {
  const address = `${url.replace(/\/+$/, "")}/api/v1/verify`;
  const headers = {
    "Content-Type": "application/json",
    ...(key !== undefined && { Authorization: `Bearer ${key}` }),
  };
  const ask = async (body: unknown): Promise<unknown> => {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await send(address, { method: "POST", headers, body: JSON.stringify(body), signal });
    if (!response.ok) throw await readProblem(response);
    return response.json();
  };
  return {
    verify: async (text, wanted = {}) => (await ask({ key: text, ...wanted })) as Answer,
    verifyMany: async (questions) => ((await ask({ keys: questions })) as { results: Answer[] }).results,
  };
}
