/**
 * What the documentation says of each method beside its parameters: since when it is there, what it answers with, and what
 * may go wrong. Held to real answers of every method in every version by `dialect-results.test.ts`.
 */
import { ROLES } from "@chatelaine/contract/roles";
import { z } from "zod";
import type { Errname } from "../http/errors.ts";
import type { Version } from "./version.ts";

export interface MethodFacts {
  /** The first version that has it. */
  readonly since: string;
  result(version: Version): z.ZodType;
  /** Beyond what every method of its kind may answer. */
  readonly errors?: readonly Failure[];
  /** It writes: a full disk stops it. */
  readonly writes?: boolean;
}

export interface Failure {
  readonly code: -32602 | -32001 | -32000;
  readonly errname: Errname | null;
  readonly when: string;
}

const FIRST = "v25.04.0";
const MASKED = "Base64; `********` for those who lack API_KEY_WRITE.";

const Instant = z
  .strictObject({ $date: z.int() })
  .describe("An instant: milliseconds since the epoch, UTC, in whole seconds.");
const InstantOrNull = Instant.nullable();
const roleNames = z.array(z.enum(ROLES));

const keyMembers = {
  id: z.int(),
  name: z.string(),
  username: z.string(),
  user_identifier: z.int().describe("The owner's number."),
  created_at: Instant,
  expires_at: InstantOrNull.describe("null: never."),
  local: z.literal(true),
  revoked: z.boolean().describe("Also of a paused key."),
};
const scramMembers = {
  iterations: z.int(),
  salt: z.string().describe(MASKED),
  stored_key: z.string().describe(MASKED),
  server_key: z.string().describe(MASKED),
};

/** A key's entry, as this version shows it. */
export function keyResult({ name, hasScram }: Version): z.ZodObject {
  return z.strictObject({
    ...keyMembers,
    ...(name !== FIRST && { revoked_reason: z.string().nullable() }),
    ...(hasScram && scramMembers),
  });
}

function freshKey(version: Version): z.ZodObject {
  return keyResult(version).extend({
    key: z.string().describe("The key itself, this once."),
    ...(version.hasScram && { client_key: z.string().describe("For a key file. Base64.") }),
  });
}

/** A user's entry, as this version shows it. */
export function userResult({ hasScram }: Version): z.ZodObject {
  const never = z.null();
  return z.strictObject({
    id: z.int(),
    uid: z.int(),
    username: z.string(),
    full_name: z.string(),
    email: z.string().nullable(),
    group: z.strictObject({
      id: z.int(),
      bsdgrp_gid: z.int(),
      bsdgrp_group: z.string(),
      bsdgrp_builtin: z.literal(false),
      bsdgrp_smb: z.literal(false),
      bsdgrp_sudo_commands: z.array(z.string()),
      bsdgrp_sudo_commands_nopasswd: z.array(z.string()),
    }),
    groups: z.array(z.int()),
    roles: roleNames.describe("Their own and those of their groups."),
    api_keys: z.array(z.int()).describe("Numbers of their keys."),
    locked: z.boolean(),
    password_disabled: z.boolean(),
    last_password_change: InstantOrNull,
    unixhash: z.string(),
    smbhash: z.string(),
    home: z.string(),
    shell: z.string(),
    builtin: z.literal(false),
    smb: z.literal(false),
    ...(hasScram && { webshare: z.literal(false) }),
    userns_idmap: never,
    ssh_password_enabled: z.literal(false),
    sshpubkey: never,
    sudo_commands: z.array(z.string()),
    sudo_commands_nopasswd: z.array(z.string()),
    local: z.literal(true),
    immutable: z.literal(false),
    twofactor_auth_configured: z.boolean(),
    sid: never,
    password_age: never,
    password_history: never,
    password_change_required: z.literal(false),
  });
}

const members = z.record(z.string(), z.unknown());

