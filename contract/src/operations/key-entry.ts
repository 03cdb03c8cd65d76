import { z } from "zod";
import {
  ADDRESS_CHARS_MAX,
  ALLOWED_IPS_MAX,
  KEY_ID_MAX,
  KEY_NAME_CHARS_MAX,
  KEY_WORDS_BYTES_MAX,
  OWNERS_ASKED_MAX,
  PAGE_ENTRIES_MAX,
  RATE_USES_MAX,
  RATE_WINDOW_SECONDS_MAX,
  REASON_CHARS_MAX,
  SCOPE_CHARS_MAX,
  SCOPES_MAX,
  TAG_CHARS_MAX,
  TAGS_MAX,
  USERNAME_CHARS_MAX,
} from "../limits.ts";
import { ROLES } from "../roles.ts";
import { Instant } from "./instant-schema.ts";
import { Receipt } from "./operation.ts";

export const KEY_STATUSES = [
  "active",
  "paused",
  "revoked",
  "expired",
  "past_limit",
  "user_locked",
  "no_roles",
] as const;

export const KeyId = z.int().min(1).max(KEY_ID_MAX).describe("The number that the key's text begins with.");
const Roles = z.array(z.enum(ROLES)).max(ROLES.length);
const Scope = z.string().max(SCOPE_CHARS_MAX).describe("`resource:action`, where each may be `*`; or `*`.");
export const RateLimit = z.strictObject({
  limit: z.int().min(1).max(RATE_USES_MAX),
  window_seconds: z.int().min(1).max(RATE_WINDOW_SECONDS_MAX),
});

export const Key = z
  .strictObject({
    id: KeyId,
    name: z.string().describe("Unique over all users."),
    username: z.string().describe("Whom the key acts as."),
    user_identifier: z.int().describe("The owner's id."),
    local: z.boolean(),
    description: z.string(),
    tags: z.array(z.string()),
    hint: z.string().describe("The last four characters of the key."),
    status: z
      .enum(KEY_STATUSES)
      .describe(
        "What a check would answer now, by the server's clock. `past_limit`: older than its owner's keys may get. `user_locked`, `no_roles`: its owner is locked, or has no role. Where several hold, the one that a check names.",
      ),
    created_at: Instant,
    created_by: z.string(),
    reset_at: Instant.nullable(),
    expires_at: Instant.nullable().describe("null: never."),
    ends_at: Instant.nullable().describe(
      "When the key stops by itself: at `expires_at`, or when it gets older than its owner's keys may, whichever comes first. null: never.",
    ),
    paused_at: Instant.nullable(),
    revoked: z.boolean(),
    revoked_at: Instant.nullable(),
    revoked_reason: z.string().nullable(),
    roles: Roles.nullable().describe("What is left of the owner's roles; null: all of them."),
    scopes: z.array(z.string()).nullable().describe("What is left of the owner's scopes; null: all of them."),
    allowed_ips: z.array(z.string()).nullable().describe("Addresses and CIDR blocks; null: from anywhere."),
    rate_limit: RateLimit.nullable(),
    manages_sign_in: z
      .boolean()
      .describe(
        "Whether the key, held to limits as it is, may all the same set passwords, give rights to users who can sign in, and change settings.",
      ),
    last_used_at: Instant.nullable(),
    last_used_address: z.string().nullable(),
    last_used_client: z.string().nullable(),
    editable: z
      .boolean()
      .describe(
        "Whether the caller may edit, reset and resume it: nobody does with more rights than their own.",
      ),
    version: z.int().describe("Rises with every change."),
  })
  .meta({ id: "Key" });

export const Scram = z
  .strictObject({
    iterations: z.int(),
    salt: z.string(),
    client_key: z.string(),
    stored_key: z.string(),
    server_key: z.string(),
  })
  .describe("What a SCRAM key file needs, in base64. Only with `scram=1`.")
  .meta({ id: "Scram" });

export const MadeKey = Key.extend({
  key: z.string().describe("The key itself. It is told this once and stored nowhere."),
  scram: Scram.optional(),
}).meta({ id: "MadeKey" });

export const EndedKey = Key.extend({ receipt: Receipt }).meta({ id: "EndedKey" });
export const ResetKey = MadeKey.extend({ receipt: Receipt }).meta({ id: "ResetKey" });

