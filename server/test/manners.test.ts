/** What HTTP says of bodies, heads and conditions holds at every address, by tables over all operations. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import type { Operation } from "@chatelaine/contract/operations/operation";
import { operationList } from "@chatelaine/contract/operations/operations";
import { bearer, openRest, type RestApp } from "./rest-app.ts";

let rest: RestApp;
let made = 0;

beforeAll(async () => {
  rest = await openRest();
});
afterAll(() => rest[Symbol.asyncDispose]());

/** A key of one operation: some end the key that asks. */
const fresh = async (): Promise<Record<string, string>> => bearer(await rest.key("ada", `key-${++made}`));
/** Of things that are not there, so that nothing but the question matters. */
const addressOf = ({ path }: Operation): string => `/api/v1${path.replaceAll(/\{\w+\}/g, "99999")}`;
const changes = operationList.filter(({ method }) => method !== "GET");

function asked(operation: Operation, init: RequestInit): Promise<Response> {
  return fetch(rest.url + addressOf(operation), { method: operation.method, ...init });
}

test("no bytes are no body, whatever their type: the answer is that of a request without any", async () => {
  for (const operation of changes) {
    const answerTo = async (headers: Record<string, string>): Promise<unknown> => {
      const isEnding = operation.name.startsWith("self.");
      const response = await asked(operation, {
        headers: { ...(isEnding ? await fresh() : auth), ...headers },
      });
      const { code, errors } = (await response.json()) as { code?: string; errors?: unknown };
      return [operation.name, response.status, code, errors];
    };
    // A body is asked for by a type at this one, which is answered before REST.
    if (operation.name === "keys.verify") continue;
    const auth = await fresh();
    const bare = await answerTo({});
    for (const type of ["application/json", "text/plain", "application/x-www-form-urlencoded"])
      expect(await answerTo({ "Content-Type": type })).toEqual(bare);
  }
});

test("a reset without a body passes, by length, by chunks and with a type", async () => {
  const chunks = new ReadableStream({ start: (stream) => stream.close() });
  for (const body of [undefined, "", chunks]) {
    const headers = { ...(await fresh()), "Content-Type": "application/json" };
    const init = { method: "POST", headers, body } as RequestInit;
    expect((await fetch(`${rest.url}/api/v1/keys/self/reset`, init)).status).toBe(200);
  }
});

test("a packed body is answered 415 with what is taken instead, at every operation", async () => {
  const body = gzipSync('{"key":"x"}');
  for (const operation of changes) {
    const auth = await fresh();
    for (const coding of ["gzip", "br", "GZIP", "gzip, identity"]) {
      const response = await asked(operation, {
        body,
        headers: { ...auth, "Content-Type": "application/json", "Content-Encoding": coding },
      });
      const { code } = (await response.json()) as { code: string };
      const accepted = response.headers.get("accept-encoding");
      const told = [operation.name, coding, response.status, code, accepted];
      expect(told).toEqual([operation.name, coding, 415, "malformed_request", "identity"]);
    }
    const plain = { ...auth, "Content-Type": "application/json", "Content-Encoding": "identity" };
    expect((await asked(operation, { body: "{", headers: plain })).status).toBe(400);
  }
});

test("HEAD answers as GET does, without a body, and a query changes nothing where none is read", async () => {
  const headers = await fresh();
  const reads = [
    "/metrics",
    "/.well-known/jwks.json",
    "/healthz",
    "/readyz",
    "/api/versions",
    "/api/v1/session",
  ];
  for (const path of [...reads, "/api/v1/keys", "/api/openapi.json", "/api/docs/current"]) {
    const got = await fetch(rest.url + path, { headers });
    const head = await fetch(rest.url + path, { headers, method: "HEAD" });
    const told = [path, head.status, head.headers.get("content-type"), await head.text()];
    expect(told).toEqual([path, got.status, got.headers.get("content-type"), ""]);
    await got.arrayBuffer();
  }
  for (const path of ["/metrics", "/.well-known/jwks.json", "/healthz", "/readyz"]) {
    for (const query of ["?", "?module=keys", "?a=1&a=2"]) {
      const { status } = await fetch(rest.url + path + query, { headers });
      expect([path, query, status]).toEqual([path, query, 200]);
    }
  }
});

test("a key in the query is refused at the metrics and the key set too", async () => {
  const key = await rest.key("ada", "in-the-address");
  for (const path of ["/metrics", "/.well-known/jwks.json"]) {
    const response = await fetch(`${rest.url}${path}?x=${key}`);
    expect([response.status, (await response.text()).includes(key)]).toEqual([400, false]);
  }
});
