/**
 * A way to sign in that is not there yet: a code after the password. It is one function, and one line where the methods are put
 * together; every door answers it without a change.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { SignInMethod, SignInOutcome } from "../src/sign-in/credential.ts";
import type { NamedPassword } from "../src/sign-in/password.ts";
import { auditOf, originOf } from "./accounts-app.ts";
import { PASSWORD, SYSTEM } from "./installation.ts";
import { openRest, type RestApp } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

const CODE = "755224";

/** Asks users whose name begins with `coded` for a code. */
function withCode(first: SignInMethod<NamedPassword>): SignInMethod<NamedPassword> {
  return {
    signIn: async (given, origin) => {
      const outcome = await first.signIn(given, origin);
      if (outcome.kind !== "signed_in" || !given.username.startsWith("coded")) return outcome;
      const { credential } = outcome;
      const finish = async (code: string): Promise<SignInOutcome> => {
        if (code !== CODE) return { kind: "refused", reason: "unknown" };
        return { kind: "signed_in", credential: { ...credential, methods: [...credential.methods, "otp"] } };
      };
      return { kind: "needs", factor: "otp", pending: { username: credential.username, finish } };
    },
  };
}

/** A way in without any password. */
const anybody: SignInMethod<NamedPassword> = {
  signIn: async ({ username }) => {
    const { id: userId } = await rest.app.users.get(SYSTEM, { username });
    const login = { userId, username, loginId: crypto.randomUUID(), loginAt: rest.app.clock.now() };
    const nothing = { key: null, passwordChangedAt: null, parent: null, token: null };
    const seen = rest.app.sessions.mark();
    const credential = { ...login, ...nothing, kind: "LOGIN_PASSWORD", methods: ["passkey"], seen } as const;
    return { kind: "signed_in", credential };
  },
};

let rest: RestApp;
beforeAll(async () => {
  rest = await openRest(
    {},
    {
      signInMethods: (methods) => {
        const password = withCode(methods.password);
        const either: SignInMethod<NamedPassword> = {
          signIn: (given, origin) =>
            (given.username.startsWith("keyed") ? anybody : password).signIn(given, origin),
        };
        return { ...methods, password: either };
      },
    },
  );
  await rest.user("coded", ["READONLY_ADMIN"]);
  await rest.app.users.create(SYSTEM, { username: "keyed", roles: ["KEY_HOLDER"] });
}, 60_000);
afterAll(() => rest[Symbol.asyncDispose]());

function byPassword() {
  return rest.app.signIn.byPassword("coded", PASSWORD, originOf());
}

async function begun() {
  const outcome = await byPassword();
  if (outcome.kind !== "needs") throw new Error(`It is ${outcome.kind}`);
  return outcome;
}

test("the password alone opens nothing, and is no sign-in in the audit", async () => {
  expect(await begun()).toMatchObject({ factor: "otp", pending: { username: "coded" } });
  expect(await auditOf(rest.app, "LOGIN_PASSWORD")).toEqual([]);
});

test("a code ends it once, right or wrong, and the audit says what was shown", async () => {
  const { pending } = await begun();
  expect(await pending.finish(CODE)).toMatchObject({
    kind: "signed_in",
    credential: { username: "coded", methods: ["password", "otp"] },
  });
  expect(await pending.finish(CODE)).toEqual({ kind: "refused", reason: "unknown" });
  const another = await begun();
  expect(await another.pending.finish("000000")).toEqual({ kind: "refused", reason: "unknown" });
  expect(await another.pending.finish(CODE)).toEqual({ kind: "refused", reason: "unknown" });
  await rest.app.audit.flush();
  const records = await auditOf(rest.app, "LOGIN_PASSWORD");
  expect(records.map(({ success, details }) => ({ success, details }))).toEqual([
    { success: true, details: { methods: ["password", "otp"] } },
  ]);
});

test("users without one sign in as ever", async () => {
  expect((await rest.app.signIn.byPassword("ada", PASSWORD, originOf())).kind).toBe("signed_in");
  expect((await rest.app.signIn.byPassword("coded", "another password", originOf())).kind).toBe("refused");
});

test("the TrueNAS API asks for the code, and goes on with it", async () => {
  const rpc = await RpcClient.connect(rest.url);
  const login = { mechanism: "PASSWORD_PLAIN", username: "coded", password: PASSWORD };
  const code = (otp_token: string) => ({ mechanism: "OTP_TOKEN", otp_token });
  const required = { response_type: "OTP_REQUIRED", username: "coded" };
  expect((await rpc.call("auth.login_ex", login)).result).toEqual(required);
  expect((await rpc.call("auth.login_ex_continue", code("000000"))).result).toEqual({
    response_type: "AUTH_ERR",
  });
  expect((await rpc.call("auth.login_ex_continue", code(CODE))).error).toMatchObject({
    data: { reason: "[EINVAL] OTP_TOKEN: no authentication in progress" },
  });
  expect((await rpc.call("auth.login", "coded", PASSWORD)).result).toBe(false);
  expect((await rpc.call("auth.me")).error).toBeDefined();
  expect((await rpc.call("auth.login_ex", login)).result).toEqual(required);
  expect((await rpc.call("auth.login_ex_continue", code(CODE))).result).toMatchObject({
    response_type: "SUCCESS",
    user_info: { pw_name: "coded" },
  });
  rpc.close();
});

test("REST says that it cannot be given there, and sets no cookie", async () => {
  const answer = await rest.send("POST /session", { body: { username: "coded", password: PASSWORD } });
  expect([answer.status, answer.json.code]).toEqual([401, "not_authenticated"]);
  expect(answer.json.detail).toContain("second factor");
  expect(answer.headers.has("set-cookie")).toBe(false);
});

test("a browser may be signed in of somebody who has no password", async () => {
  const { Cookie } = await rest.browser("keyed");
  const answer = await rest.send("GET /session", { headers: { Cookie: Cookie! } });
  expect(answer.json).toMatchObject({ user: { username: "keyed", has_password: false } });
  const [session] = await rest.app.browserSessions.list(SYSTEM);
  expect(session).toMatchObject({ username: "keyed", methods: ["passkey"] });
});
