/** Who is signed in: oneself, tokens for further connections, the sessions of all (`conformance/3.7-sessions.txt`). */
import { TOKEN_TTL_SECONDS_MAX } from "@chatelaine/contract/limits";
import { z } from "zod";
import type { Users } from "../accounts/users.ts";
import { compareByOrder, matches } from "../domain/filter-match.ts";
import type { Credential, Session } from "../sign-in/credential.ts";
import type { Sessions } from "../sign-in/sessions.ts";
import type { Tokens } from "../sign-in/token.ts";
import { CallError } from "./errors.ts";
import { method, type RpcCall, type RpcMethod } from "./method.ts";
import { anything, dictionary, filtersParam, flag, integer, optionsParam, param, text } from "./params.ts";
import { applyOptions } from "./query-options.ts";
import { LIFETIME_SECONDS } from "./sign-in.ts";
import type { UserInfo } from "./user-info.ts";
import type { Entry } from "./version.ts";
import { instant } from "./wire.ts";

export interface SessionDeps {
  readonly users: Pick<Users, "setAttribute">;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly userInfo: UserInfo;
}

export function sessionMethods(deps: SessionDeps): Record<string, RpcMethod> {
  const { tokens, users, userInfo } = deps;
  return {
    "auth.logout": method(
      "any",
      "End this session",
      [],
      async ({ connection }) => {
        await connection.signOut();
        return true;
      },
      { endsCaller: true },
    ),
    "auth.me": method("any", "Who I am and what I may", [], (call) =>
      userInfo(call.caller, sessionOf(call).credential),
    ),
    "auth.set_attribute": method(
      "any",
      "Keep a value of one's own",
      [param("key", text({ min: 1 })), param("value", anything)],
      async ({ caller }, name, value) => {
        await users.setAttribute(caller, name, value);
        return null;
      },
    ),
    "auth.generate_token": method(
      "any",
      "Make a token for further connections",
      [
        param("ttl", integer.min(1).max(TOKEN_TTL_SECONDS_MAX).nullable().default(LIFETIME_SECONDS)),
        param("attrs", dictionary.default({})),
        param("match_origin", flag.default(true)),
        param("single_use", flag.default(false)),
      ],
      (call, ttl, attributes, matchOrigin, singleUse) => {
        const ttlSeconds = ttl ?? LIFETIME_SECONDS;
        const options = { ttlSeconds, attributes, matchOrigin, singleUse, call: call.caller.call };
        return tokens.generate(sessionOf(call), options);
      },
      { audit: () => TOKEN_DESCRIPTION },
    ),
    "auth.generate_onetime_password": method(
      ["ACCOUNT_WRITE"],
      "Make a one-time password: not configured here",
      [param("data", z.strictObject({ username: text() }))],
      () => refuseUnconfigured("One-time passwords are not configured."),
      { audit: () => "Generate one-time password" },
    ),
    "auth.twofactor.config": method("any", "Settings of the second factor", [], () => NO_SECOND_FACTOR),
    "auth.twofactor.update": method(
      ["FULL_ADMIN"],
      "Change settings of the second factor: not configured here",
      [param("auth_twofactor_update", dictionary)],
      () => refuseUnconfigured("Two-factor authentication is not configured."),
    ),
    ...listMethods(deps),
  };
}

function listMethods({ sessions }: SessionDeps): Record<string, RpcMethod> {
  return {
    "auth.sessions": method(
      ["AUTH_SESSIONS_READ"],
      "Who is signed in",
      [filtersParam, optionsParam],
      ({ caller, connection, version }, condition, options) => {
        const listed = sessions
          .list(caller)
          .map((session) => sessionEntry(session, session.id === connection.session?.id))
          .map((entry) => ({ entry: version.sessionEntry(entry), record: forMatching(entry) }))
          .filter(({ record }) => matches(condition, record));
        if (options.orderBy.length > 0) {
          const compare = compareByOrder(options.orderBy);
          listed.sort((a, b) => compare(a.record, b.record));
        }
        const entries = listed.map(({ entry }) => entry);
        return applyOptions(entries, { ...options, orderBy: [] });
      },
    ),
    "auth.terminate_session": method(
      ["AUTH_SESSIONS_WRITE"],
      "End a session",
      [param("id", text())],
      ({ caller }, id) => sessions.terminate(caller, id),
    ),
    "auth.terminate_other_sessions": method(
      ["AUTH_SESSIONS_WRITE"],
      "End all sessions but this one",
      [],
      async (call) => {
        await sessions.terminateOthers(call.caller);
        return true;
      },
    ),
  };
}

export function sessionEntry(session: Session, isCurrent: boolean): Entry {
  const { credential, origin } = session;
  return {
    id: session.id,
    current: isCurrent,
    internal: false,
    origin: originText(session),
    credentials: credential.kind,
    credentials_data: credentialData(credential),
    created_at: instant(session.createdAt),
    secure_transport: origin.transport === "secure",
  };
}

function credentialData(credential: Credential): Entry {
  const { username, loginId, loginAt, key, parent } = credential;
  const login = { username, login_id: loginId, login_at: instant(loginAt) };
  if (credential.kind === "TOKEN" && parent) {
    return { parent: { credentials: parent.kind, credentials_data: credentialData(parent) }, ...login };
  }
  return key ? { ...login, api_key: { id: key.id, name: key.name } } : login;
}

function originText({ origin: { address, port } }: Session): string {
  if (address === null) return "UNIX socket";
  const host = address.includes(":") ? `[${address}]` : address;
  return port === null ? host : `${host}:${port}`;
}

/** Filters compare instants as Date. */
function forMatching(entry: Entry): Entry {
  const data = entry.credentials_data as { login_at: { $date: number } };
  return {
    ...entry,
    created_at: new Date((entry.created_at as { $date: number }).$date),
    credentials_data: { ...data, login_at: new Date(data.login_at.$date) },
  };
}

function sessionOf({ connection }: RpcCall): Session {
  if (!connection.session) throw new CallError("EFAULT", "Not a user session");
  return connection.session;
}

const TOKEN_DESCRIPTION = "Generate authentication token for session";
const NO_SECOND_FACTOR = { id: 1, enabled: false, services: { ssh: false }, window: 0 };

function refuseUnconfigured(words: string): never {
  throw new CallError("EOPNOTSUPP", words);
}
