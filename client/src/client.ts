/**
 * The client of Chatelaine's REST API, for any runtime with `fetch`: browsers, Bun, Node, Deno, workers.
 *
 * It has no code of its own for an operation: names, addresses, inputs and outputs are the contract's, so that a change
 * there is a change here. Errors are ChatelaineError with the stable code.
 *
 *     const chatelaine = createClient({ url: "https://keys.example", key });
 *     const made = await chatelaine.keys.create({ body: { name: "ci", username: "ada" } });
 */
import type { ErrorCode } from "@chatelaine/contract/errors";
import type {
  InputOf,
  OperationName,
  Operations,
  OutputOf,
} from "@chatelaine/contract/operations/operations";
import { directFetch } from "./direct-fetch.ts";
import { ChatelaineError, readProblem } from "./errors.ts";
import { readEvents, type StreamEvent } from "./events.ts";
import type { CallOptions, ClientOptions, EventsOptions } from "./options.ts";
import { ROUTES } from "./routes.ts";

export { ChatelaineError } from "./errors.ts";
export type { StreamEvent } from "./events.ts";
export type { CallOptions, ClientOptions, EventsOptions } from "./options.ts";
export type { ErrorCode };

type Has<Name extends OperationName, Part extends string> = Operations[Name] extends {
  readonly [P in Part]: unknown;
}
  ? true
  : false;
type PartOf<Name extends OperationName, Part extends "query" | "body"> =
  Has<Name, Part> extends false
    ? object
    : object extends InputOf<Name, Part>
      ? { readonly [P in Part]?: InputOf<Name, Part> }
      : { readonly [P in Part]: InputOf<Name, Part> };

/** Parameters of the address by their names, and `query` and `body`. */
export type CallInput<Name extends OperationName> = (Has<Name, "params"> extends true
  ? InputOf<Name, "params">
  : object) &
  PartOf<Name, "query"> &
  PartOf<Name, "body">;

type Args<Name extends OperationName> =
  object extends CallInput<Name>
    ? [input?: CallInput<Name>, options?: CallOptions]
    : [input: CallInput<Name>, options?: CallOptions];

type Streaming = "events.stream" | "audit.export";
type GroupOf<Name> = Name extends `${infer Group}.${string}` ? Group : never;
type CalledName = Exclude<OperationName, Streaming>;

/** `client.keys.create(...)` for the operation `keys.create`, and so on for all. */
export type Client = {
  readonly [Group in GroupOf<CalledName>]: {
    readonly [Name in Extract<CalledName, `${Group}.${string}`> as Name extends `${Group}.${infer Verb}`
      ? Verb
      : never]: (...args: Args<Name>) => Promise<OutputOf<Name>>;
  };
} & {
  /** Any operation by its name. */
  call<Name extends CalledName>(name: Name, ...args: Args<Name>): Promise<OutputOf<Name>>;
  /** The audit log as a file: JSON Lines or CSV. */
  exportAudit(query?: InputOf<"audit.export", "query">, options?: CallOptions): Promise<Response>;
  /** Changes as they happen. Connects again by itself and resumes; ends with the signal, or by a ChatelaineError. */
  events(options?: EventsOptions): AsyncGenerator<StreamEvent, void, undefined>;
};

interface AnyInput {
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly [param: string]: unknown;
}

export function createClient(options: ClientOptions = {}): Client {
  const send = sender(options);
  const call = async (
    name: OperationName,
    input: AnyInput = {},
    more: CallOptions = {},
  ): Promise<unknown> => {
    const response = await send(name, input, more);
    return response.json();
  };
  const groups: Record<string, Record<string, unknown>> = {};
  for (const name of Object.keys(ROUTES) as OperationName[]) {
    const [group, verb] = name.split(".") as [string, string];
    groups[group] ??= {};
    groups[group][verb] = (input?: AnyInput, more?: CallOptions) => call(name, input, more);
  }
  return {
    ...groups,
    call,
    exportAudit: (query = {}, more = {}) => send("audit.export", { query }, more),
    events: (more = {}) =>
      readEvents(
        (lastEventId, signal) => send("events.stream", {}, { signal }, { "Last-Event-ID": lastEventId }),
        more,
      ),
  } as unknown as Client;
}

function sender({ url = "", key, fetch: fetcher = directFetch }: ClientOptions) {
  const base = `${url.replace(/\/+$/, "")}/api/v1`;
  return async (
    name: OperationName,
    input: AnyInput,
    { signal, idempotencyKey }: CallOptions,
    more: Readonly<Record<string, string | undefined>> = {},
  ): Promise<Response> => {
    const [method, path] = ROUTES[name].split(" ") as [string, string];
    const headers = new Headers();
    if (key !== undefined) headers.set("Authorization", `Bearer ${key}`);
    if (idempotencyKey !== undefined) headers.set("Idempotency-Key", idempotencyKey);
    for (const [header, value] of Object.entries(more)) if (value) headers.set(header, value);
    const hasBody = method !== "GET" && method !== "DELETE";
    if (hasBody) headers.set("Content-Type", "application/json");
    const init: RequestInit = {
      method,
      headers,
      signal,
      body: hasBody ? JSON.stringify(input.body ?? {}) : undefined,
      credentials: key === undefined ? "same-origin" : "omit",
      cache: "no-store",
    };
    const response = await fetcher(base + fillPath(path, input) + queryText(input.query), init);
    if (!response.ok) throw await readProblem(response);
    return response;
  };
}

function fillPath(path: string, input: AnyInput): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = input[name];
    if (value === undefined || value === "")
      throw new ChatelaineError(`${name} is missing`, { status: 0, code: "invalid" });
    return encodeURIComponent(String(value));
  });
}

function queryText(query: AnyInput["query"] = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null) continue;
    if (Array.isArray(value)) for (const one of value) params.append(name, String(one));
    else params.append(name, String(value));
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}
