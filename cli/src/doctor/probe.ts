/**
 * Asks through the proxy and knows what reached the service: by the doctor's own echo service, by the answer of a service
 * that repeats its request, or else, for want of a witness, by the status alone.
 */
import type { Echo } from "./echo.ts";
import { type RawAnswer, type RawRequest, type Site, sendRaw } from "./raw-http.ts";

export interface Asked extends RawRequest {
  /** Sent as the site wants its keys. */
  readonly key?: string;
}

export interface ProbeResult {
  readonly answer: RawAnswer;
  readonly reached: boolean;
  /** What the service saw of this request; empty without a witness. */
  readonly text: string;
  /** The answer is one that was given to an earlier request. */
  readonly isOld: boolean;
}

export interface Probe {
  readonly site: Site;
  /** The one header that carries keys; undefined: Authorization, as Bearer. */
  readonly header: string | undefined;
  /** Stands in every sentinel of this run. */
  readonly mark: string;
  ask(asked?: Asked): Promise<ProbeResult>;
  keyLine(key: string): string;
  /** Whether a witness tells what reached the service. Known after the first request that was let through. */
  hasWitness(): boolean;
  /** Identity that came back to the client, by the request target. */
  readonly leaks: Set<string>;
}

export interface ProbeOptions {
  readonly site: Site;
  readonly header?: string;
  readonly mark: string;
  readonly echo?: Echo;
}

export function createProbe({ site, header, mark, echo }: ProbeOptions): Probe {
  const leaks = new Set<string>();
  let count = 0;
  let repeats = false;
  const keyLine = (key: string): string =>
    header === undefined || header.toLowerCase() === "authorization"
      ? `Authorization: Bearer ${key}`
      : `${header}: ${key}`;
  const judge = (answer: RawAnswer, number: string): Omit<ProbeResult, "answer"> => {
    const own = echo?.heads.find((head) => head.includes(number));
    if (own !== undefined)
      return { reached: true, text: own, isOld: !answer.body.includes(number) && answer.status === 200 };
    const isNow = answer.body.includes(number);
    repeats ||= isNow;
    if (echo || repeats) {
      const reached = answer.body.includes(mark);
      return { reached, text: reached ? answer.body : "", isOld: reached && !isNow };
    }
    const isLetIn = answer.status === 101 || (answer.status >= 200 && answer.status < 300);
    return { reached: isLetIn, text: "", isOld: false };
  };
  return {
    site,
    header,
    mark,
    leaks,
    keyLine,
    hasWitness: () => echo !== undefined || repeats,
    ask: async ({ key, lines = [], ...request } = {}) => {
      const number = `${mark}-${++count}.`;
      const all = [`X-Doctor: ${number}`, ...(key === undefined ? [] : [keyLine(key)]), ...lines];
      const answer = await sendRaw(site, { ...request, lines: all });
      if (answer.headers.some(([name]) => name.startsWith("remote-"))) leaks.add(request.target ?? site.path);
      return { answer, ...judge(answer, number) };
    },
  };
}
