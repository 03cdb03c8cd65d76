/**
 * Hands a message to a webhook by http or https. The address is looked up here, once, judged, and then used as it is: a
 * name that answers otherwise the second time leads nowhere else. Redirects are not followed, no proxy of the environment
 * is asked, and of the answer only the status is read.
 */
import { lookup } from "node:dns";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import type { Post, Posted, WebhookMessage } from "../activity/webhook.ts";
import { parseAddress } from "../domain/address.ts";
import { isRefusedTarget } from "../domain/webhook-target.ts";
import { VERSION } from "../version.ts";

const REFUSED = "The name leads to an address for special use, which is not sent to";
const ERROR_CHARS_MAX = 200;

/** @param resolve as `dns.lookup`, for tests */
export function createWebhookPost(resolve: typeof lookup = lookup): Post {
  const judged = guardedLookup(resolve);
  return ({ url, headers, body, timeoutMs }: WebhookMessage, stop: AbortSignal): Promise<Posted> =>
    new Promise((done) => {
      const fail = (error: unknown): void => done({ status: null, error: errorMessage(error, timeoutMs) });
      const end = AbortSignal.any([AbortSignal.timeout(timeoutMs), stop]);
      end.addEventListener("abort", () => fail(end.reason), { once: true });
      try {
        const target = new URL(url);
        const request = target.protocol === "https:" ? requestHttps : requestHttp;
        const sent = request(
          target,
          {
            method: "POST",
            headers: {
              ...headers,
              "User-Agent": `Chatelaine/${VERSION}`,
              "Content-Length": String(Buffer.byteLength(body)),
            },
            lookup: judged,
            signal: end,
            agent: false,
          },
          (answer) => {
            const status = answer.statusCode ?? 0;
            answer.resume();
            answer.destroy();
            const isTaken = status >= 200 && status < 300;
            done({ status, error: isTaken ? null : `The receiver answered ${status}` });
          },
        );
        sent.on("error", fail);
        sent.end(body);
      } catch (error) {
        fail(error);
      }
    });
}

/** Refuses a name when any of its addresses is one that is not sent to. */
function guardedLookup(resolve: typeof lookup): LookupFunction {
  return (host, options, callback) => {
    resolve(host, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, "", 4);
      const [first] = addresses;
      const parsed = addresses.map(({ address }) => parseAddress(address));
      if (!first || parsed.some((address) => !address || isRefusedTarget(address)))
        return callback(new Error(REFUSED), "", 4);
      if (options.all) return callback(null, [...addresses]);
      callback(null, first.address, first.family);
    });
  };
}

function errorMessage(error: unknown, timeoutMs: number): string {
  const { name, code, message } = error as { name?: string; code?: string; message?: string };
  if (name === "TimeoutError") return `No answer within ${timeoutMs / 1000} seconds`;
  if (name === "AbortError") return "The server was stopped meanwhile";
  const words = message || code || String(error);
  return words.slice(0, ERROR_CHARS_MAX);
}
