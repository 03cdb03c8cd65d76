import { z } from "zod";
import {
  ADDRESS_CHARS_MAX,
  ALLOWED_IPS_MAX,
  EMAIL_CHARS_MAX,
  FULL_NAME_CHARS_MAX,
  GRANTED_SCOPES_SENT_MAX,
  LIFETIME_SECONDS_MAX,
  LIFETIME_SECONDS_MIN,
  PASSWORD_BYTES_MAX,
  PASSWORD_CHARS_MIN,
  SCOPE_CHARS_MAX,
  USER_GROUPS_MAX,
  USERNAME,
  USERNAME_CHARS_MAX,
} from "../limits.ts";
import { USER_ORDERS } from "../orders.ts";
import { ROLES } from "../roles.ts";
import { Instant } from "./instant-schema.ts";
import { RateLimit } from "./key-entry.ts";
import { BaseVersion, EXAMPLE_RECEIPT, operation, orderOf, PageQuery, pageOf, Receipt } from "./operation.ts";

export const Username = z
  .string()
  .regex(USERNAME)
  .describe(
    "1 to 32 of `A-Za-z0-9_.-`, beginning with a letter or `_`. Unique without regard to case, and looked up with it.",
  );
export const Roles = z.array(z.enum(ROLES)).max(ROLES.length);
export const Scopes = z
  .array(z.string().max(SCOPE_CHARS_MAX))
  .max(GRANTED_SCOPES_SENT_MAX)
  .describe("What one may do at guarded services: `resource:action`, where each may be `*`; or `*`.");
export const Password = z
  .string()
  .min(1)
  .max(PASSWORD_BYTES_MAX)
  .describe(`At least ${PASSWORD_CHARS_MIN} characters, and not a common one.`);

export const Ceilings = z
  .strictObject({
    allowed_ips: z
      .array(z.string().max(ADDRESS_CHARS_MAX))
      .max(ALLOWED_IPS_MAX)
      .nullable()
      .describe("Each key is good only from here, whatever its own list says."),
    rate_limit: RateLimit.nullable().describe("For all keys together."),
    lifetime_seconds: z
      .int()
      .min(LIFETIME_SECONDS_MIN)
      .max(LIFETIME_SECONDS_MAX)
      .nullable()
      .describe("Longest life of a key, from its making or its last reset."),
  })
  .meta({ id: "Ceilings" });

export const User = z
  .strictObject({
    id: z.int(),
    username: z.string(),
    full_name: z.string(),
    ceilings: Ceilings.nullable().describe("What holds for all keys of the user; null: nothing."),
    email: z.string().nullable(),
    roles: Roles.describe("Granted to the user themselves."),
    scopes: z.array(z.string()).describe("Granted to the user themselves."),
    all_roles: Roles.describe("With what their groups add; not expanded."),
    all_scopes: z.array(z.string()).describe("With what their groups add."),
    groups: z.array(z.string()),
    locked: z.boolean(),
    locked_at: Instant.nullable(),
    has_password: z.boolean(),
    password_changed_at: Instant.nullable(),
    created_at: Instant,
    key_ids: z.array(z.int()).describe("The ids of their keys."),
    version: z.int().describe("Rises with every change of them, and of what their groups add."),
  })
  .meta({ id: "User" });

const fields = {
  full_name: z
    .string()
    .max(FULL_NAME_CHARS_MAX)
    .optional()
    .describe("Kept in Unicode NFC, without a blank at either end."),
  email: z.string().max(EMAIL_CHARS_MAX).nullable().optional(),
  roles: Roles.optional(),
  scopes: Scopes.optional(),
  groups: z.array(Username).max(USER_GROUPS_MAX).optional(),
};
export const UserCreate = z
  .strictObject({
    username: Username,
    ...fields,
    password: Password.optional().describe("Without one the user cannot sign in by password."),
  })
  .meta({ id: "UserCreate" });
export const UserUpdate = z
  .strictObject({
    username: Username.optional(),
    ...fields,
    ceilings: Ceilings.nullable().optional().describe("Nobody sets their own."),
    version: BaseVersion,
  })
  .meta({ id: "UserUpdate" });

const EndedUser = User.extend({ receipt: Receipt }).meta({ id: "EndedUser" });
const byName = z.strictObject({ name: z.string().max(USERNAME_CHARS_MAX).describe("The user name.") });
const readers = { kind: "roles", anyOf: ["ACCOUNT_READ"] } as const;
const writers = { kind: "roles", anyOf: ["ACCOUNT_WRITE"] } as const;

export const EXAMPLE_USER = {
  id: 2,
  username: "build",
  full_name: "Build machine",
  email: null,
  roles: ["KEY_HOLDER"],
  scopes: [],
  all_roles: ["KEY_HOLDER"],
  all_scopes: [],
  groups: [],
  locked: false,
  locked_at: null,
  has_password: false,
  password_changed_at: null,
  ceilings: null,
  created_at: "2026-01-31T10:00:00.000Z",
  key_ids: [],
  version: 1,
};
const EXAMPLE_LOCKED = { ...EXAMPLE_USER, locked: true, locked_at: "2026-02-01T08:30:00.000Z", version: 2 };

