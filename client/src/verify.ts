/**
 * Asks Chatelaine whose key this is, and may it: for a service that was shown a key. No dependencies; any runtime with
 * `fetch`. Answers are not kept: a revocation holds for the very next question. A no is a value; that there is no answer
 * is a thrown ChatelaineError with the code `unavailable` (or `forbidden`: this service may not ask).
 *
 *     const chatelaine = createVerifier({ url: "http://127.0.0.1:5390" });
 *     const answer = await chatelaine.verify(key, { scope: "dns:read", ip: "192.0.2.7" });
 *     if (answer.valid) console.log(answer.user.username);
 */
import { askJson, type Fetch, unavailable } from "./answer.ts";
import { directFetch } from "./direct-fetch.ts";

export { ChatelaineError } from "./errors.ts";

export type Answer = GoodAnswer | BadAnswer;

export interface GoodAnswer {
  readonly valid: true;
  readonly key: {
    readonly id: number;
    readonly name: string;
    readonly description: string;
    readonly tags: readonly string[];
    readonly expires_at: string | null;
    readonly scopes: readonly string[];
  };
  readonly user: {
    readonly username: string;
    readonly full_name: string;
    readonly email: string | null;
    readonly roles: readonly string[];
    readonly groups: readonly string[];
  };
  /** The limit that has least left. */
  readonly rate_limit: RateLeft | null;
}

/** A rate limit: so many uses in a window, what is left of them, and when the window ends. */
export interface RateLeft {
  readonly limit: number;
  readonly window_seconds: number;
  readonly remaining: number;
  readonly reset_seconds: number;
}

export interface BadAnswer {
  readonly valid: false;
  readonly reason: RefusedBecause;
  /** The key's owner finds the exact rule under this number. */
  readonly decision: string;
  /** The limit that is spent, where the reason is `rate_limited`. */
  readonly rate_limit?: RateLeft;
  /** Where the reason is `rate_limited` and one key alone was asked about. */
  readonly retry_after_seconds?: number;
}

/** `unknown` covers a wrong secret. */
export type RefusedBecause =
  | "malformed"
  | "unknown"
  | "expired"
  | "paused"
  | "revoked"
  | "user_locked"
  | "scope_missing"
  | "address_not_allowed"
  | "rate_limited"
  | "insecure_transport";

export interface Wanted {
  /** `resource:action` */
  readonly scope?: string;
  /** Address of the key's holder. A key that is bound to addresses is refused without it. */
  readonly ip?: string;
  /** What this use takes from the key's rate limit; 1 when absent, 0 only asks. */
  readonly cost?: number;
}

export interface Question extends Wanted {
  readonly key: string;
}

export interface VerifierOptions {
  /** Of Chatelaine, without a path. Over a network of others: https. */
  readonly url: string;
  /** A key with the role KEY_VERIFY, where this service does not run beside Chatelaine. */
  readonly key?: string;
  /** After this the question fails; 2 000 unless set. */
  readonly timeoutMs?: number;
  readonly fetch?: Fetch;
}

export interface Verifier {
  /** Throws ChatelaineError where there is no answer: a key is never called wrong because Chatelaine is away. */
  verify(key: string, wanted?: Wanted, options?: { readonly signal?: AbortSignal }): Promise<Answer>;
  /** Up to 100 in one call, answered in the same order. */
  verifyMany(questions: readonly Question[]): Promise<readonly Answer[]>;
}

const TIMEOUT_MS = 2_000;
const ANSWER_CHARS_MAX = 4 * 1024 * 1024;
/** What is longer or has other characters is no key, and not worth sending: the empty text is refused in the same way. */
const LIKE_A_KEY = /^[0-9A-Za-z-]{1,80}$/;

export function createVerifier(options: VerifierOptions): Verifier {
  const { key: own, timeoutMs = TIMEOUT_MS, fetch: send = directFetch } = options;
  const url = `${options.url.replace(/\/+$/, "")}/api/v1/verify`;
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (own !== undefined) headers.Authorization = `Bearer ${own}`;
  const ask = (body: object, signal?: AbortSignal) => {
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    return askJson({ fetch: send, url, init, timeoutMs, charsMax: ANSWER_CHARS_MAX, signal });
  };
  return {
    verify: async (key, { scope, ip, cost } = {}, { signal } = {}) => {
      const answer = await ask({ key: sendable(key), scope, ip, cost }, signal);
      const read = readAnswer(answer.body);
      const seconds = Number(answer.headers.get("retry-after") ?? 0);
      return read.valid || !(seconds > 0) ? read : { ...read, retry_after_seconds: seconds };
    },
    verifyMany: async (questions) => {
      const keys = questions.map((one) => ({ ...one, key: sendable(one.key) }));
      const { results } = ((await ask({ keys })).body ?? {}) as { results?: unknown };
      if (!Array.isArray(results) || results.length !== questions.length) throw notOurs();
      return results.map(readAnswer);
    },
  };
}

function sendable(key: string): string {
  return LIKE_A_KEY.test(key) ? key : "";
}

/** What is not exactly an answer of Chatelaine is none: something on the way has spoken. */
function readAnswer(body: unknown): Answer {
  const answer = (body ?? {}) as Record<string, unknown>;
  const { key, user } = answer as Partial<GoodAnswer>;
  const isWhole =
    typeof key?.id === "number" && Array.isArray(key.scopes) && typeof user?.username === "string";
  if (answer.valid === true && isWhole) return body as GoodAnswer;
  if (answer.valid === false && typeof answer.reason === "string") return body as BadAnswer;
  throw notOurs();
}

function notOurs() {
  return unavailable("the answer is not Chatelaine's");
}
