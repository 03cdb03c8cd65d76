/** Requests of Node's http, on which Express and Fastify stand: all values of a header, and taking one out for good. */
import type { ReadHeader } from "./presented.ts";

export interface NodeRequest {
  readonly headers: Record<string, string | string[] | undefined>;
  /** Name, value, name, value, as they came. */
  readonly rawHeaders?: string[];
}

/** As they came, because Node drops the second Authorization of a request in silence. */
export function headerReader({ headers, rawHeaders }: NodeRequest): ReadHeader {
  return (name) => {
    const values = (rawHeaders ?? []).filter(
      (_, at, all) => at % 2 === 1 && all[at - 1]!.toLowerCase() === name,
    );
    if (values.length > 0) return values;
    const value = headers[name];
    return value === undefined ? [] : Array.isArray(value) ? value : [value];
  };
}

/** What hands the request on, whole or in parts, finds no key in it. */
export function removeHeaders(request: NodeRequest, names: readonly string[]): void {
  const { headers, rawHeaders } = request;
  const { headersDistinct } = request as { headersDistinct?: Record<string, unknown> };
  for (const name of names) {
    delete headers[name];
    if (headersDistinct) delete headersDistinct[name];
  }
  if (!rawHeaders) return;
  const kept = rawHeaders.filter((_, at, all) => !names.includes(all[at - (at % 2)]!.toLowerCase()));
  rawHeaders.splice(0, rawHeaders.length, ...kept);
}