export const userOperations = {
  "users.list": operation({
    name: "users.list",
    method: "GET",
    path: "/users",
    group: "Users",
    title: "List users",
    words: "Who may sign in and hold keys.",
    access: readers,
    query: z.strictObject({
      ...PageQuery,
      order: orderOf(USER_ORDERS),
      role: z
        .array(z.enum(ROLES))
        .max(ROLES.length)
        .optional()
        .describe("Any of these, granted to them or by a group."),
      group: z.string().max(USERNAME_CHARS_MAX).optional(),
      locked: z.boolean().optional(),
      has_role: z.boolean().optional().describe("`1`: those who hold a role at all, and so may own keys."),
    }),
    output: pageOf(User).meta({ id: "UserPage" }),
    status: 200,
    errors: [],
    example: {
      query: { has_role: true, order: "username" },
      output: { entries: [EXAMPLE_USER], total: 1, next: null, previous: null },
    },
    rpc: "user.query",
    since: "0.1.0",
  }),
  "users.create": operation({
    name: "users.create",
    method: "POST",
    path: "/users",
    group: "Users",
    title: "Add a user",
    words:
      "Nobody grants roles, scopes or groups with rights that they lack. A user under limits passes them on. A key that is held to limits makes no user with a password, unless it manages sign-in.",
    access: writers,
    body: UserCreate,
    output: User,
    status: 201,
    tagged: "user",
    once: true,
    errors: ["name_taken", "limit_reached", "conflict"],
    example: {
      body: { username: "reporter", full_name: "Report service", roles: ["KEY_HOLDER"] },
      output: { ...EXAMPLE_USER, id: 3, username: "reporter", full_name: "Report service" },
    },
    rpc: "user.create",
    since: "0.1.0",
  }),
  "users.get": operation({
    name: "users.get",
    method: "GET",
    path: "/users/{name}",
    group: "Users",
    title: "Read a user",
    words: "Everybody may read themselves.",
    access: { kind: "signed_in", words: "ACCOUNT_READ; everybody for themselves." },
    params: byName,
    output: User,
    status: 200,
    tagged: "user",
    errors: ["role_missing"],
    example: { params: { name: "build" }, output: EXAMPLE_USER },
    rpc: "user.get_instance",
    since: "0.1.0",
  }),
  "users.update": operation({
    name: "users.update",
    method: "PATCH",
    path: "/users/{name}",
    group: "Users",
    title: "Edit a user",
    words:
      "Members that are absent keep their value. Who loses a right loses their open sessions; the last unlocked full administrator stays one. A key that is held to limits gives no role, scope, group or name to a user who can sign in, unless it manages sign-in.",
    access: writers,
    params: byName,
    body: UserUpdate,
    output: EndedUser,
    status: 200,
    tagged: "user",
    once: true,
    errors: ["name_taken", "conflict"],
    example: {
      params: { name: "build" },
      body: { full_name: "Build machine in the cellar" },
      output: {
        ...EXAMPLE_USER,
        full_name: "Build machine in the cellar",
        version: 2,
        receipt: EXAMPLE_RECEIPT,
      },
    },
    rpc: "user.update",
    since: "0.1.0",
  }),
  "users.remove": operation({
    name: "users.remove",
    method: "DELETE",
    path: "/users/{name}",
    group: "Users",
    title: "Delete a user",
    words: "Their keys are deleted too, each with its own line in the audit log.",
    access: writers,
    params: byName,
    output: z.strictObject({ id: z.int(), receipt: Receipt }),
    status: 200,
    tagged: "user",
    errors: ["conflict"],
    example: { params: { name: "build" }, output: { id: 2, receipt: EXAMPLE_RECEIPT } },
    rpc: "user.delete",
    since: "0.1.0",
  }),
  "users.setPassword": operation({
    name: "users.setPassword",
    method: "PUT",
    path: "/users/{name}/password",
    group: "Users",
    title: "Set a password",
    words:
      "One's own with `current_password`, by session only; another's with ACCOUNT_WRITE, but by a key that is held to limits only where it manages sign-in. All other sessions of the user end. `null` takes the password away, and ends all.",
    access: {
      kind: "signed_in",
      words: "ACCOUNT_WRITE; everybody for themselves, with the password that they have.",
    },
    params: byName,
    body: z
      .strictObject({
        password: Password.nullable(),
        current_password: z.string().max(PASSWORD_BYTES_MAX).optional(),
      })
      .meta({ id: "PasswordChange" }),
    output: z.strictObject({ username: z.string(), receipt: Receipt }),
    status: 200,
    tagged: "user",
    errors: ["role_missing", "conflict"],
    example: {
      params: { name: "build" },
      body: { password: "three words in a row" },
      output: { username: "build", receipt: EXAMPLE_RECEIPT },
    },
    rpc: "user.set_password",
    since: "0.1.0",
  }),
  "users.lock": operation({
    name: "users.lock",
    method: "POST",
    path: "/users/{name}/lock",
    group: "Users",
    title: "Lock a user",
    words: "They cannot sign in, their sessions end, and their keys stop working until they are unlocked.",
    access: writers,
    params: byName,
    output: EndedUser,
    status: 200,
    tagged: "user",
    errors: ["conflict"],
    example: { params: { name: "build" }, output: { ...EXAMPLE_LOCKED, receipt: EXAMPLE_RECEIPT } },
    since: "0.1.0",
  }),
  "users.unlock": operation({
    name: "users.unlock",
    method: "DELETE",
    path: "/users/{name}/lock",
    group: "Users",
    title: "Unlock a user",
    words: "They may sign in again, and their keys work again.",
    access: writers,
    params: byName,
    output: User,
    status: 200,
    tagged: "user",
    errors: ["conflict"],
    example: { params: { name: "build" }, output: EXAMPLE_USER },
    since: "0.1.0",
  }),
};
