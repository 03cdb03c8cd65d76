/** The OpenRPC 1.3 document of one version of the JSON-RPC API. */
import { VERSION } from "../../version.ts";
import { RPC } from "../errors.ts";
import type { MethodDoc, MethodError, RpcVersion } from "./rpc.ts";

export function openRpcText({ name, methods, events }: RpcVersion): string {
  return JSON.stringify({
    openrpc: "1.3.2",
    info: {
      title: "Chatelaine, JSON-RPC API",
      version: name,
      description: `Served by Chatelaine ${VERSION}, over WebSocket.`,
    },
    servers: [{ name: "this server", url: `/api/${name}` }],
    methods: methods.map(methodObject),
    "x-events": events.map(({ name: event, description: words, access, since, fields }) => ({
      name: event,
      summary: words,
      roles: access,
      since,
      fields: fields?.() ?? null,
    })),
  });
}

function methodObject({
  name,
  description: words,
  access,
  since,
  params,
  result,
  errors,
  example,
}: MethodDoc): object {
  return {
    name,
    summary: words,
    paramStructure: "by-position",
    params: params.map(({ name: param, required, schema }) => ({ name: param, required, schema: schema() })),
    result: { name: "result", schema: result() },
    errors: errorObjects(errors),
    examples: [
      {
        name,
        params: params
          .slice(0, example.params.length)
          .map(({ name: param }, place) => ({ name: param, value: example.params[place] })),
        result: { name: "result", value: example.result() },
      },
    ],
    "x-since": since,
    "x-access": access,
  };
}

const MESSAGES: Readonly<Record<number, string>> = {
  [RPC.invalidParams]: "Invalid params",
  [RPC.callError]: "Method call error",
  [RPC.tooManyCalls]: "Too many concurrent calls",
};

/** One object per code; `data` lists every reason with its number. */
function errorObjects(errors: readonly MethodError[]): object[] {
  return [...Map.groupBy(errors, ({ code }) => code)].map(([code, reasons]) => ({
    code,
    message: MESSAGES[code] ?? "Error",
    data: reasons.map(({ errname, errno, when }) => ({ error: errno, errname, when })),
  }));
}
