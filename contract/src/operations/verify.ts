/** How a service asks about a key that it was shown. */

import { z } from "zod";
import {
  ADDRESS_CHARS_MAX,
  RATE_USES_MAX,
  SCOPE_CHARS_MAX,
  USE_DAYS,
  UUID_CHARS_MAX,
  VERIFY_KEYS_MAX,
} from "../limits.ts";
import { ROLES } from "../roles.ts";
import { Instant } from "./instant-schema.ts";
import { EXAMPLE_TEXT, KeyId } from "./key-entry.ts";
import { operation } from "./operation.ts";

/** `unknown` covers a wrong secret; all others but `malformed` are told only where the secret was right. */
export const VERIFY_REASONS = [
  "malformed",
  "unknown",
  "expired",
  "paused",
  "revoked",
  "user_locked",
  "scope_missing",
  "address_not_allowed",
  "rate_limited",
  "insecure_transport",
] as const;

export const VerifyQuestion = z
  .strictObject({
    key: z.string().describe("The key as its holder presented it."),
    scope: z.string().max(SCOPE_CHARS_MAX).optional().describe("`resource:action` that is asked for."),
    ip: z
      .string()
      .max(ADDRESS_CHARS_MAX)
      .optional()
      .describe("Address of the holder. A key that is bound to addresses is refused without it."),
    cost: z
      .int()
      .min(0)
      .max(RATE_USES_MAX)
      .optional()
      .describe("What this use takes from the key's rate limit; 1 when absent, 0 only asks."),
  })
  .meta({ id: "VerifyQuestion" });

const RateLeft = z.strictObject({
  limit: z.int(),
  window_seconds: z.int(),
  remaining: z.int(),
  reset_seconds: z.int(),
});

export const GoodKey = z.strictObject({
  valid: z.literal(true),
  key: z.strictObject({
    id: z.int(),
    name: z.string(),
    description: z.string(),
    tags: z.array(z.string()),
    expires_at: Instant.nullable(),
    scopes: z.array(z.string()),
  }),
  user: z.strictObject({
    username: z.string(),
    full_name: z.string(),
    email: z.string().nullable(),
    roles: z.array(z.enum(ROLES)),
    groups: z.array(z.string()),
  }),
  rate_limit: RateLeft.nullable().describe(
    "The limit that has least left, of the key's own and its owner's.",
  ),
});
export const BadKey = z.strictObject({
  valid: z.literal(false),
  reason: z.enum(VERIFY_REASONS),
  decision: z.string().describe("Its owner finds the exact rule under this number."),
  rate_limit: RateLeft.optional().describe("The limit that is spent, where the reason is `rate_limited`."),
});
export const VerifyAnswer = z.discriminatedUnion("valid", [GoodKey, BadKey]).meta({ id: "VerifyAnswer" });

const OUTCOMES = [
  "ok",
  "expired",
  "paused",
  "revoked",
  "user_locked",
  "no_roles",
  "scope_missing",
  "address_not_allowed",
  "rate_limited",
  "insecure_transport",
] as const;

/** Why a request was refused, for those who may see the key. */
const Refusal = z.strictObject({
  at: Instant,
  decision: z.string().describe("The number that the refused caller got."),
  reason: z.string(),
  rule: z.string().describe("The exact rule, for people."),
  address: z.string().nullable(),
  host: z.string().nullable(),
});

export const Decision = Refusal.extend({
  key: z.strictObject({ id: z.int(), name: z.string() }).describe("The key that was refused."),
}).meta({ id: "Decision" });

const EXAMPLE_REFUSAL = {
  decision: "0b6c9d0e-3b0e-4a5e-8a4e-1d1f1e4a7a10",
  at: "2026-01-31T10:12:00.000Z",
  reason: "scope_missing",
  rule: "Asked for scope dns:write; the key has scopes dns:read",
  address: "192.0.2.7",
  host: "app.example",
};

