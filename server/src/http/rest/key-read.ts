/**
 * `GET /api/v1/keys/{id}` by Bearer key, the read that programs ask most: the same credential and the same use case as
 * ever, without schemas and the judgement of a peer. What it does not know at first sight (other ways in, queries, proxies, pages of
 * other origins) it leaves to the way that all requests go. An entry's text is kept with the very object that the store
 * gives, so it is as fresh as the store's answer (held by `rest-key-read.test.ts`).
 */

import { codecOf } from "@chatelaine/contract/codec";
import { CLIENT_CHARS_MAX, KEY_ID_MAX } from "@chatelaine/contract/limits";
import { Key as KeySchema } from "@chatelaine/contract/operations/key-entry";
import {
  formatAddress,
  isLoopback,
  type Network,
  networkContains,
  parseAddress,
} from "../../domain/address.ts";
import type { Origin } from "../../domain/caller.ts";
import { type Key, type KeyState, keyEntry, keyState } from "../../domain/key.ts";
import type { CallerResult } from "../../sign-in/credential.ts";
import type { MaybePromise, RateState } from "../../verify/verify.ts";
import { securityHeaders } from "../browser.ts";
import { challengeFor } from "../challenge.ts";
import { versionTag } from "../entity-tags.ts";
import { hasProxyHeaders } from "../forwarded.ts";
import type { ProxyTrust } from "../peer.ts";
import { rateHeaders } from "../rate-headers.ts";
import type { AnswerIncoming } from "../routes.ts";
import type { RestDeps } from "./call.ts";
import { problemResponse, refusedKey } from "./problem.ts";

export type KeyReadDeps = Pick<RestDeps, "signIn" | "keys" | "clock" | "log"> & {
  readonly trust: Pick<ProxyTrust, "networks" | "tls">;
};

const { encode } = codecOf(KeySchema);
const PATH = "/api/v1/keys/";
const BEARER = "Bearer ";
const ID_DIGITS_MAX = 10;
const ADDRESSES_MAX = 4_096;
const BESIDE = ["x-api-key", "origin", "content-length"];
const HEADERS = new Headers({ "Content-Type": "application/json;charset=utf-8" });
securityHeaders(HEADERS);

/** How a direct client of an address is seen; undefined: a proxy that is trusted to speak for others. */
interface Near {
  /** Canonical. */
  readonly address: string;
  readonly loopback: boolean;
}

interface From {
  readonly origin: Origin;
  /** Headers of the request. */
  readonly asked: Headers;
}

export function createKeyRead({ signIn, keys, clock, log, trust }: KeyReadDeps): AnswerIncoming {
  const nearOf = remember((text) => near(text, [...trust.networks, ...trust.tls]));
  const textOf = createTexts(() => clock.now());
  const failed = (error: unknown, asked: Headers, rate?: RateState): Response => {
    const requestId = crypto.randomUUID();
    const response = problemResponse(error, requestId, log);
    securityHeaders(response.headers);
    response.headers.set("X-Request-Id", requestId);
    if (rate) rateHeaders(response.headers, rate);
    const bearer = response.headers.get("WWW-Authenticate");
    if (bearer !== null) response.headers.set("WWW-Authenticate", challengeFor(asked, bearer));
    return response;
  };
  const answer = (key: Key, { caller, rate }: Extract<CallerResult, { ok: true }>): Response => {
    // The answer gets a copy.
    HEADERS.set("X-Request-Id", crypto.randomUUID());
    HEADERS.set("ETag", versionTag(key));
    const response = new Response(textOf(key, keys.mayEdit(caller, key)), { headers: HEADERS });
    if (rate) rateHeaders(response.headers, rate);
    return response;
  };
  const readAs = (id: number, result: CallerResult, asked: Headers): MaybePromise<Response> => {
    if (!result.ok) return failed(refusedKey(result), asked);
    const fail = (error: unknown): Response => failed(error, asked, result.rate);
    try {
      const found = keys.get(result.caller, id);
      return found instanceof Promise
        ? found.then((key) => answer(key, result)).catch(fail)
        : answer(found, result);
    } catch (error) {
      return fail(error);
    }
  };
  const read = (id: number, text: string, { origin, asked }: From): MaybePromise<Response> => {
    try {
      const result = signIn.callerOfKey(text, origin);
      return result instanceof Promise
        ? result.then((known) => readAs(id, known, asked)).catch((error) => failed(error, asked))
        : readAs(id, result, asked);
    } catch (error) {
      return failed(error, asked);
    }
  };
  return (asked) => {
    const { req, isTls } = asked;
    const id = asked.search === "" ? idOf(asked.path) : undefined;
    if (id === undefined) return undefined;
    const { headers } = req;
    const text = plainBearer(headers);
    const seen = text && nearOf(asked.address);
    if (!text || !seen) return undefined;
    if (!isTls && !(seen.loopback && !hasProxyHeaders(headers))) return undefined;
    const { address } = seen;
    const client = headers.get("user-agent")?.slice(0, CLIENT_CHARS_MAX) ?? null;
    const from = { door: "rest", address, port: null, transport: "secure" } as const;
    return read(id, text, { asked: headers, origin: { ...from, client, sessionId: null } });
  };
}

function idOf(path: string): number | undefined {
  const digits = path.length - PATH.length;
  if (digits < 1 || digits > ID_DIGITS_MAX || path.charCodeAt(PATH.length) === 48) return undefined;
  let id = 0;
  for (let place = PATH.length; place < path.length; place++) {
    const digit = path.charCodeAt(place) - 48;
    if (digit < 0 || digit > 9) return undefined;
    id = id * 10 + digit;
  }
  return id <= KEY_ID_MAX ? id : undefined;
}

/** undefined where anything else than one Bearer key might count. */
function plainBearer(headers: Headers): string | undefined {
  const authorization = headers.get("authorization");
  if (!authorization?.startsWith(BEARER) || authorization.includes(" ", BEARER.length)) return undefined;
  if (BESIDE.some((name) => headers.has(name))) return undefined;
  return authorization.slice(BEARER.length);
}

function near(text: string | null, proxies: readonly Network[]): Near | undefined {
  const address = text === null ? undefined : parseAddress(text);
  if (!address || proxies.some((network) => networkContains(network, address))) return undefined;
  return { address: formatAddress(address), loopback: isLoopback(address) };
}

interface Text {
  readonly status: KeyState;
  readonly editable: boolean;
  readonly text: string;
}

function createTexts(now: () => number): (key: Key, editable: boolean) => string {
  const texts = new WeakMap<Key, Text>();
  return (key, editable) => {
    const at = now();
    const before = texts.get(key);
    if (before?.editable === editable && before.status === keyState(key, at)) return before.text;
    const entry = encode(keyEntry(key, at, editable));
    const text = JSON.stringify(entry);
    texts.set(key, { status: entry.status, editable, text });
    return text;
  };
}

function remember<Value>(judge: (text: string | null) => Value): (text: string | null) => Value {
  const known = new Map<string | null, Value>();
  return (text) => {
    if (known.has(text)) return known.get(text) as Value;
    if (known.size >= ADDRESSES_MAX) known.clear();
    const value = judge(text);
    known.set(text, value);
    return value;
  };
}
