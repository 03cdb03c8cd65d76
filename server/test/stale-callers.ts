/**
 * The table of R31: every operation that writes, at both doors, and what may end its caller while it waits. The tests of
 * it are in `stale-callers.test.ts`; nothing here is computed by the code that judges.
 */
import type { OperationName } from "@chatelaine/contract/operations/operations";
import { PASSWORD } from "./installation.ts";

/** What is waited for between the judgement of the request and its transaction. */
export const MOMENTS = {
  body: "the body, which is held back",
  hash: "the hash of a password",
  derivation: "the derivation of a key",
  lock: "the write lock, which another process holds",
} as const;
export type Moment = keyof typeof MOMENTS;

export const ENDS = [
  "key revoked",
  "key paused",
  "key expired",
  "key reset",
  "user locked",
  "user demoted",
  "user deleted",
  "user limited",
  "session ended",
  "password changed",
] as const;
export type End = (typeof ENDS)[number];

/** By what the caller comes. */
export const CREDENTIALS = ["key", "browser", "socket by key", "socket by password"] as const;
export type CredentialName = (typeof CREDENTIALS)[number];
export type ApiKind = "REST" | "JSON-RPC";

export const doorOf = (credential: CredentialName): ApiKind =>
  credential.startsWith("socket") ? "JSON-RPC" : "REST";

/** `ended`: 401 `credential_ended`, errno 207. `less`: 403 `forbidden`, errno 13. `done`: it goes on. Else why there is no such cell. */
export type Expected = "ended" | "less" | "done" | { readonly none: string };

const NO_KEY = { none: "comes by no key" };

export const EXPECTED: Readonly<Record<End, Readonly<Record<CredentialName, Expected>>>> = {
  "key revoked": { key: "ended", browser: NO_KEY, "socket by key": "ended", "socket by password": NO_KEY },
  "key paused": { key: "ended", browser: NO_KEY, "socket by key": "ended", "socket by password": NO_KEY },
  "key expired": { key: "ended", browser: NO_KEY, "socket by key": "ended", "socket by password": NO_KEY },
  "key reset": { key: "ended", browser: NO_KEY, "socket by key": "ended", "socket by password": NO_KEY },
  "user locked": { key: "ended", browser: "ended", "socket by key": "ended", "socket by password": "ended" },
  // Who loses a right loses all sessions; the key lives on with less.
  "user demoted": { key: "less", browser: "ended", "socket by key": "ended", "socket by password": "ended" },
  "user deleted": { key: "ended", browser: "ended", "socket by key": "ended", "socket by password": "ended" },
  // Limits of a user bind what they make, too.
  "user limited": { key: "less", browser: "less", "socket by key": "less", "socket by password": "less" },
  "session ended": {
    key: { none: "has no session: each request shows its key" },
    browser: "ended",
    "socket by key": "ended",
    "socket by password": "ended",
  },
  // A key lives on; sessions that were opened with it do not.
  "password changed": {
    key: "done",
    browser: "ended",
    "socket by key": "ended",
    "socket by password": "ended",
  },
};

/** Why an operation is never in a moment; where a moment is missing here the flags of the row say it. */
export const NO_MOMENT: Readonly<Record<ApiKind, Partial<Record<Moment, string>>>> = {
  REST: {},
  "JSON-RPC": { body: "a frame is there as a whole, or not at all" },
};

/** What acts are aimed at. Those of refused acts are the same for all; an act that goes on has its own. */
export interface Targets {
  /** The number of a key. */
  key(state?: "paused"): Promise<number>;
  user(state?: "locked"): Promise<{ readonly id: number; readonly username: string }>;
  /** The name of a group, and of one who is in it. */
  group(): Promise<{ readonly name: string; readonly member: string }>;
  /** The id of the session of somebody's browser, or socket. */
  session(of: "browser" | "socket"): Promise<string>;
  /** Differs each time. */
  fresh(): string;
  readonly victim: string;
  /** Text of a key, for operations that are given one. */
  readonly keyText: string;
}

export const NEW_PASSWORD = "quite another password";

