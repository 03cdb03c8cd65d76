/**
 * The ways to sign in (`conformance/3-sign-in.txt`). A failed sign-in is a result, never an error, and tells no more than the dialect
 * does; errors are left for what is no judgement of the credentials.
 */
import { PASSWORD_BYTES_MAX, TOKEN_TTL_SECONDS_MAX } from "@chatelaine/contract/limits";
import { z } from "zod";
import type { Users } from "../accounts/users.ts";
import { AppError } from "../domain/errors.ts";
import type { Connection } from "../http/jsonrpc/api.ts";
import type { Credential, SignInOutcome, SignInRefused } from "../sign-in/credential.ts";
import type { SignIn } from "../sign-in/sign-in.ts";
import type { Tokens } from "../sign-in/token.ts";
import { CallError } from "./errors.ts";
import { type AnonymousCall, anonymousMethod, type RpcMethod } from "./method.ts";
import { flag, type Param, param, taggedParam, text } from "./params.ts";
import type { UserInfo } from "./user-info.ts";
import type { Entry, Version } from "./version.ts";

export const LIFETIME_SECONDS = 600;
const TOKEN_TTL_SECONDS_MIN = 60;

export interface SignInMethodsDeps {
  readonly signIn: SignIn;
  readonly users: Pick<Users, "get">;
  readonly tokens: Pick<Tokens, "generate">;
  readonly userInfo: UserInfo;
}

interface LoginOptions {
  readonly user_info: boolean;
  readonly reconnect_token?: boolean;
}

const SECRET = text({ isSecret: true });
/** People type passwords and keys into the field of the name: it is recorded apart, where there is such a user. */
const NAME = SECRET;
const SCRAM_LOGIN = z.strictObject({
  mechanism: z.literal("SCRAM"),
  scram_type: z.enum(["CLIENT_FIRST_MESSAGE", "CLIENT_FINAL_MESSAGE"]),
  rfc_str: SECRET,
});
const OTP_LOGIN = z.strictObject({
  mechanism: z.literal("OTP_TOKEN"),
  otp_token: SECRET,
  login_options: z.unknown().optional(),
});

function loginSchema(options: z.ZodType<LoginOptions>) {
  return [
    z.strictObject({
      mechanism: z.literal("API_KEY_PLAIN"),
      username: NAME,
      api_key: SECRET,
      login_options: options,
    }),
    z.strictObject({
      mechanism: z.literal("PASSWORD_PLAIN"),
      username: NAME,
      password: text({ max: PASSWORD_BYTES_MAX, isSecret: true }),
      login_options: options,
    }),
    z.strictObject({ mechanism: z.literal("TOKEN_PLAIN"), token: SECRET, login_options: options }),
    OTP_LOGIN,
  ] as const;
}

const OLD_OPTIONS = z.strictObject({ user_info: flag.default(true) }).prefault({});
const OPTIONS = z
  .strictObject({ user_info: flag.default(true), reconnect_token: flag.default(false) })
  .prefault({});
const LOGIN = z.discriminatedUnion("mechanism", [...loginSchema(OPTIONS), SCRAM_LOGIN]);
const OLD_LOGIN = z.discriminatedUnion("mechanism", [...loginSchema(OLD_OPTIONS)]);
type Login = z.output<typeof LOGIN>;

const LOGIN_PARAM: Param<Login> = taggedParam("login_data", "mechanism", LOGIN);
const OLD_LOGIN_PARAM: Param<Login> = taggedParam("login_data", "mechanism", OLD_LOGIN);
const OTP_PARAM = taggedParam("login_data", "mechanism", z.discriminatedUnion("mechanism", [OTP_LOGIN]));

