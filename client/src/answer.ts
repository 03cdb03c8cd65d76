/**
 * One question over HTTP with an end: a deadline over all of it, no redirect, no endless answer. Whatever keeps the
 * answer away is a ChatelaineError with the code `unavailable`; that is never a no.
 */
import { ChatelaineError, readProblem } from "./errors.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface Ask {
  readonly fetch: Fetch;
  readonly url: string;
  readonly init: RequestInit;
  readonly timeoutMs: number;
  readonly charsMax: number;
  readonly signal?: AbortSignal;
}

/** @returns the JSON of an answer with a status of 200, and its headers */
export async function askJson(ask: Ask): Promise<{ body: unknown; headers: Headers }> {
  const { signal } = ask;
  const deadline = AbortSignal.timeout(ask.timeoutMs);
  const both = signal ? AbortSignal.any([signal, deadline]) : deadline;
  try {
    const response = await send(ask, both);
    if (!response.ok) throw await readProblem(response);
    return { body: JSON.parse(await readText(response, ask.charsMax)), headers: response.headers };
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof ChatelaineError) throw error;
    throw unavailable(deadline.aborted ? `no answer within ${ask.timeoutMs} ms` : wordsOf(error), error);
  }
}

/** A second time at once where the connection broke: a kept-alive one may have ended just then. */
async function send({ fetch, url, init }: Ask, signal: AbortSignal): Promise<Response> {
  const options: RequestInit = { ...init, signal, redirect: "error", credentials: "omit", cache: "no-store" };
  try {
    return await fetch(url, options);
  } catch (error) {
    if (signal.aborted) throw error;
    return fetch(url, options);
  }
}

async function readText(response: Response, charsMax: number): Promise<string> {
  if (!response.body) return "";
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    if (text.length <= charsMax) continue;
    await reader.cancel().catch(() => undefined);
    throw new Error("the answer is too long");
  }
}

/** Two things never stand in it: the key, and the address with what may be in it. */
export function unavailable(words: string, cause?: unknown): ChatelaineError {
  const error = new ChatelaineError(`Chatelaine cannot be asked: ${words}`, {
    status: 0,
    code: "unavailable",
  });
  if (cause !== undefined) error.cause = cause;
  return error;
}

function wordsOf(error: unknown): string {
  if (error instanceof SyntaxError) return "the answer is no JSON";
  const { cause } = error as { cause?: { code?: unknown } };
  const code = (error as { code?: unknown }).code ?? cause?.code;
  return typeof code === "string" ? code : error instanceof Error ? error.message : "the request failed";
}
