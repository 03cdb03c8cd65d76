/**
 * JSON-RPC 2.0 frames: text to request, outcome to text. Checks come in the order of the dialect, each with its own words.
 * Depth and number of members are bounded before anything is made of a text, so that whatever walks a message later costs
 * a bounded time (`json-bounds.ts`).
 */
import { RPC, type RpcCode } from "../errors.ts";
import { EXCESS_MESSAGES, jsonExcess } from "../json-bounds.ts";
import type { RpcError } from "./api.ts";

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

export type RpcMessage = { readonly [name: string]: unknown };

export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: Fault };

/** First half of the checks: is it one JSON object? */
export function readMessage(text: string): Read<RpcMessage> {
  const excess = jsonExcess(text);
  if (excess === "depth") return parseFault(`The message is ${EXCESS_MESSAGES.depth}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return parseFault(error instanceof Error ? error.message.slice(0, 200) : "The message is not JSON");
  }
  if (Array.isArray(json)) return parseFault("Batch messages are not supported at this time");
  if (typeof json !== "object" || json === null) return parseFault("Invalid Message Format");
  // Of its id, so that it fails this call alone: a fault without one fails all that wait on the connection.
  if (excess === "members") return { ok: false, fault: tooWide((json as RpcMessage).id) };
  return { ok: true, value: json as RpcMessage };
}

/** Second half of the checks. */
export function readRequest(message: RpcMessage, text: string): Read<Request> {
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

function tooWide(id: unknown): Fault {
  const isPlain = typeof id === "string" || Number.isSafeInteger(id);
  const idText = id === undefined ? undefined : JSON.stringify(isPlain ? id : null);
  return { id: idText, code: RPC.invalidRequest, message: `The message is ${EXCESS_MESSAGES.members}` };
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
