/** `POST /api/v1/verify`: a service asks whose key this is, and may it. One key or up to 100; the answer is always 200. */
import { JSON_MEMBERS_MAX, RATE_USES_MAX, VERIFY_KEYS_MAX } from "@chatelaine/contract/limits";
import { formatAddress, parseAddress } from "../../domain/address.ts";
import type { Caller } from "../../domain/caller.ts";
import type { Clock } from "../../domain/clock.ts";
import { AppError, errorCode } from "../../domain/errors.ts";
import { isScope } from "../../domain/rights.ts";
import type { Log } from "../../log.ts";
import type { RequireStanding } from "../../sign-in/judge.ts";
import type { CheckDecision, CheckKey } from "../../verify/check.ts";
import type { KeyLabels, MaybePromise, Need, RateState, RefusalReason, Verify } from "../../verify/verify.ts";
import type { Bodies } from "../bodies.ts";
import { securityHeaders } from "../browser.ts";
import { hasProxyHeaders } from "../forwarded.ts";
import type { Hosts } from "../hosts.ts";
import { EXCESS_MESSAGES, jsonExcess } from "../json-bounds.ts";
import { rateHeaders } from "../rate-headers.ts";
import { problemResponse } from "../rest/problem.ts";
import type { CheckClient } from "./check-client.ts";
import { createWarnOncePerMinute } from "./warn-once.ts";

export interface VerifyRouteDeps {
  readonly checkKey: CheckKey;
  readonly verify: Pick<Verify, "findLabels">;
  readonly bodies: Bodies;
  readonly hosts: Hosts;
  readonly clock: Clock;
  readonly requireStanding: RequireStanding;
  readonly log: Log;
}

const MEMBERS = new Set(["key", "scope", "ip", "cost"]);
const HEADERS = new Headers({
  "Content-Type": "application/json",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
});

interface Question {
  readonly key: string;
  readonly need: Need;
}

export function createVerifyRoute({
  checkKey,
  verify,
  requireStanding,
  bodies,
  hosts,
  ...deps
}: VerifyRouteDeps) {
  const shaped = (result: CheckDecision): MaybePromise<Answer> => {
    const { check } = result;
    if (!check.ok) return { body: shapeOf(result, undefined), rate: check.rate ?? null };
    const words = verify.findLabels(check.id);
    const shape = (found: KeyLabels | undefined): Answer => ({
      body: shapeOf(result, found),
      rate: check.rate,
    });
    return words instanceof Promise ? words.then(shape) : shape(words);
  };
  const answer = ({ key, need }: Question): MaybePromise<Answer> => {
    const result = checkKey("verify", key, need, {
      address: need.address ?? null,
      client: null,
      host: null,
    });
    return result instanceof Promise ? result.then(shaped) : shaped(result);
  };
  const respond = (text: string): MaybePromise<Response> => {
    const asked = parseQuestions(parseBody(text));
    if (!asked.one) return respondToMany(asked.many);
    const answered = answer(asked.one);
    return answered instanceof Promise ? answered.then(responseOf) : responseOf(answered);
  };
  const respondTo = async (caller: Caller, text: string): Promise<Response> => {
    await requireStanding(caller);
    return respond(text);
  };
  const respondToMany = async (questions: readonly Question[]): Promise<Response> => {
    const results: object[] = [];
    for (const question of questions) results.push((await answer(question)).body);
    return new Response(JSON.stringify({ results }), { headers: HEADERS });
  };
  const warnOncePerMinute = createWarnOncePerMinute(deps);
  /** Away is never "no", and no fault of ours either: 503. */
  const failed = (error: unknown): Response => {
    const isTold = error instanceof AppError && errorCode(error) !== "internal";
    if (!isTold) warnOncePerMinute("A check could not be made", { error });
    const told = isTold ? error : new AppError("unavailable", "Keys cannot be checked at the moment");
    const requestId = crypto.randomUUID();
    const response = problemResponse(told, requestId, deps.log);
    securityHeaders(response.headers);
    response.headers.set("X-Request-Id", requestId);
    return response;
  };
  /** @param caller checked again when the body is there; undefined for a client that is near enough to ask */
  const readAndRespond = (req: Request, caller?: Caller): Promise<Response> | Response => {
    try {
      bodies.refuseLarge(req);
      requireJson(req.headers);
      const text = bodies.looseText(req);
      return (caller ? text.then((read) => respondTo(caller, read)) : text.then(respond)).catch(failed);
    } catch (error) {
      return failed(error);
    }
  };
  /** @param ownCaller whose key the client shows, asked where it is not near enough */
  return (
    req: Request,
    checkClient: CheckClient,
    ownCaller: () => Promise<Caller | undefined>,
  ): MaybePromise<Response> => {
    if (mayAsk(req.headers, checkClient, hosts)) return readAndRespond(req);
    return ownCaller().then((caller) => {
      if (caller?.roles.has("KEY_VERIFY")) return readAndRespond(req, caller);
      const { address } = checkClient;
      warnOncePerMinute(
        "Somebody asked /api/v1/verify who may not; --check-from or, over TLS, a key with KEY_VERIFY lets one ask",
        { address },
      );
      return failed(new AppError("forbidden", "You may not ask about keys of others"));
    }, failed);
  };
}

