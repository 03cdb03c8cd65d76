/**
 * JSON-RPC 2.0 frames: text to request, outcome to text. Checks come in the order of the dialect, each with its own words.
 * Nothing from outside nests deeper than `DEPTH_MAX`, so that whatever walks a message later cannot run out of stack.
 */
import { RPC, type RpcCode } from "./errors.ts";
import type { RpcError } from "./jsonrpc-api.ts";

const DEPTH_MAX = 100;

export interface Request {
  /** JSON text of the id as it came; undefined for a notification. */
  readonly id: string | undefined;
  readonly method: string;
  readonly params: readonly unknown[];
}

/** A message that is no request. */
export interface Fault {
  /** undefined: say nothing. */
  readonly id: string | undefined;
  readonly code: RpcCode;
  readonly message: string;
}

export type Message = { readonly [name: string]: unknown };

export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: Fault };

/** First half of the checks: is it one JSON object? */
export function readMessage(text: string): Read<Message> {
  if (isTooDeep(text)) return parseFault(`The message is nested deeper than ${DEPTH_MAX} levels`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return parseFault(error instanceof Error ? error.message.slice(0, 200) : "The message is not JSON");
  }
  if (Array.isArray(json)) return parseFault("Batch messages are not supported at this time");
  if (typeof json !== "object" || json === null) return parseFault("Invalid Message Format");
  return { ok: true, value: json as Message };
}

/** Second half of the checks. */
export function readRequest(message: Message, text: string): Read<Request> {
  const { id, method, params } = message;
  const idText = readId(id, text);
  const fault = (words: string): Read<Request> => ({
    ok: false,
    fault: { id: idText, code: RPC.invalidRequest, message: words },
  });
  if (message.jsonrpc === undefined) return fault("Missing 'jsonrpc' member");
  if (message.jsonrpc !== "2.0") {
    return fault("'jsonrpc' member must be of type string and must be exactly '2.0'");
  }
  if (id !== undefined && id !== null && typeof id !== "string" && typeof id !== "number") {
    return fault("'id' member must be of type null, string or number");
  }
  if (method === undefined) return fault("Missing 'method' member");
  if (typeof method !== "string" || method === "") return fault("'method' member must be of type string");
  if (params !== undefined && !Array.isArray(params)) return fault("'params' member must be of type array");
  return { ok: true, value: { id: idText, method, params: params ?? [] } };
}

export function resultText(id: string, result: string): string {
  return `{"jsonrpc":"2.0","result":${result},"id":${id}}`;
}

export function errorText(id: string, error: RpcError): string {
  return `{"jsonrpc":"2.0","error":${JSON.stringify(error)},"id":${id}}`;
}

function parseFault(message: string): { ok: false; fault: Fault } {
  return { ok: false, fault: { id: "null", code: RPC.parseError, message } };
}

/** Echoed as it came, also where a number is more than JavaScript can hold. */
function readId(id: unknown, text: string): string | undefined {
  if (id === undefined) return undefined;
  if (typeof id === "number" && !Number.isSafeInteger(id)) return sourceOfId(text);
  return JSON.stringify(id);
}

function sourceOfId(text: string): string {
  const sources = new Map<unknown, string>();
  const root: unknown = JSON.parse(
    text,
    function (this: unknown, name: string, value: unknown, context?: { source?: string }) {
      if (name === "id" && typeof value === "number") sources.set(this, context?.source ?? "null");
      return value;
    },
  );
  return sources.get(root) ?? "null";
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === OPEN_LIST || code === OPEN_OBJECT) {
      if (++depth > DEPTH_MAX) return true;
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--;
  }
  return false;
}

const QUOTE = 34;
const BACKSLASH = 92;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125];

function endOfString(text: string, from: number): number {
  let at = from + 1;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) break;
  }
  return at;
}