export interface RestRow {
  readonly operation: OperationName;
  /** Of several rows for one operation. */
  readonly variant?: string;
  readonly by?: "key" | "browser";
  readonly waitsFor?: "hash" | "derivation";
  /** Reads, but is told what only the caller of then may be told. */
  readonly isRead?: true;
  /** Where it goes on it ends what others come by. */
  readonly isAlone?: true;
  params?(targets: Targets): Promise<Readonly<Record<string, string | number>>>;
  body?(targets: Targets): unknown;
}

const ofKey = { params: async (targets: Targets) => ({ id: await targets.key() }) };
const ofUser = { params: async (targets: Targets) => ({ name: (await targets.user()).username }) };
const ofGroup = { params: async (targets: Targets) => ({ name: (await targets.group()).name }) };

export const REST_ROWS: readonly RestRow[] = [
  {
    operation: "keys.create",
    waitsFor: "derivation",
    body: (targets) => ({ name: targets.fresh(), username: targets.victim }),
  },
  { operation: "keys.update", ...ofKey, body: (targets) => ({ description: targets.fresh() }) },
  { operation: "keys.reset", waitsFor: "derivation", ...ofKey, body: () => ({}) },
  { operation: "keys.pause", ...ofKey },
  { operation: "keys.resume", params: async (targets) => ({ id: await targets.key("paused") }) },
  { operation: "keys.revoke", ...ofKey, body: () => ({ reason: "left" }) },
  { operation: "keys.remove", ...ofKey },
  {
    operation: "keys.revokeMany",
    body: async (targets: Targets) => ({ ids: [await targets.key()], reason: "left" }),
  },
  {
    operation: "keys.scram",
    isRead: true,
    waitsFor: "derivation",
    body: ({ keyText }) => ({ key: keyText }),
  },
  { operation: "self.reset", by: "key", isAlone: true, waitsFor: "derivation", body: () => ({}) },
  { operation: "self.revoke", by: "key", isAlone: true, body: () => ({ reason: "left" }) },
  {
    operation: "users.create",
    waitsFor: "hash",
    body: (targets) => ({ username: targets.fresh(), roles: ["FULL_ADMIN"], password: NEW_PASSWORD }),
  },
  { operation: "users.update", ...ofUser, body: (targets) => ({ full_name: targets.fresh() }) },
  { operation: "users.setPassword", waitsFor: "hash", ...ofUser, body: () => ({ password: NEW_PASSWORD }) },
  {
    operation: "users.setPassword",
    variant: "of oneself",
    by: "browser",
    waitsFor: "hash",
    isAlone: true,
    params: async ({ victim }) => ({ name: victim }),
    body: () => ({ password: NEW_PASSWORD, current_password: PASSWORD }),
  },
  { operation: "users.lock", ...ofUser },
  {
    operation: "users.unlock",
    params: async (targets) => ({ name: (await targets.user("locked")).username }),
  },
  { operation: "users.remove", ...ofUser },
  {
    operation: "groups.create",
    body: (targets) => ({ name: targets.fresh(), roles: ["KEY_HOLDER"], scopes: [] }),
  },
  { operation: "groups.update", ...ofGroup, body: () => ({ scopes: ["dns:read"] }) },
  { operation: "groups.remove", ...ofGroup },
  {
    operation: "groups.addMember",
    params: async (targets) => ({
      name: (await targets.group()).name,
      username: (await targets.user()).username,
    }),
  },
  {
    operation: "groups.removeMember",
    params: async (targets) => {
      const { name, member } = await targets.group();
      return { name, username: member };
    },
  },
  { operation: "sessions.remove", params: async (targets) => ({ id: await targets.session("browser") }) },
  { operation: "sessions.removeOthers", isAlone: true },
  {
    operation: "me.setAttribute",
    by: "browser",
    params: async (targets) => ({ name: targets.fresh() }),
    body: () => ({ value: 1 }),
  },
  { operation: "settings.update", body: () => ({ docs: "open" }) },
  { operation: "webhook.test" },
];