interface Answer {
  readonly body: object;
  readonly rate: RateState | null;
}

function responseOf({ body, rate }: Answer): Response {
  if (!rate) return new Response(JSON.stringify(body), { headers: HEADERS });
  const headers = new Headers(HEADERS);
  rateHeaders(headers, rate);
  return new Response(JSON.stringify(body), { headers });
}

function mayAsk(headers: Headers, { mayVerify, address }: CheckClient, hosts: Hosts): boolean {
  if (mayVerify !== "unless_proxied") return mayVerify === "yes";
  return !hasProxyHeaders(headers) && hosts.isKnown(headers, address);
}

function requireJson(headers: Headers): void {
  const type = headers.get("content-type") ?? "";
  if (type !== "application/json" && !/^application\/json\s*(;|$)/i.test(type))
    throw new AppError("malformed_request", "The body must be application/json", {
      details: { status: 415 },
    });
}

function parseBody(text: string): unknown {
  // A shorter text has no such number of members, and nothing here goes deep.
  const excess = text.length > JSON_MEMBERS_MAX ? jsonExcess(text) : undefined;
  if (excess) throw new AppError("malformed_request", `The body is ${EXCESS_MESSAGES[excess]}`);
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
  const address = typeof ip === "string" ? parseAddress(ip) : undefined;
  if (ip !== undefined && !address) throw invalid([...path, "ip"], "Expected an address");
  if (
    cost !== undefined &&
    !(Number.isInteger(cost) && (cost as number) >= 0 && (cost as number) <= RATE_USES_MAX)
  )
    throw invalid([...path, "cost"], `Expected a whole number from 0 to ${RATE_USES_MAX}`);
  const need = {
    origin: null,
    scope: scope as string | undefined,
    address: address ? formatAddress(address) : null,
  };
  return { key, need: { ...need, cost: cost as number | undefined } };
}

function shapeOf({ check, decision }: CheckDecision, words: KeyLabels | undefined): object {
  if (!check.ok) {
    const { reason, rate } = check;
    return { valid: false, reason: publicReason(reason), decision, rate_limit: rate && rateShape(rate) };
  }
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
    rate_limit: check.rate && rateShape(check.rate),
  };
}

function rateShape({ limit, windowSeconds, remaining, resetMs }: RateState): object {
  return { limit, window_seconds: windowSeconds, remaining, reset_seconds: Math.ceil(resetMs / 1000) };
}

/** A user without roles is told as one who is locked: services know a closed set. */
function publicReason(reason: RefusalReason): string {
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
