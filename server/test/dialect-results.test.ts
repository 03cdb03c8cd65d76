/** What the documentation says that methods and events answer is what they answer, in every version. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { fieldsOf } from "../src/truenas/documented.ts";
import { FACTS } from "../src/truenas/results.ts";
import { createDialect } from "../src/truenas/truenas.ts";
import { V25_04 } from "../src/truenas/v25-04.ts";
import { V25_10 } from "../src/truenas/v25-10.ts";
import { V26_00 } from "../src/truenas/v26-00.ts";
import { V27_00 } from "../src/truenas/v27-00.ts";
import { openRest, type RestApp, SYSTEM } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

const VERSIONS = [V25_04, V25_10, V26_00, V27_00];
let rest: RestApp;
let key: string;
let turn = 0;

beforeAll(async () => {
  rest = await openRest();
  key = await rest.key("ada", "caller");
});
afterAll(() => rest[Symbol.asyncDispose]());

const fresh = async (): Promise<number> =>
  (await rest.app.keys.create(SYSTEM, { name: `target ${++turn}`, username: "ada" })).key.id;
const someone = () => rest.user(`person${++turn}`, ["KEY_HOLDER"]);
const person = async (): Promise<number> => (await someone()).id;

type Calls = () => Promise<readonly (readonly unknown[])[]>;
const none: Calls = async () => [[]];
const lists: Calls = async () => [[], [[], { limit: 1 }], [[], { count: true }]];
const found: Calls = async () => [
  ...(await lists()),
  [[], { get: true }],
  [[], { select: ["id"], limit: 1 }],
];
const plain = (text: string) => ({ mechanism: "API_KEY_PLAIN", username: "ada", api_key: text });

/** Calls that succeed, for each method; the empty list: it never does. */
const CALLS: Readonly<Record<string, Calls>> = {
  "core.ping": none,
  "core.set_options": async () => [[{ legacy_jobs: false }]],
  "core.subscribe": async () => [["core.get_jobs"]],
  "core.unsubscribe": async () => [["none"]],
  "core.get_jobs": lists,
  "core.get_methods": none,
  "core.get_services": none,
  "privilege.roles": lists,
  "auth.mechanism_choices": none,
  "auth.login_ex": async () => [[plain(key)], [plain("1-x")]],
  "auth.login_ex_continue": async () => [],
  "auth.login": async () => [["nobody", "wrong"]],
  "auth.login_with_api_key": async () => [[key]],
  "auth.login_with_token": async () => [["wrong"]],
  "auth.logout": none,
  "auth.me": none,
  "auth.set_attribute": async () => [["a", 1]],
  "auth.generate_token": none,
  "auth.generate_onetime_password": async () => [],
  "auth.twofactor.config": none,
  "auth.twofactor.update": async () => [],
  "auth.sessions": found,
  "auth.terminate_session": async () => [["none"]],
  "auth.terminate_other_sessions": none,
  "api_key.query": found,
  "api_key.get_instance": async () => [[await fresh()]],
  "api_key.my_keys": none,
  "api_key.create": async () => [[{ name: `made ${++turn}`, username: "ada" }]],
  "api_key.update": async () => [
    [await fresh(), { name: `renamed ${++turn}` }],
    [await fresh(), { reset: true }],
  ],
  "api_key.delete": async () => [[await fresh()]],
  "api_key.convert_raw_key": async () => [[key]],
  "user.query": found,
  "user.get_instance": async () => [[await person()]],
  "user.create": async () => [
    [{ username: `made${++turn}`, roles: ["KEY_HOLDER"], password_disabled: true }],
  ],
  "user.update": async () => [[await person(), { full_name: "New" }]],
  "user.set_password": async () => [
    [{ username: (await someone()).username, old_password: null, new_password: "three words in a row" }],
  ],
  "user.delete": async () => [[await person()]],
  "audit.query": async () => [
    [],
    [{ "query-options": { limit: 3 } }],
    [{ "query-options": { count: true } }],
  ],
  "alert.list": none,
};

interface Schema {
  readonly type?: string;
  readonly writeOnly?: boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** Texts that are named as secrets, each with whether it is declared as one. */
function secretsIn(schema: Schema, path: string, isDeclared = false): [string, boolean][] {
  const is = isDeclared || schema.writeOnly === true;
  const members = Object.entries(schema.properties ?? {}).map(
    ([name, one]) => [one, `${path}.${name}`] as const,
  );
  const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].map((one) => [one, path] as const);
  const within = [...members, ...choices].flatMap(([one, at]) => secretsIn(one, at, is));
  const isNamed = /(?:pass(?!word_disabled)|secret|token|otp|api_key|raw_key|rfc_str)[^. ]*$/.test(path);
  return isNamed && schema.type === "string" ? [...within, [path, is]] : within;
}

