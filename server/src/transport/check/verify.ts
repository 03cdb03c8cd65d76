/** `POST /api/v1/verify`: a service asks whose key this is, and may it. One key or up to 100; the answer is always 200. */
import { VERIFY_KEYS_MAX } from "@chatelaine/contract/operations/verify";
import { parseAddress } from "../../domain/address.ts";
import { AppError } from "../../domain/errors.ts";
import { isScope } from "../../domain/rights.ts";
import type { Log } from "../../log.ts";
import type { KeyWords, MaybePromise, Need, RateState, Refusal, Verify } from "../../verify/verify.ts";
import { problemResponse } from "../rest/problem.ts";
import { type Asker, isProxied } from "./asker.ts";
import { rateHeaders } from "./identity.ts";
import type { Judge, Judged } from "./judge.ts";

export interface VerifyDeps {
  readonly judge: Judge;
  readonly verify: Pick<Verify, "check" | "findWords">;
  readonly log: Log;
}

const BODY_CHARS_MAX = 64 * 1024;
const COST_MAX = 1_000_000;
const MEMBERS = new Set(["key", "scope", "ip", "cost"]);
const HEADERS = {
  "Content-Type": "application/json",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
} as const;

interface Question {
  readonly key: string;
  readonly need: Need;
}

export function createVerifyRoute({ judge, verify, log }: VerifyDeps) {
  const answer = async (question: Question): Promise<{ body: object; rate: RateState | null }> => {
    const { key, need } = question;
    const seen = { address: need.address ?? null, client: null, host: null };
    const judged = await judge("verify", key, need, seen);
    const words = judged.check.ok ? await verify.findWords(judged.check.id) : undefined;
    return {
      body: shapeOf(judged, words),
      rate: judged.check.ok ? judged.check.rate : (judged.check.rate ?? null),
    };
  };
  const respond = async (req: Request): Promise<Response> => {
    const asked = parseQuestions(await readBody(req));
    const headers = new Headers(HEADERS);
    if (asked.one) {
      const { body, rate } = await answer(asked.one);
      if (rate) rateHeaders(headers, rate);
      return new Response(JSON.stringify(body), { headers });
    }
    const results: object[] = [];
    for (const question of asked.many) results.push((await answer(question)).body);
    return new Response(JSON.stringify({ results }), { headers });
  };
  return async (req: Request, asker: Asker): Promise<Response> => {
    try {
      if (!(await mayAsk(req.headers, asker, verify))) {
        log.warn(
          "Somebody asked /api/v1/verify who may not; --check-from or a key with KEY_VERIFY lets one ask",
        );
        throw new AppError("forbidden", "You may not ask about keys of others");
      }
      return await respond(req);
    } catch (error) {
      return problemResponse(error, crypto.randomUUID(), log);
    }
  };
}

/** By where it comes from, or by a key of its own that has KEY_VERIFY. */
async function mayAsk(
  headers: Headers,
  { mayVerify }: Asker,
  verify: VerifyDeps["verify"],
): Promise<boolean> {
  if (mayVerify === "yes" || (mayVerify === "unless_proxied" && !isProxied(headers))) return true;
  const [, own] = /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "") ?? [];
  if (own === undefined) return false;
  const check = await verify.check(own, { origin: null });
  return check.ok && check.allowance.rights.roles.has("KEY_VERIFY");
}

async function readBody(req: Request): Promise<unknown> {
  const type = req.headers.get("content-type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new AppError("malformed_request", "The body must be application/json", {
      details: { status: 415 },
    });
  if (Number(req.headers.get("content-length") ?? 0) > BODY_CHARS_MAX) throw tooLarge();
  const text = await req.text();
  if (text.length > BODY_CHARS_MAX) throw tooLarge();
  try {
    return JSON.parse(text);
  } catch {
    throw new AppError("malformed_request", "The body is no JSON");
  }
}

function parseQuestions(body: unknown): { one: Question } | { one?: undefined; many: readonly Question[] } {
  if (!isObject(body)) throw invalid([], "Expected an object");
  if (!Object.hasOwn(body, "keys")) return { one: parseQuestion(body, []) };
  const { keys } = body;
  if (Object.keys(body).length !== 1) throw invalid([], "Beside keys there is no other member");
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > VERIFY_KEYS_MAX)
    throw invalid(["keys"], `Expected 1 to ${VERIFY_KEYS_MAX} entries`);
  return { many: keys.map((one, place) => parseQuestion(one, ["keys", place])) };
}

function parseQuestion(value: unknown, path: readonly (string | number)[]): Question {
  if (!isObject(value)) throw invalid(path, "Expected an object");
  const stranger = Object.keys(value).find((name) => !MEMBERS.has(name));
  if (stranger !== undefined) throw invalid([...path, stranger.slice(0, 64)], "No such member");
  const { key, scope, ip, cost } = value;
  if (typeof key !== "string") throw invalid([...path, "key"], "Expected the text of a key");
  if (scope !== undefined && (typeof scope !== "string" || !isScope(scope)))
    throw invalid([...path, "scope"], "Expected resource:action");
  if (ip !== undefined && (typeof ip !== "string" || !parseAddress(ip)))
    throw invalid([...path, "ip"], "Expected an address");
  if (
    cost !== undefined &&
    !(Number.isInteger(cost) && (cost as number) >= 0 && (cost as number) <= COST_MAX)
  )
    throw invalid([...path, "cost"], `Expected a whole number from 0 to ${COST_MAX}`);
  const need = {
    origin: null,
    scope: scope as string | undefined,
    address: (ip as string | undefined) ?? null,
  };
  return { key, need: { ...need, cost: cost as number | undefined } };
}

function shapeOf({ check, decision }: Judged, words: KeyWords | undefined): object {
  if (!check.ok) return { valid: false, reason: toldReason(check.reason), decision };
  if (!words) return { valid: false, reason: "unknown", decision: crypto.randomUUID() };
  const { user, rights } = check.allowance;
  return {
    valid: true,
    key: { id: check.id, ...words, expires_at: instant(check.expiresAt), scopes: rights.scopes },
    user: {
      username: user.username,
      full_name: user.fullName,
      email: user.email,
      roles: [...rights.roles],
      groups: user.groups,
    },
    rate_limit: check.rate && {
      limit: check.rate.limit,
      window_seconds: check.rate.windowSeconds,
      remaining: check.rate.remaining,
      reset_seconds: Math.ceil(check.rate.resetMs / 1000),
    },
  };
}

/** A user without roles is told as one who is locked: services know a closed set. */
function toldReason(reason: Refusal): string {
  return reason === "no_roles" ? "user_locked" : reason;
}

function instant(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(path: readonly (string | number)[], message: string): AppError {
  return new AppError("invalid", message, { issues: [{ path, code: "shape", message }] });
}

function tooLarge(): AppError {
  return new AppError("payload_too_large", `A body may have ${BODY_CHARS_MAX} bytes`);
}

export type VerifyRoute = (req: Request, asker: Asker) => MaybePromise<Response>;