export const keyLimits = {
  expires_at: Instant.nullable().optional().describe("null: never."),
  description: z.string().max(KEY_WORDS_BYTES_MAX).optional(),
  tags: z
    .array(z.string().min(1).max(TAG_CHARS_MAX))
    .max(TAGS_MAX)
    .optional()
    .describe("Each kept in Unicode NFC, without a blank at either end."),
  roles: Roles.nullable().optional().describe("Narrows the owner's roles; `[]` is a key for services only."),
  scopes: z.array(Scope).max(SCOPES_MAX).nullable().optional(),
  allowed_ips: z.array(z.string().max(ADDRESS_CHARS_MAX)).max(ALLOWED_IPS_MAX).nullable().optional(),
  rate_limit: RateLimit.nullable().optional(),
  manages_sign_in: z
    .boolean()
    .optional()
    .describe(
      "Lets a key that is held to limits set passwords, give rights to users who can sign in, and change settings. Only the session of a full administrator sets it; no key does.",
    ),
};
const Name = z
  .string()
  .min(1)
  .max(KEY_NAME_CHARS_MAX)
  .describe("Unique over all users. Kept in Unicode NFC, without a blank at either end.");

export const KeyCreate = z
  .strictObject({
    name: Name,
    username: z.string().min(1).max(USERNAME_CHARS_MAX).describe("The owner."),
    ...keyLimits,
  })
  .meta({ id: "KeyCreate" });
export const KeyUpdate = z
  .strictObject({
    name: Name.optional(),
    ...keyLimits,
    version: z.int().optional().describe("The version that this was decided on; another one is a conflict."),
  })
  .meta({ id: "KeyUpdate" });
export const Reason = z.strictObject({ reason: z.string().max(REASON_CHARS_MAX).default("Revoked by hand") });

export const KeyFilters = {
  ids: z.array(KeyId).max(PAGE_ENTRIES_MAX).optional(),
  username: z
    .array(z.string().max(USERNAME_CHARS_MAX))
    .max(OWNERS_ASKED_MAX)
    .optional()
    .describe("Any of these owners."),
  status: z
    .array(z.enum([...KEY_STATUSES, "expires_soon"]))
    .max(KEY_STATUSES.length + 1)
    .optional()
    .describe("Any of these. `expires_soon`: active, and stops by itself within seven days."),
  tag: z.array(z.string().max(TAG_CHARS_MAX)).max(TAGS_MAX).optional().describe("All of these tags."),
  expires_before: Instant.optional(),
  unused_since: Instant.optional().describe("Not used at or after this instant."),
};

export const LatestUse = z
  .boolean()
  .optional()
  .describe(
    "`1`: every use up to now is in `last_used_at` and its companions, which otherwise follow within two seconds. For anyone who is about to take a key away.",
  );

export const ScramQuery = z.strictObject({
  scram: z.boolean().optional().describe("`1` adds what a SCRAM key file needs."),
});

export const EXAMPLE_KEY = {
  id: 1,
  name: "ci",
  username: "ada",
  user_identifier: 1,
  local: true,
  description: "Deploys the website",
  tags: ["deploy"],
  hint: "L7Ur",
  status: "active",
  created_at: "2026-01-31T10:00:00.000Z",
  created_by: "ada",
  reset_at: null,
  expires_at: "2030-01-31T10:00:00.000Z",
  ends_at: "2030-01-31T10:00:00.000Z",
  paused_at: null,
  revoked: false,
  revoked_at: null,
  revoked_reason: null,
  roles: null,
  scopes: null,
  allowed_ips: null,
  rate_limit: null,
  manages_sign_in: false,
  last_used_at: null,
  last_used_address: null,
  last_used_client: null,
  editable: true,
  version: 1,
};
/** Well formed, its checksum included, and of nobody. */
export const EXAMPLE_TEXT = "1-CK1JmN8pXq2sVt4wYz6bDfGhKkLnPrRtUvWxZ0123456789AbCdEfGh3zQ0DL7Ur";
export const EXAMPLE_MADE = { ...EXAMPLE_KEY, key: EXAMPLE_TEXT };
export const EXAMPLE_REVOKED = {
  ...EXAMPLE_KEY,
  status: "revoked",
  revoked: true,
  revoked_at: "2026-02-01T08:30:00.000Z",
  revoked_reason: "Left the project",
  version: 2,
};
