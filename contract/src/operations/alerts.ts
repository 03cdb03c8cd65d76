import { z } from "zod";
import { ALERTS_MAX, ALERTS_SHOWN } from "../limits.ts";
import { Instant } from "./instant-schema.ts";
import { operation } from "./operation.ts";

export const ALERT_KINDS = [
  "key_revoked",
  "key_expires_soon",
  "key_unused",
  "backup_failed",
  "backup_old",
  "clear_text_refused",
  "names_alike",
  "sign_in_failures",
] as const;
const LEVELS = ["warning", "info"] as const;

export const Alert = z
  .strictObject({
    id: z.string().describe("The same for the same alert, as long as it lasts."),
    kind: z.enum(ALERT_KINDS),
    level: z.enum(LEVELS),
    text: z.string().describe("A sentence for people."),
    since: Instant.describe("When it began."),
    key: z
      .strictObject({ id: z.int(), name: z.string(), username: z.string() })
      .nullable()
      .describe(
        "The key that it is about; null for refused sign-ins, connections in clear text, names that are alike and backups.",
      ),
  })
  .meta({ id: "Alert" });

export const AlertSummary = z
  .strictObject({
    kind: z.enum(ALERT_KINDS),
    level: z.enum(LEVELS),
    count: z
      .int()
      .describe(
        "Of all, those beyond the limit too; refused sign-ins are counted up to 10 000, and names that are alike as one.",
      ),
    mend: z
      .strictObject({
        operation: z.enum(["keys.list", "audit.list", "users.list", "groups.list"]),
        query: z.record(z.string(), z.unknown()),
      })
      .describe("The list, with its filter, that shows what the alerts are about."),
  })
  .meta({ id: "AlertSummary" });

const EXAMPLE_ALERT = {
  id: "key_revoked-1-1769934600000",
  kind: "key_revoked",
  level: "warning",
  text: "The key ci is revoked: Left the project",
  since: "2026-02-01T08:30:00.000Z",
  key: { id: 1, name: "ci", username: "ada" },
} as const;

export const Delivery = z
  .strictObject({
    id: z.string().describe("UUID, also in the message and in its header `Chatelaine-Delivery`."),
    at: Instant.describe("When it was to be sent first."),
    kind: z.enum(["alerts.raised", "alerts.cleared", "test"]),
    state: z.enum(["waiting", "sending", "delivered", "failed"]),
    status: z.int().nullable().describe("What the receiver answered last; null: nothing."),
    attempts: z.int(),
    error: z.string().nullable().describe("Why the last attempt failed."),
    next_at: Instant.nullable().describe("The next attempt of one that waits."),
    done_at: Instant.nullable(),
  })
  .meta({ id: "Delivery" });
const EXAMPLE_DELIVERY = {
  id: "6a1e4f6e-3b0e-4a5e-8a4e-1d1f1e4a7a10",
  at: "2026-02-01T08:30:00.000Z",
  kind: "test",
  state: "delivered",
  status: 204,
  attempts: 1,
  error: null,
  next_at: null,
  done_at: "2026-02-01T08:30:00.120Z",
} as const;
const administrators = { kind: "roles", anyOf: ["FULL_ADMIN"] } as const;

export const alertOperations = {
  "alerts.list": operation({
    name: "alerts.list",
    method: "GET",
    path: "/alerts",
    group: "Alerts",
    title: "List alerts",
    words:
      "What needs attention now: revoked keys; keys that expire within seven days; keys that nobody has used for 90 days; sign-ins that were refused in the last 24 hours; programs whose connections in clear text were refused in the last 24 hours; users or groups whose names differ in case alone (`names_alike`), which services may take for one; and, if the server writes backups, a last backup that failed or is more than twice as old as it should be. Keys that are refused anyway, for example because their owner is locked, are not reported as expiring or unused. An alert disappears when its cause is fixed; it cannot be dismissed. Users who may read all keys see the alerts of all keys; key holders see those of their own keys; alerts that are not about a key are shown to users who may read the audit log. The event stream tells of a change with an event of the kind `alert`.",
    access: {
      kind: "roles",
      anyOf: ["API_KEY_READ", "KEY_HOLDER", "SYSTEM_AUDIT_READ"],
      ownOnly: ["KEY_HOLDER"],
    },
    query: z.strictObject({
      limit: z
        .int()
        .min(1)
        .max(ALERTS_MAX)
        .optional()
        .describe(`Alerts of each kind. ${ALERTS_SHOWN} when absent.`),
    }),
    output: z
      .strictObject({
        kinds: z.array(AlertSummary).describe("Those of which there are any."),
        entries: z
          .array(Alert)
          .describe("Of each kind, newest revocations, next ends and longest unused keys first."),
        total: z
          .int()
          .describe(
            "Of all kinds, refused sign-ins, connections in clear text and names that are alike as one each.",
          ),
      })
      .meta({ id: "Alerts" }),
    status: 200,
    errors: [],
    example: {
      query: { limit: 20 },
      output: {
        kinds: [
          {
            kind: "key_revoked",
            level: "warning",
            count: 1,
            mend: { operation: "keys.list", query: { status: ["revoked"] } },
          },
        ],
        entries: [EXAMPLE_ALERT],
        total: 1,
      },
    },
    rpc: "alert.list",
    since: "0.1.0",
  }),
  "webhook.test": operation({
    name: "webhook.test",
    method: "POST",
    path: "/webhook/test",
    group: "System",
    title: "Test the webhook",
    words:
      "Sends a message of the type `test` to the address of the settings, at once and once, and answers with how it went. Every message is a JSON body `{id, type, at, server, alerts, more}`, sent by POST with `Chatelaine-Delivery` (its id, by which one that comes twice is known), `Chatelaine-Timestamp` (seconds since 1970) and `Chatelaine-Signature: v1=` with the HMAC-SHA-256 in hexadecimal, under the webhook's secret, of timestamp, a full stop, and the body as it came. The receiver answers 2xx within ten seconds; alerts are otherwise tried again, six times within three hours. Redirects are not followed and addresses for special use (link-local and where clouds answer, documentation, carriers, tunnels of IPv4) are not sent to; loopback and private networks are.",
    access: administrators,
    output: Delivery,
    status: 200,
    errors: ["conflict"],
    example: { output: EXAMPLE_DELIVERY },
    since: "0.1.0",
  }),
  "webhook.deliveries": operation({
    name: "webhook.deliveries",
    method: "GET",
    path: "/webhook/deliveries",
    group: "System",
    title: "List the webhook's deliveries",
    words: "The last twenty, newest first.",
    access: administrators,
    output: z.strictObject({ entries: z.array(Delivery), total: z.int() }),
    status: 200,
    errors: [],
    example: { output: { entries: [EXAMPLE_DELIVERY], total: 1 } },
    since: "0.1.0",
  }),
};