/** A session's entry, as this version shows it. */
export function sessionResult(_version: Version): z.ZodObject {
  return z.strictObject({
    id: z.string(),
    current: z.boolean(),
    internal: z.literal(false),
    origin: z.string(),
    credentials: z.string(),
    credentials_data: members.describe("Who, how and when; `login_id` since v25.10.0."),
    created_at: Instant,
    secure_transport: z.boolean(),
  });
}

/** What a `query` method answers, by its options. */
function queried(entry: z.ZodObject): z.ZodType {
  return z
    .union([
      z.array(entry),
      z.int(),
      entry,
      z.array(members).describe("With `select`: the members asked for."),
      members,
    ])
    .describe("A list; with `count` a number, with `get` the first that matches.");
}

const userInfo = z.strictObject({
  pw_name: z.string(),
  pw_gecos: z.string(),
  pw_dir: z.string(),
  pw_shell: z.string(),
  pw_uid: z.int(),
  pw_gid: z.int(),
  grouplist: z.null(),
  sid: z.null(),
  source: z.literal("LOCAL"),
  local: z.literal(true),
  attributes: members,
  two_factor_config: members,
  privilege: z.strictObject({
    roles: z.strictObject({ $set: roleNames }),
    allowlist: z.array(z.strictObject({ method: z.string(), resource: z.string() })),
    web_shell: z.literal(false),
    webui_access: z.boolean(),
  }),
  account_attributes: z.array(z.string()),
});

function signInResult({ hasScram, hasReconnectToken }: Version): z.ZodType {
  const success = z.strictObject({
    response_type: z.literal("SUCCESS"),
    user_info: userInfo.nullable(),
    authenticator: z.literal("LEVEL_1"),
    ...(hasReconnectToken && { reconnect_token: z.string().nullable() }),
  });
  const refused = z.strictObject({
    response_type: z.enum(hasScram ? ["AUTH_ERR", "EXPIRED", "DENIED"] : ["AUTH_ERR", "EXPIRED"]),
  });
  const scram = z.strictObject({
    response_type: z.literal("SCRAM_RESPONSE"),
    scram_type: z.enum(["SERVER_FIRST_RESPONSE", "SERVER_FINAL_RESPONSE"]),
    rfc_str: z.string(),
    user_info: userInfo.nullable(),
  });
  return hasScram ? z.union([success, refused, scram]) : z.union([success, refused]);
}

const auditRecord = z.strictObject({
  audit_id: z.string(),
  message_timestamp: z.int().describe("Seconds since the epoch."),
  timestamp: Instant,
  address: z.string().nullable(),
  username: z.string().nullable(),
  session: z.string().nullable(),
  service: z.literal("MIDDLEWARE"),
  service_data: members,
  event: z.enum(["METHOD_CALL", "AUTHENTICATION", "LOGOUT"]),
  event_data: members,
  success: z.boolean(),
});

const alert = z.strictObject({
  uuid: z.string(),
  id: z.string(),
  source: z.string(),
  klass: z.string(),
  level: z.string(),
  args: members,
  key: z.string(),
  node: z.string(),
  datetime: Instant,
  last_occurrence: Instant,
  dismissed: z.boolean(),
  mail: z.null(),
  text: z.string(),
  formatted: z.string(),
  one_shot: z.boolean(),
});

const role = z.strictObject({
  name: z.enum(ROLES),
  title: z.string(),
  includes: roleNames,
  builtin: z.boolean(),
  stig: z.null(),
});

const keyFile = z.strictObject({
  api_key_id: z.int(),
  iterations: z.int(),
  salt: z.string(),
  client_key: z.string(),
  stored_key: z.string(),
  server_key: z.string(),
});

const invalid = (when: string): Failure => ({ code: -32602, errname: "EINVAL", when });
const absent = (what: string): Failure => ({
  code: -32602,
  errname: "ENOENT",
  when: `There is no ${what} of this number, or you may not see it`,
});
const failed = (errname: Errname, when: string): Failure => ({ code: -32001, errname, when });