export const KeyUse = z
  .strictObject({
    counts: z
      .array(
        z.strictObject({
          at: Instant,
          hours: z.union([z.literal(1), z.literal(24)]),
          outcomes: z.partialRecord(z.enum(OUTCOMES), z.int()),
        }),
      )
      .describe("Checks by hour for 90 days and by day for two years, the oldest first."),
    hosts: z
      .array(z.strictObject({ host: z.string(), uses: z.int(), last_used_at: Instant }))
      .describe("Guarded sites; those beyond 32 are counted together under the empty name."),
    refusals: z.array(Refusal).describe("The last 100 of requests whose secret was right, the newest first."),
  })
  .meta({ id: "KeyUse" });

export const verifyOperations = {
  "keys.use": operation({
    name: "keys.use",
    method: "GET",
    path: "/keys/{id}/use",
    group: "Keys",
    title: "How a key is used",
    words: "Counts of checks by time and outcome, the sites it was used at, and why it was refused.",
    access: { kind: "roles", anyOf: ["API_KEY_READ", "KEY_HOLDER"], ownOnly: ["KEY_HOLDER"] },
    params: z.strictObject({ id: KeyId }),
    query: z.strictObject({ since: Instant.optional().describe(`${USE_DAYS} days ago when absent.`) }),
    output: KeyUse,
    status: 200,
    errors: [],
    example: {
      params: { id: 1 },
      output: {
        counts: [{ at: "2026-01-31T10:00:00.000Z", hours: 1, outcomes: { ok: 42, scope_missing: 1 } }],
        hosts: [{ host: "app.example", uses: 42, last_used_at: "2026-01-31T10:59:00.000Z" }],
        refusals: [EXAMPLE_REFUSAL],
      },
    },
    since: "0.1.0",
  }),
  "decisions.get": operation({
    name: "decisions.get",
    method: "GET",
    path: "/decisions/{id}",
    group: "Checking keys",
    title: "Why a key was refused",
    words:
      "By the number of the decision, which anyone who was refused got: in the header `Decision-Id` of the proxy's or the service's answer, as `decision` from `POST /verify`. Only of requests whose secret was right, and of the last hundred of each key; one about a key that one may not see answers as one that does not exist. The same on the command line: `chatelaine why DECISION_ID`.",
    access: { kind: "roles", anyOf: ["API_KEY_READ", "KEY_HOLDER"], ownOnly: ["KEY_HOLDER"] },
    params: z.strictObject({
      id: z.string().max(UUID_CHARS_MAX).describe("The number of the decision, a UUID."),
    }),
    output: Decision,
    status: 200,
    errors: [],
    example: {
      params: { id: EXAMPLE_REFUSAL.decision },
      output: { ...EXAMPLE_REFUSAL, key: { id: 1, name: "ci" } },
    },
    since: "0.1.0",
  }),
  "keys.verify": operation({
    name: "keys.verify",
    method: "POST",
    path: "/verify",
    group: "Checking keys",
    title: "Check a key",
    words:
      'Whose key is this, and may it? For services that were shown a key: open to this machine, to unix sockets, to networks that `--check-from` names, and to keys with the role KEY_VERIFY. The answer is 200 whether the key is good or not, and may not be kept. `{"keys": [...]}` with up to 100 questions answers `{"results": [...]}` in the same order.',
    access: { kind: "anyone" },
    body: z.union([
      VerifyQuestion,
      z.strictObject({ keys: z.array(VerifyQuestion).min(1).max(VERIFY_KEYS_MAX) }),
    ]),
    output: z.union([VerifyAnswer, z.strictObject({ results: z.array(VerifyAnswer) })]),
    status: 200,
    errors: ["forbidden"],
    example: {
      body: { key: EXAMPLE_TEXT, scope: "dns:read", ip: "192.0.2.7" },
      output: {
        valid: true,
        key: {
          id: 1,
          name: "ci",
          description: "Deploys the website",
          tags: ["deploy"],
          expires_at: "2030-01-31T10:00:00.000Z",
          scopes: ["dns:read"],
        },
        user: { username: "ada", full_name: "Ada Lovelace", email: null, roles: ["KEY_HOLDER"], groups: [] },
        rate_limit: null,
      },
    },
    since: "0.1.0",
  }),
};
