/** JSON is bounded in depth and members before it is looked at, by every way that it comes in. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { JSON_DEPTH_MAX, JSON_MEMBERS_MAX } from "@chatelaine/contract/limits";
import fc from "fast-check";
import { jsonExcess } from "../src/http/json-bounds.ts";
import { bearer, openRest, type RestApp } from "./rest-app.ts";
import { type RpcAnswer, RpcClient } from "./rpc-client.ts";

let rest: RestApp;
let key: string;

beforeAll(async () => {
  rest = await openRest();
  key = await rest.key("ada", "json");
});
afterAll(() => rest[Symbol.asyncDispose]());

const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
const wide = (members: number): string => `[${"1,".repeat(members - 1)}1]`;

function countMembers(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const inner = Object.values(value);
  return inner.length + inner.reduce<number>((sum, one) => sum + countMembers(one), 0);
}

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

test("what is told from the text is so of the value", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 40 }), fc.constantFrom(0, 2), (value, spaces) => {
      const isDeep = depthOf(value) > JSON_DEPTH_MAX;
      const isWide = countMembers(value) > JSON_MEMBERS_MAX;
      const said = isDeep ? "depth" : isWide ? "members" : undefined;
      expect(jsonExcess(JSON.stringify(value, null, spaces))).toBe(said);
    }),
    { numRuns: 1_000 },
  );
  expect(jsonExcess(nested(JSON_DEPTH_MAX))).toBeUndefined();
  expect(jsonExcess(nested(JSON_DEPTH_MAX + 1))).toBe("depth");
  expect(jsonExcess(wide(JSON_MEMBERS_MAX))).toBeUndefined();
  expect(jsonExcess(wide(JSON_MEMBERS_MAX + 1))).toBe("members");
  expect(jsonExcess(`["${"[{,".repeat(9_000)}\\"${",".repeat(9_000)}"]`)).toBeUndefined();
});

describe.each([true, false])("at the JSON-RPC API, signed in: %p", (isSignedIn) => {
  let rpc: RpcClient;
  beforeAll(async () => {
    rpc = await RpcClient.connect(rest.url);
    if (isSignedIn) await rpc.signIn("ada", key);
  });
  afterAll(() => rpc.close());
  const say = (more: string): Promise<RpcAnswer> => {
    rpc.sendText(`{"jsonrpc":"2.0","id":1,"method":"core.ping","params":[],"more":${more}}`);
    return rpc.take((answer) => answer.id === 1 || answer.id === null);
  };

  test("what is too deep is no message, what is too wide no call", async () => {
    expect(await say(nested(JSON_DEPTH_MAX - 1))).toMatchObject({ result: "pong" });
    expect(await say(nested(JSON_DEPTH_MAX))).toMatchObject({ id: null, error: { code: -32700 } });
    if (!isSignedIn) {
      // Eight kibibytes hold no more of them.
      expect(await say(wide(4_000))).toMatchObject({ result: "pong" });
      return;
    }
    expect(await say(wide(JSON_MEMBERS_MAX - 5))).toMatchObject({ result: "pong" });
    expect(await say(wide(JSON_MEMBERS_MAX))).toMatchObject({ id: 1, error: { code: -32600 } });
  });
});

const PLACES: Readonly<Record<string, (json: string) => { route: string; body?: string }>> = {
  "the body of a change": (json) => ({
    route: "POST /keys",
    body: `{"name":"a","username":"ada","tags":${json}}`,
  }),
  "a value that is free": (json) => ({ route: "PUT /me/attributes/screen", body: `{"value":${json}}` }),
  "a sign-in": (json) => ({ route: "POST /session", body: `{"username":"ada","password":${json}}` }),
  "a filter": (json) => ({ route: `GET /keys?filter=${json}` }),
  "a question about keys": (json) => ({ route: "POST /verify", body: `{"keys":${json}}` }),
};

test.each(Object.keys(PLACES))("in REST %s is refused by its text", async (place) => {
  const browser = await rest.browser("ada");
  const ask = (json: string) => {
    const { route, body } = PLACES[place]!(json);
    return rest.send(route, { headers: place === "a value that is free" ? browser : bearer(key), body });
  };
  const deep = await ask(nested(JSON_DEPTH_MAX + 1));
  const isQuery = place === "a filter";
  // Questions about keys are read by hand, which goes nowhere deep.
  expect(deep.status).toBe(isQuery || place === "a question about keys" ? 422 : 400);
  const many = await ask(wide(JSON_MEMBERS_MAX + 1));
  expect(many.status).toBe(isQuery ? 422 : 400);
  // No filter is so long.
  if (!isQuery) expect(many.json.detail).toContain("of more than 4096 members");
  const just = await ask(wide(JSON_MEMBERS_MAX - 10));
  expect(just.json.detail ?? "").not.toContain("members");
});