/** Operations that change something, but not by the word of a caller who could have ended. */
export const NOT_BY_CALLER: Readonly<Partial<Record<OperationName, string>>> = {
  "session.create": "who signs in has no credential yet: the password is looked at again in its transaction",
  "session.remove": "ends the session that is shown, which needs no right",
  "setup.create": "by the one-time link, which its transaction spends",
  "keys.verify": "reads; its caller is judged again when the body is there (stale-readers.test.ts)",
};

export interface RpcRow {
  readonly method: string;
  readonly variant?: string;
  readonly waitsFor?: "hash" | "derivation";
  readonly isRead?: true;
  readonly isAlone?: true;
  readonly by?: "socket by password";
  params(targets: Targets): Promise<readonly unknown[]> | readonly unknown[];
}

const newUser = (targets: Targets) => ({
  username: targets.fresh(),
  full_name: "New",
  roles: ["FULL_ADMIN"],
});

export const RPC_ROWS: readonly RpcRow[] = [
  {
    method: "api_key.create",
    waitsFor: "derivation",
    params: (targets) => [{ name: targets.fresh(), username: targets.victim }],
  },
  { method: "api_key.update", params: async (targets) => [await targets.key(), { name: targets.fresh() }] },
  {
    method: "api_key.update",
    variant: "reset",
    waitsFor: "derivation",
    params: async (targets) => [await targets.key(), { reset: true }],
  },
  { method: "api_key.delete", params: async (targets) => [await targets.key()] },
  {
    method: "api_key.convert_raw_key",
    isRead: true,
    waitsFor: "derivation",
    params: ({ keyText }) => [keyText],
  },
  { method: "user.create", params: (targets) => [{ ...newUser(targets), password_disabled: true }] },
  {
    method: "user.create",
    variant: "password",
    waitsFor: "hash",
    params: (targets) => [{ ...newUser(targets), password: NEW_PASSWORD }],
  },
  {
    method: "user.update",
    params: async (targets) => [(await targets.user()).id, { full_name: targets.fresh() }],
  },
  {
    method: "user.update",
    variant: "password",
    waitsFor: "hash",
    params: async (targets) => [(await targets.user()).id, { password: NEW_PASSWORD }],
  },
  {
    method: "user.set_password",
    waitsFor: "hash",
    params: async (targets) => [{ username: (await targets.user()).username, new_password: NEW_PASSWORD }],
  },
  {
    method: "user.set_password",
    variant: "of oneself",
    by: "socket by password",
    waitsFor: "hash",
    isAlone: true,
    params: ({ victim }) => [{ username: victim, old_password: PASSWORD, new_password: NEW_PASSWORD }],
  },
  { method: "user.delete", params: async (targets) => [(await targets.user()).id] },
  { method: "auth.generate_token", params: () => [600, {}, true, true] },
  { method: "auth.set_attribute", params: (targets) => [targets.fresh(), 1] },
  { method: "auth.terminate_session", params: async (targets) => [await targets.session("socket")] },
  { method: "auth.terminate_other_sessions", isAlone: true, params: () => [] },
];

/** Methods that write nothing, or nothing by the word of a caller who could have ended. */
export const RPC_OTHERS: Readonly<Record<string, string>> = {
  "auth.login": "signs in",
  "auth.login_ex": "signs in",
  "auth.login_ex_continue": "signs in",
  "auth.login_with_api_key": "signs in",
  "auth.login_with_token": "signs in",
  "auth.logout": "ends the session that calls, which needs no right",
  "auth.generate_onetime_password": "is refused: there are none here",
  "auth.twofactor.update": "is refused: there is no second factor here",
  "core.set_options": "says how this socket is answered",
  "core.subscribe": "of this socket; each event is judged when it is sent (stale-readers.test.ts)",
  "core.unsubscribe": "of this socket",
  ...Object.fromEntries(
    [
      ...["core.ping", "core.get_jobs", "core.get_methods", "core.get_services", "privilege.roles"],
      ...["auth.mechanism_choices", "auth.me", "auth.twofactor.config", "auth.sessions"],
      ...["api_key.query", "api_key.get_instance", "api_key.my_keys", "user.query", "user.get_instance"],
      ...["audit.query", "alert.list"],
    ].map((method) => [method, "reads"]),
  ),
};