export function signInMethods(deps: SignInMethodsDeps): Record<string, RpcMethod> {
  const { signIn } = deps;
  const quick = async ({ connection }: AnonymousCall, attempt: Promise<SignInOutcome>): Promise<boolean> => {
    forgetBegun(connection);
    return entered(connection, await attempt).kind === "signed_in";
  };
  return {
    "auth.mechanism_choices": anonymousMethod("The ways to sign in", [], ({ version }) =>
      mechanisms(version),
    ),
    "auth.login_ex": anonymousMethod(
      "Sign in",
      (version) => [version.hasScram ? LOGIN_PARAM : OLD_LOGIN_PARAM] as const,
      async (call, login) => call.version.signInResult(await logIn(deps, call, login)),
    ),
    "auth.login_ex_continue": anonymousMethod("Go on with a sign-in", [OTP_PARAM], async (call, login) => {
      const { pending } = call.connection;
      call.connection.pending = undefined;
      return call.version.signInResult(await continueByOtp(deps, call, { pending, code: login.otp_token }));
    }),
    "auth.login": anonymousMethod(
      "Sign in by password",
      [
        param("username", NAME),
        param("password", SECRET),
        param("otp_token", SECRET.nullable().default(null)),
      ],
      (call, username, password) =>
        quick(call, signIn.byPassword(username, password, call.connection.origin)),
    ),
    "auth.login_with_api_key": anonymousMethod("Sign in by key", [param("api_key", SECRET)], (call, key) =>
      quick(call, signIn.byKey(key, undefined, call.connection.origin)),
    ),
    "auth.login_with_token": anonymousMethod("Sign in by token", [param("token", SECRET)], (call, token) =>
      quick(call, signIn.byToken(token, call.connection.origin)),
    ),
  };
}

function mechanisms({ hasScram }: Version): string[] {
  return ["API_KEY_PLAIN", "TOKEN_PLAIN", "PASSWORD_PLAIN", ...(hasScram ? ["SCRAM"] : [])];
}

function logIn(deps: SignInMethodsDeps, call: AnonymousCall, login: Login): Promise<Entry> {
  const { signIn } = deps;
  const { origin } = call.connection;
  if (login.mechanism === "SCRAM") {
    return login.scram_type === "CLIENT_FIRST_MESSAGE"
      ? scramFirst(deps, call, login.rfc_str)
      : scramFinal(deps, call, login.rfc_str);
  }
  const { pending } = call.connection;
  forgetBegun(call.connection);
  switch (login.mechanism) {
    case "API_KEY_PLAIN":
      return plain(deps, call, login.login_options, signIn.byKey(login.api_key, login.username, origin));
    case "PASSWORD_PLAIN":
      return plain(
        deps,
        call,
        login.login_options,
        signIn.byPassword(login.username, login.password, origin),
      );
    case "TOKEN_PLAIN":
      return plain(deps, call, login.login_options, signIn.byToken(login.token, origin));
    case "OTP_TOKEN":
      return continueByOtp(deps, call, { pending, code: login.otp_token });
  }
}

/** What is begun again, or by another way, does not go on. */
function forgetBegun(connection: Connection): void {
  connection.scram = undefined;
  connection.pending = undefined;
}

async function continueByOtp(
  deps: SignInMethodsDeps,
  call: AnonymousCall,
  { pending, code }: { readonly pending: Connection["pending"]; readonly code: string },
): Promise<Entry> {
  if (!pending) throw new CallError("EINVAL", "OTP_TOKEN: no authentication in progress");
  return plain(deps, call, pending.options, pending.signIn.finish(code));
}

async function plain(
  deps: SignInMethodsDeps,
  { connection }: AnonymousCall,
  options: LoginOptions,
  attempt: Promise<SignInOutcome>,
): Promise<Entry> {
  const outcome = entered(connection, await attempt);
  switch (outcome.kind) {
    case "signed_in":
      return {
        response_type: "SUCCESS",
        user_info: options.user_info ? await userInfo(deps, connection, outcome.credential) : null,
        authenticator: "LEVEL_1",
        reconnect_token: options.reconnect_token ? await reconnectToken(deps, connection) : null,
      };
    case "needs":
      connection.pending = { signIn: outcome.pending, options };
      return { response_type: "OTP_REQUIRED", username: outcome.pending.username };
    case "refused":
      return { response_type: responseType(outcome) };
  }
}