const NO_MATCH = failed("EINVAL", "With `get`: nothing matches (`MatchNotFound()`)");
const BAD_QUERY = invalid("A filter or an option is not of the query language");
const NOT_YOURS = failed(
  "EACCES",
  "The key is another's, or it has or would have rights, an end, a rate or addresses beyond yours",
);
const BEYOND_YOURS = failed(
  "EACCES",
  "The user has, or would have, rights that you lack; or your key is held to limits and may not manage sign-in",
);
const IN_CLEAR = failed(
  "EOPNOTSUPP",
  "A password or token in clear text from another machine, which the settings do not allow",
);
const CHANGED = failed("EBUSY", "Somebody else changed it meanwhile: read it again");
const LAST_OR_CHANGED = failed(
  "EBUSY",
  "The user is the last full administrator who is not locked, or somebody else changed them meanwhile",
);
const FIXED = (name: string): Failure => failed("EOPNOTSUPP", `${name} is not configured on this server`);
const TOO_OFTEN = failed("EBUSY", "Too many guesses at this account or from this network: wait");

const key = { errors: [absent("key")] };
const query = { errors: [BAD_QUERY, NO_MATCH] };
const always = (schema: z.ZodType) => () => schema;

export const FACTS: Readonly<Record<string, MethodFacts>> = {
  "core.ping": { since: FIRST, result: always(z.literal("pong")) },
  "core.set_options": {
    since: FIRST,
    result: ({ name }) =>
      name === FIRST
        ? z.null()
        : z.strictObject({
            legacy_jobs: z.boolean(),
            private_methods: z.boolean(),
            py_exceptions: z.boolean(),
          }),
  },
  "core.subscribe": {
    since: FIRST,
    result: always(z.uuid().describe("Number of the subscription.")),
    errors: [
      invalid("There is no such event"),
      failed("EACCES", "You lack the role that the event needs"),
      failed("EBUSY", "This connection has 100 subscriptions"),
    ],
  },
  "core.unsubscribe": { since: FIRST, result: always(z.null()) },
  "core.get_jobs": { since: FIRST, result: always(queried(z.strictObject({}))), ...query },
  "core.get_methods": { since: FIRST, result: always(z.record(z.string(), members)) },
  "core.get_services": {
    since: FIRST,
    result: always(
      z.record(z.string(), z.strictObject({ type: z.enum(["crud", "service"]), config: members })),
    ),
  },
  "privilege.roles": { since: FIRST, result: always(queried(role)), ...query },
  "auth.mechanism_choices": {
    since: FIRST,
    result: ({ hasScram }) =>
      z.array(z.enum(["API_KEY_PLAIN", "TOKEN_PLAIN", "PASSWORD_PLAIN", ...(hasScram ? ["SCRAM"] : [])])),
  },
  "auth.login_ex": {
    since: FIRST,
    result: signInResult,
    errors: [
      TOO_OFTEN,
      IN_CLEAR,
      failed("EFAULT", "SCRAM: a final message without a first one on this connection"),
      failed("EINVAL", "OTP_TOKEN: no second factor is waited for"),
    ],
  },
  "auth.login_ex_continue": {
    since: FIRST,
    result: signInResult,
    errors: [failed("EINVAL", "Always: no second factor is waited for")],
  },
  "auth.login": { since: FIRST, result: always(z.boolean()), errors: [TOO_OFTEN, IN_CLEAR] },
  "auth.login_with_api_key": { since: FIRST, result: always(z.boolean()), errors: [TOO_OFTEN] },
  "auth.login_with_token": { since: FIRST, result: always(z.boolean()), errors: [TOO_OFTEN, IN_CLEAR] },
  "auth.logout": { since: FIRST, result: always(z.literal(true)) },
  "auth.me": { since: FIRST, result: always(userInfo) },
  "auth.set_attribute": {
    since: FIRST,
    result: always(z.null()),
    writes: true,
    errors: [invalid("The values together are too long")],
  },
  "auth.generate_token": { since: FIRST, result: always(z.string()), errors: [IN_CLEAR] },
  "auth.generate_onetime_password": {
    since: FIRST,
    result: always(z.string()),
    errors: [FIXED("A one-time password")],
  },
  "auth.twofactor.config": {
    since: FIRST,
    result: always(
      z.strictObject({ id: z.int(), enabled: z.literal(false), services: members, window: z.int() }),
    ),
  },
  "auth.twofactor.update": { since: FIRST, result: always(members), errors: [FIXED("A second factor")] },
  "auth.sessions": { since: FIRST, result: (version) => queried(sessionResult(version)), ...query },
  "auth.terminate_session": {
    since: FIRST,
    result: always(z.boolean().describe("false: there was none.")),
  },
  "auth.terminate_other_sessions": { since: FIRST, result: always(z.literal(true)) },
  "api_key.query": { since: FIRST, result: (version) => queried(keyResult(version)), ...query },
  "api_key.get_instance": { since: FIRST, result: keyResult, ...key },
  "api_key.my_keys": { since: FIRST, result: (version) => z.array(keyResult(version)) },
  "api_key.create": {
    since: FIRST,
    result: freshKey,
    writes: true,
    errors: [
      invalid("The name is taken, the owner does not exist or has no role, or the end is in the past"),
      invalid("The end is later than this server's policy or the owner's ceiling allows"),
      NOT_YOURS,
      failed("EPERM", "The owner has as many keys as a user may have"),
    ],
  },
  "api_key.update": {
    since: FIRST,
    result: (version) =>
      z.union([freshKey(version), keyResult(version)]).describe("With `key` where it was reset."),
    writes: true,
    errors: [
      ...key.errors,
      invalid("The name is taken, or the end is in the past; a reset of an expired key needs a new end"),
      NOT_YOURS,
      CHANGED,
    ],
  },
  "api_key.delete": {
    since: FIRST,
    result: always(z.literal(true)),
    writes: true,
    errors: [...key.errors, NOT_YOURS, CHANGED],
  },
  "api_key.convert_raw_key": {
    since: "v26.0.0",
    result: always(keyFile),
    errors: [invalid("That is no key's text, there is no such key, or it is revoked")],
  },
  "user.query": { since: FIRST, result: (version) => queried(userResult(version)), ...query },
  "user.get_instance": { since: FIRST, result: userResult, errors: [absent("user")] },
  "user.create": {
    since: FIRST,
    result: userResult,
    writes: true,
    errors: [
      invalid("The name is taken, the password is weak, or a group does not exist"),
      BEYOND_YOURS,
      IN_CLEAR,
    ],
  },
  "user.update": {
    since: FIRST,
    result: userResult,
    writes: true,
    errors: [
      absent("user"),
      invalid("The name is taken, the password is weak, or a group does not exist"),
      BEYOND_YOURS,
      failed("EACCES", "The password is your own: `user.set_password` changes it"),
      IN_CLEAR,
      LAST_OR_CHANGED,
    ],
  },
  "user.set_password": {
    since: FIRST,
    result: always(z.null()),
    writes: true,
    errors: [
      invalid("`old_password` is not your password, the new one is weak, or the user does not exist"),
      failed("EACCES", "A key asks for its owner's password"),
      failed("EACCES", "The user is another and you lack ACCOUNT_WRITE (`Not authorized`)"),
      BEYOND_YOURS,
      IN_CLEAR,
      TOO_OFTEN,
      LAST_OR_CHANGED,
    ],
  },
  "user.delete": {
    since: FIRST,
    result: always(z.int().describe("Their number.")),
    writes: true,
    errors: [absent("user"), failed("EACCES", "The user has rights that you lack"), LAST_OR_CHANGED],
  },
  "audit.query": { since: FIRST, result: always(queried(auditRecord)), ...query },
  "alert.list": { since: FIRST, result: always(z.array(alert)) },
};
