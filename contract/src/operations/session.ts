import { z } from "zod";
import {
  ATTRIBUTE_NAME_CHARS_MAX,
  EMAIL_CHARS_MAX,
  FULL_NAME_CHARS_MAX,
  PASSWORD_BYTES_MAX,
  SECRET_CHARS_MAX,
  USERNAME_CHARS_MAX,
  UUID_CHARS_MAX,
} from "../limits.ts";
import { ROLES } from "../roles.ts";
import { Instant } from "./instant-schema.ts";
import { EXAMPLE_RECEIPT, operation, Receipt } from "./operation.ts";
import { EXAMPLE_USER, Password, User, Username } from "./users.ts";

export const KeyPolicy = z
  .strictObject({
    key_days_max: z.int().nullable().describe("Longest life of a key that ends, in days; null: none."),
    non_expiring_keys: z.boolean().describe("Whether keys that never expire may be made at all."),
    non_expiring_roles: z
      .array(z.enum(ROLES))
      .nullable()
      .describe("Who may make them: holders of one of these; null: anyone who may make keys."),
    may_make_non_expiring: z.boolean().describe("Whether the caller may."),
  })
  .describe("How long keys may live. A key that breaks it is refused with the issue `policy`.")
  .meta({ id: "KeyPolicy" });

export const Me = z
  .strictObject({
    user: z.strictObject({
      id: z.int(),
      username: z.string(),
      full_name: z.string(),
      email: z.string().nullable(),
      groups: z.array(z.string()),
      has_password: z.boolean(),
      attributes: z.record(z.string(), z.unknown()).describe("What the user's screens remember."),
    }),
    roles: z
      .array(z.enum(ROLES))
      .describe("As they hold now, expanded; narrowed by the key where one signed in."),
    scopes: z.array(z.string()),
    key: z.strictObject({ id: z.int(), name: z.string(), expires_at: Instant.nullable() }).nullable(),
    session: z
      .strictObject({
        id: z.string(),
        idle_ends_at: Instant.describe("Moves with every request."),
        ends_at: Instant,
      })
      .nullable()
      .describe("The browser session; null for a key."),
    key_policy: KeyPolicy,
    public_url: z.string().nullable().describe("Origin of this server as clients see it, where one is set."),
    may: z.array(z.string()).describe("Names of the operations that the caller may call."),
  })
  .meta({ id: "Me" });

export const Session = z
  .strictObject({
    id: z.string(),
    current: z.boolean(),
    kind: z
      .enum(["browser", "connection", "token"])
      .describe("`token`: nobody is signed in by it yet, or others still may be: it waits to be used."),
    username: z.string(),
    credentials: z.enum(["LOGIN_PASSWORD", "API_KEY", "TOKEN"]),
    key: z.strictObject({ id: z.int(), name: z.string() }).nullable(),
    address: z.string().nullable(),
    client: z.string().nullable(),
    secure: z.boolean(),
    created_at: Instant,
  })
  .meta({ id: "Session" });

const EXAMPLE_ME = {
  user: {
    id: 1,
    username: "ada",
    full_name: "Ada",
    email: null,
    groups: [],
    has_password: true,
    attributes: {},
  },
  roles: ["FULL_ADMIN", "READONLY_ADMIN"],
  scopes: ["*"],
  key: null,
  session: {
    id: "3f0c8a4e-7f41-4f37-9a51-0a4b0e4d9f57",
    idle_ends_at: "2026-01-31T11:00:00.000Z",
    ends_at: "2026-02-01T10:00:00.000Z",
  },
  key_policy: {
    key_days_max: 365,
    non_expiring_keys: true,
    non_expiring_roles: ["FULL_ADMIN"],
    may_make_non_expiring: true,
  },
  public_url: null,
  may: ["keys.list", "keys.create"],
};
const EXAMPLE_SESSION = {
  id: EXAMPLE_ME.session.id,
  current: true,
  kind: "browser",
  username: "ada",
  credentials: "LOGIN_PASSWORD",
  key: null,
  address: "127.0.0.1",
  client: "Mozilla/5.0",
  secure: true,
  created_at: "2026-01-31T10:00:00.000Z",
};