describe("the documented results", () => {
  for (const version of VERSIONS) {
    test(`of ${version.name} are what each method answers`, async () => {
      const { documented } = createDialect(rest.app);
      const { methods } = documented.find(({ name }) => name === version.name)!;
      const revoked = await fresh();
      await rest.app.keys.revoke(SYSTEM, revoked, "for the alerts");
      for (const { name } of methods) {
        const calls = CALLS[name];
        expect([name, calls !== undefined]).toEqual([name, true]);
        for (const params of await calls!()) {
          // Some end the session.
          const socket = await RpcClient.connect(rest.url, { path: `/api/${version.name}` });
          await socket.signIn("ada", key);
          const { result, error } = await socket.call(name, ...params);
          expect([name, params, error]).toEqual([name, params, undefined]);
          const schema = FACTS[name]!.result(version);
          // A list that is asked for whole is one of whole entries.
          const isWhole = schema instanceof z.ZodUnion && params.length === 0;
          const { error: fault } = (isWhole ? (schema.options[0] as z.ZodType) : schema).safeParse(result);
          expect([name, params, fault?.issues]).toEqual([name, params, undefined]);
          socket.close();
        }
      }
    }, 60_000);

    test(`of events of ${version.name} are what is told`, async () => {
      const socket = await RpcClient.connect(rest.url, { path: `/api/${version.name}` });
      await socket.signIn("ada", key);
      for (const name of ["api_key.query", "user.query", "auth.sessions"]) {
        await socket.result("core.subscribe", name);
        if (name === "api_key.query") await fresh();
        else if (name === "user.query") await person();
        else await (await RpcClient.connect(rest.url)).signIn("ada", key);
        const event = await socket.take(
          ({ params }) => params?.collection === name && params.msg === "added",
        );
        const { error } = fieldsOf(name, version)!.safeParse(event.params!.fields);
        expect([name, error?.issues]).toEqual([name, undefined]);
      }
      socket.close();
    });
  }

  test("name every method that there is, and none that is not", () => {
    expect(Object.keys(FACTS).sort()).toEqual(Object.keys(CALLS).sort());
    const { documented } = createDialect(rest.app);
    for (const { methods } of documented) {
      for (const { name, errors, since } of methods) {
        expect([name, errors.length > 1, /^v\d/.test(since)]).toEqual([name, true, true]);
      }
    }
  });

  test("declare as a secret every parameter that is named as one, so that the audit masks it", async () => {
    const { documented } = createDialect(rest.app);
    const named = documented.flatMap(({ methods }) =>
      methods.flatMap(({ name, params }) =>
        params.flatMap((param) => secretsIn(param.schema() as Schema, `${name} ${param.name}`)),
      ),
    );
    expect(named.filter(([, isDeclared]) => !isDeclared)).toEqual([]);
    expect(new Set(named.map(([path]) => path)).size).toBeGreaterThan(10);
    const socket = await RpcClient.connect(rest.url);
    await socket.signIn("ada", key);
    const { username } = await someone();
    for (const password of ["three words in a row", "short"])
      await socket.call("user.set_password", { username, old_password: password, new_password: password });
    await rest.app.audit.flush();
    const { rows } = await rest.app.audit.list(SYSTEM, { limit: 0 });
    const acts = rows.filter(({ details }) => JSON.stringify(details).includes(username));
    expect(acts.length).toBeGreaterThan(1);
    expect(acts.filter((act) => /three words|"short"/.test(JSON.stringify(act)))).toEqual([]);
  });

  test("of the errors are those that calls get", async () => {
    const socket = await RpcClient.connect(rest.url);
    const { documented } = createDialect(rest.app);
    const { methods } = documented.at(-1)!;
    const isTold = (name: string, code: number, errno: number | undefined): boolean =>
      methods
        .find((one) => one.name === name)!
        .errors.some((error) => error.code === code && error.errno === errno);
    const wrong = [{ no: "such" }, 1, 2, 3, 4, 5, 6];
    for (const isSignedIn of [false, true]) {
      if (isSignedIn) await socket.signIn("ada", key);
      for (const { name } of methods) {
        if (name === "auth.logout" && isSignedIn) continue;
        const { error } = await socket.call(name, ...wrong);
        expect([name, isTold(name, error!.code, error!.data?.error)]).toEqual([name, true]);
      }
    }
    for (const name of ["api_key.get_instance", "api_key.delete", "user.get_instance", "user.delete"]) {
      const { error } = await socket.call(name, 999_999);
      expect([name, error!.code, error!.data!.reason]).toEqual([
        name,
        -32602,
        expect.stringContaining("does not exist"),
      ]);
    }
    socket.close();
  });
});