async function scramFirst(
  { signIn }: SignInMethodsDeps,
  call: AnonymousCall,
  message: string,
): Promise<Entry> {
  const { connection } = call;
  forgetBegun(connection);
  const exchange = await signIn.scramFirst(message, connection.origin, connection.peer.binding?.());
  if (!exchange) {
    connection.signInFailed();
    return { response_type: "AUTH_ERR" };
  }
  connection.scram = exchange;
  return scramResponse("SERVER_FIRST_RESPONSE", exchange.serverFirst, null);
}

async function scramFinal(
  deps: SignInMethodsDeps,
  { connection }: AnonymousCall,
  message: string,
): Promise<Entry> {
  const exchange = connection.scram;
  forgetBegun(connection);
  if (!exchange) throw new CallError("EFAULT", "SCRAM authentication is not in progress");
  const outcome = await exchange.finish(message);
  entered(connection, outcome);
  if (outcome.kind === "refused") return { response_type: "AUTH_ERR" };
  const info = await userInfo(deps, connection, outcome.credential);
  return scramResponse("SERVER_FINAL_RESPONSE", outcome.serverFinal, info);
}

function scramResponse(type: string, message: string, info: object | null): Entry {
  return { response_type: "SCRAM_RESPONSE", scram_type: type, rfc_str: message, user_info: info };
}

/** Opens the session of a sign-in that succeeded; throws what is no judgement of the credentials. */
function entered(connection: Connection, outcome: SignInOutcome): SignInOutcome {
  if (outcome.kind === "signed_in") {
    connection.signIn(outcome.credential);
    return outcome;
  }
  connection.signInFailed();
  if (outcome.kind === "needs") return outcome;
  if (outcome.reason === "busy" || outcome.reason === "too_many_guesses") {
    throw new CallError("EBUSY", "Rate Limit Exceeded");
  }
  // No judgement of the key: it was left whole, and the client's people can fix the connection.
  if (outcome.advice !== undefined) throw new AppError("insecure_transport", outcome.advice);
  return outcome;
}

/** @returns null where the session has ended already. */
async function userInfo(
  deps: SignInMethodsDeps,
  connection: Connection,
  credential: Credential,
): Promise<object | null> {
  const caller = await connection.caller();
  return caller ? deps.userInfo(caller, credential) : null;
}

/** Single use, from this address alone. It lives as long as the user prefers their sessions to. */
async function reconnectToken(
  { tokens, users }: SignInMethodsDeps,
  connection: Connection,
): Promise<string | null> {
  const caller = await connection.caller();
  if (!caller || !connection.session) return null;
  const { attributes } = await users.get(caller, { id: caller.userId });
  return tokens.generate(connection.session, {
    ttlSeconds: preferredLifetime(attributes.preferences),
    attributes: {},
    matchOrigin: true,
    singleUse: true,
  });
}

function preferredLifetime(preferences: unknown): number {
  const lifetime = (preferences as { lifetime?: unknown } | null | undefined)?.lifetime;
  return Number.isSafeInteger(lifetime) && (lifetime as number) >= TOKEN_TTL_SECONDS_MIN
    ? Math.min(lifetime as number, TOKEN_TTL_SECONDS_MAX)
    : LIFETIME_SECONDS;
}

function responseType({ reason, isRevoked }: SignInRefused): string {
  switch (reason) {
    case "expired":
      return "EXPIRED";
    case "no_roles":
      return "DENIED";
    case "insecure_transport":
      return isRevoked ? "EXPIRED" : "AUTH_ERR";
    default:
      return "AUTH_ERR";
  }
}