export const sessionOperations = {
  "session.get": operation({
    name: "session.get",
    method: "GET",
    path: "/session",
    group: "Sessions",
    title: "Who am I, and what may I",
    words: 'A visitor gets `{"user": null}`.',
    access: { kind: "anyone" },
    output: z.union([Me, z.strictObject({ user: z.null() })]).meta({ id: "WhoAmI" }),
    status: 200,
    errors: [],
    example: { output: EXAMPLE_ME },
    rpc: "auth.me",
    since: "0.1.0",
  }),
  "session.create": operation({
    name: "session.create",
    method: "POST",
    path: "/session",
    group: "Sessions",
    title: "Sign in",
    words:
      "By user name and password, for browsers: the answer sets a cookie that scripts cannot read. Whatever session the browser had before ends. Guessing is slowed for each account and network.",
    access: { kind: "anyone" },
    body: z
      .strictObject({
        username: z.string().min(1).max(USERNAME_CHARS_MAX),
        password: z.string().min(1).max(PASSWORD_BYTES_MAX),
      })
      .meta({ id: "SignIn" }),
    output: Me,
    status: 200,
    errors: ["role_missing"],
    example: { body: { username: "ada", password: "three words in a row" }, output: EXAMPLE_ME },
    rpc: "auth.login_ex",
    since: "0.1.0",
  }),
  "session.remove": operation({
    name: "session.remove",
    method: "DELETE",
    path: "/session",
    group: "Sessions",
    title: "Sign out",
    words:
      "Ends the browser session of the cookie and takes the cookie away. Does nothing where there is none.",
    access: { kind: "anyone" },
    output: z.strictObject({ user: z.null() }),
    status: 200,
    errors: [],
    example: { output: { user: null } },
    rpc: "auth.logout",
    since: "0.1.0",
  }),
  "sessions.list": operation({
    name: "sessions.list",
    method: "GET",
    path: "/sessions",
    group: "Sessions",
    title: "List sessions",
    words:
      "Who is signed in: browsers, open connections of this process, and tokens that wait to open further connections. An address, client and moment are those of the sign-in; for a token, of the session that made it.",
    access: { kind: "roles", anyOf: ["AUTH_SESSIONS_READ"] },
    output: z.strictObject({ entries: z.array(Session), total: z.int() }),
    status: 200,
    errors: [],
    example: { output: { entries: [EXAMPLE_SESSION], total: 1 } },
    rpc: "auth.sessions",
    since: "0.1.0",
  }),
  "sessions.remove": operation({
    name: "sessions.remove",
    method: "DELETE",
    path: "/sessions/{id}",
    group: "Sessions",
    title: "End a session",
    words:
      "Its next request is refused; an open connection is closed. With it end the tokens that it made, and whatever they opened, in every process. By the id of a token, the token ends, and what it opened.",
    access: { kind: "roles", anyOf: ["AUTH_SESSIONS_WRITE"] },
    params: z.strictObject({ id: z.string().max(UUID_CHARS_MAX) }),
    output: z.strictObject({ id: z.string(), receipt: Receipt }),
    status: 200,
    errors: [],
    example: {
      params: { id: EXAMPLE_SESSION.id },
      output: { id: EXAMPLE_SESSION.id, receipt: EXAMPLE_RECEIPT },
    },
    rpc: "auth.terminate_session",
    since: "0.1.0",
  }),
  "sessions.removeOthers": operation({
    name: "sessions.removeOthers",
    method: "DELETE",
    path: "/sessions",
    group: "Sessions",
    title: "End all other sessions",
    words:
      "All but the caller's own: browsers, connections in every process, and all tokens that wait to be used.",
    access: { kind: "roles", anyOf: ["AUTH_SESSIONS_WRITE"] },
    output: z.strictObject({ receipt: Receipt }),
    status: 200,
    errors: [],
    example: { output: { receipt: EXAMPLE_RECEIPT } },
    rpc: "auth.terminate_other_sessions",
    since: "0.1.0",
  }),
  "me.setAttribute": operation({
    name: "me.setAttribute",
    method: "PUT",
    path: "/me/attributes/{name}",
    group: "Sessions",
    title: "Remember something for my screens",
    words: "Any JSON, 64 KiB of it for a user in all; read back under `user.attributes` of the session.",
    access: { kind: "signed_in", words: "A session, of whatever role, or a key that is held to nothing." },
    params: z.strictObject({ name: z.string().min(1).max(ATTRIBUTE_NAME_CHARS_MAX) }),
    body: z.strictObject({ value: z.unknown() }),
    output: z.strictObject({ name: z.string(), value: z.unknown() }),
    status: 200,
    errors: ["limit_reached", "conflict"],
    example: {
      params: { name: "keys.columns" },
      body: { value: ["name", "status"] },
      output: { name: "keys.columns", value: ["name", "status"] },
    },
    rpc: "auth.set_attribute",
    since: "0.1.0",
  }),
};

export const setupOperations = {
  "setup.get": operation({
    name: "setup.get",
    method: "GET",
    path: "/setup",
    group: "Setup",
    title: "Whether setup is due",
    words: "True until the first administrator is made.",
    access: { kind: "anyone" },
    output: z.strictObject({ needed: z.boolean() }),
    status: 200,
    errors: [],
    example: { output: { needed: false } },
    since: "0.1.0",
  }),
  "setup.create": operation({
    name: "setup.create",
    method: "POST",
    path: "/setup",
    group: "Setup",
    title: "Make the first administrator",
    words: "With the token of the one-time link that the server printed. Sign in afterwards.",
    access: { kind: "anyone" },
    body: z
      .strictObject({
        token: z.string().min(1).max(SECRET_CHARS_MAX),
        username: Username,
        password: Password,
        full_name: z.string().max(FULL_NAME_CHARS_MAX).optional(),
        email: z.string().max(EMAIL_CHARS_MAX).nullable().optional(),
      })
      .meta({ id: "SetupInput" }),
    output: User,
    status: 201,
    errors: ["conflict"],
    example: {
      body: { token: "the-token-of-the-printed-link", username: "ada", password: "three words in a row" },
      output: {
        ...EXAMPLE_USER,
        id: 1,
        username: "ada",
        full_name: "",
        roles: ["FULL_ADMIN"],
        all_roles: ["FULL_ADMIN"],
        has_password: true,
      },
    },
    since: "0.1.0",
  }),
};
