import { z } from "zod";
import {
  AUDIT_FILTER_CHARS_MAX,
  CERTIFICATE_CHARS_MAX,
  KEY_DAYS_MAX,
  ORIGIN_CHARS_MAX,
  SESSION_HOURS_MAX,
  SESSION_IDLE_MINUTES_MAX,
  SESSION_IDLE_MINUTES_MIN,
  URL_CHARS_MAX,
  UUID_CHARS_MAX,
  WEBHOOK_SECRET_CHARS_MAX,
  WEBHOOK_SECRET_CHARS_MIN,
} from "../limits.ts";
import { AUDIT_ORDERS } from "../orders.ts";
import { ROLES } from "../roles.ts";
import { Instant } from "./instant-schema.ts";
import { BaseVersion, operation, orderOf, PageQuery, pageOf } from "./operation.ts";

const EVENTS = ["METHOD_CALL", "AUTHENTICATION", "LOGOUT"] as const;
const TARGETS = ["key", "user", "group", "settings", "session"] as const;
const RULES = ["revoke", "refuse", "allow"] as const;
const DIALECT_RULES = ["close", ...RULES] as const;

export const AuditEntry = z
  .strictObject({
    id: z.string(),
    at: Instant,
    event: z.enum(EVENTS),
    action: z.string().describe("What was done, such as `key.create`; for sign-ins the kind of credential."),
    description: z.string(),
    username: z.string().nullable(),
    address: z.string().nullable(),
    session_id: z.string().nullable(),
    door: z.string().describe("The way in: rest, websocket, cli, auth or internal."),
    credentials: z
      .strictObject({ credentials: z.string(), credentials_data: z.record(z.string(), z.unknown()) })
      .nullable(),
    target: z.strictObject({ kind: z.enum(TARGETS), id: z.int().nullable(), name: z.string() }).nullable(),
    details: z
      .record(z.string(), z.unknown())
      .describe("For a change: fields with their values before and after."),
    success: z.boolean(),
    error: z.string().nullable(),
  })
  .meta({ id: "AuditEntry" });

const AuditFilters = {
  event: z.array(AuditEntry.shape.event).max(EVENTS.length).optional(),
  action: z.string().max(AUDIT_FILTER_CHARS_MAX).optional(),
  username: z.string().max(AUDIT_FILTER_CHARS_MAX).optional(),
  address: z.string().max(AUDIT_FILTER_CHARS_MAX).optional(),
  success: z.boolean().optional(),
  target_kind: z.enum(TARGETS).optional(),
  target_id: z.int().optional(),
  since: Instant.optional(),
  until: Instant.optional(),
};
const EXAMPLE_AUDIT = {
  id: "0b6c9d0e-3b0e-4a5e-8a4e-1d1f1e4a7a10",
  at: "2026-01-31T10:00:00.000Z",
  event: "METHOD_CALL",
  action: "key.create",
  description: "Create API key ci",
  username: "ada",
  address: "127.0.0.1",
  session_id: null,
  door: "rest",
  credentials: { credentials: "LOGIN_PASSWORD", credentials_data: { username: "ada" } },
  target: { kind: "key", id: 1, name: "ci" },
  details: {},
  success: true,
  error: null,
};
const auditors = { kind: "roles", anyOf: ["SYSTEM_AUDIT_READ"] } as const;

/** What one line of the event stream says. Anyone who wants more asks for it by its own operation. */
export const Event = z
  .strictObject({
    kind: z.enum(["key", "user", "group", "settings", "session", "alert"]),
    action: z.enum(["added", "changed", "removed"]),
    id: z
      .union([z.int(), z.string()])
      .describe("Of the key, user or group; of a session its UUID; `alerts` for alerts in general."),
    name: z.string(),
    sequence: z
      .int()
      .nullable()
      .describe("The change's number in this installation; null for sessions and alerts in general."),
  })
  .meta({ id: "Event" });

export const Settings = z
  .strictObject({
    insecure_transport: z
      .enum(RULES)
      .describe(
        "What becomes of a right key that is proved to have come in clear text, by every door but the next. Where nobody can say how it came, it is refused and left whole, but under `allow`.",
      ),
    insecure_transport_dialect: z
      .enum(DIALECT_RULES)
      .describe(
        "The same by the JSON-RPC API's PLAIN sign-in. `close`, which new installations have: a WebSocket in clear text is answered 403 before a key can be sent on it.",
      ),
    client_certificate: z
      .string()
      .max(CERTIFICATE_CHARS_MAX)
      .nullable()
      .describe(
        "PEM of the certificate that clients see, where a trusted proxy ends TLS: for SCRAM's channel binding.",
      ),
    key_days_max: z
      .int()
      .min(1)
      .max(KEY_DAYS_MAX)
      .nullable()
      .describe("Longest life of a key that ends, in days from its making or last reset; null: none."),
    non_expiring_keys: z.boolean().describe("Whether keys that never expire may be made."),
    non_expiring_roles: z
      .array(z.enum(ROLES))
      .min(1)
      .max(ROLES.length)
      .nullable()
      .describe("Who may make them: holders of one of these; null: anyone who may make keys."),
    public_url: z
      .string()
      .max(ORIGIN_CHARS_MAX)
      .nullable()
      .describe(
        "Origin of this server as clients see it. Pages of this origin count as the server's own, and links and examples name it.",
      ),
    session_idle_minutes: z
      .int()
      .min(SESSION_IDLE_MINUTES_MIN)
      .max(SESSION_IDLE_MINUTES_MAX)
      .describe("Browser sessions end after so long without a request."),
    session_hours: z
      .int()
      .min(1)
      .max(SESSION_HOURS_MAX)
      .describe("They end after so long, whatever happens."),
    docs: z
      .enum(["open", "signed_in"])
      .describe(
        "Who may read the built-in documentation and its documents: everyone who reaches the server, or anyone who is signed in.",
      ),
    webhook_url: z
      .string()
      .max(URL_CHARS_MAX)
      .nullable()
      .describe(
        "Where alerts are sent; null: nowhere. Shown with its host alone, because the path is a secret at many receivers; sent back as it is shown, the address stays.",
      ),
    webhook_secret_set: z.boolean().describe("Whether there is a secret that signs what is sent."),
    version: z.int().describe("Of all settings together: rises with every change of any."),
  })
  .meta({ id: "Settings" });
export const SettingsUpdate = Settings.omit({ webhook_secret_set: true })
  .extend({
    webhook_secret: z
      .string()
      .min(WEBHOOK_SECRET_CHARS_MIN)
      .max(WEBHOOK_SECRET_CHARS_MAX)
      .nullable()
      .describe("Signs what is sent to the webhook. It is kept sealed and never told again."),
    version: BaseVersion,
  })
  .partial()
  .meta({ id: "SettingsUpdate" });
const EXAMPLE_SETTINGS = {
  insecure_transport: "refuse",
  insecure_transport_dialect: "revoke",
  client_certificate: null,
  key_days_max: null,
  non_expiring_keys: true,
  non_expiring_roles: null,
  public_url: null,
  session_idle_minutes: 60,
  session_hours: 24,
  docs: "open",
  webhook_url: null,
  webhook_secret_set: false,
  version: 1,
};

const Role = z
  .strictObject({
    name: z.enum(ROLES),
    title: z.string(),
    words: z.string(),
    includes: z.array(z.enum(ROLES)).describe("All roles that it includes, transitively."),
  })
  .meta({ id: "Role" });

export const systemOperations = {
  "audit.list": operation({
    name: "audit.list",
    method: "GET",
    path: "/audit",
    group: "Audit",
    title: "Read the audit log",
    words: "Changes and sign-ins in one list, newest first unless ordered otherwise.",
    access: auditors,
    query: z.strictObject({ ...PageQuery, order: orderOf(AUDIT_ORDERS), ...AuditFilters }),
    output: pageOf(AuditEntry).meta({ id: "AuditPage" }),
    status: 200,
    errors: [],
    example: {
      query: { action: "key.create", limit: 50 },
      output: { entries: [EXAMPLE_AUDIT], total: 1, next: null, previous: null },
    },
    rpc: "audit.query",
    since: "0.1.0",
  }),
  "audit.get": operation({
    name: "audit.get",
    method: "GET",
    path: "/audit/{id}",
    group: "Audit",
    title: "Read an entry of the audit log",
    words: "One entry, by its number.",
    access: auditors,
    params: z.strictObject({ id: z.string().max(UUID_CHARS_MAX).describe("The entry's `id`.") }),
    output: AuditEntry,
    status: 200,
    errors: [],
    example: { params: { id: EXAMPLE_AUDIT.id }, output: EXAMPLE_AUDIT },
    since: "0.1.0",
  }),
  "audit.export": operation({
    name: "audit.export",
    method: "GET",
    path: "/audit/export",
    group: "Audit",
    title: "Export the audit log",
    words:
      "The same as a file, one entry a line: JSON Lines, or CSV with a header. Cells that a spreadsheet could take for a formula begin with an apostrophe.",
    access: auditors,
    query: z.strictObject({
      q: PageQuery.q,
      filter: PageQuery.filter,
      ...AuditFilters,
      format: z.enum(["jsonl", "csv"]).default("jsonl"),
    }),
    output: AuditEntry,
    status: 200,
    streams: ["application/jsonl", "text/csv"],
    errors: [],
    example: { query: { format: "jsonl" }, output: EXAMPLE_AUDIT },
    since: "0.1.0",
  }),
  "events.stream": operation({
    name: "events.stream",
    method: "GET",
    path: "/events",
    group: "Events",
    title: "Follow changes",
    words:
      "Server-sent events, as changes happen. `change` carries one; `ready` opens the stream; `missed` says that some changes since the last event are lost: read again what is shown. A comment is sent every 15 seconds. `Last-Event-ID`, as browsers send it by themselves, resumes. One sees what one may read. The stream ends with the session or the key that opened it.",
    access: { kind: "signed_in" },
    output: Event,
    status: 200,
    streams: ["text/event-stream"],
    errors: ["limit_reached"],
    example: { output: { kind: "key", action: "changed", id: 1, name: "ci", sequence: 42 } },
    rpc: "core.subscribe",
    since: "0.1.0",
  }),
  "roles.list": operation({
    name: "roles.list",
    method: "GET",
    path: "/roles",
    group: "System",
    title: "List roles",
    words: "What each role lets its holder do.",
    access: { kind: "signed_in" },
    output: z.strictObject({ entries: z.array(Role), total: z.int() }),
    status: 200,
    errors: [],
    example: {
      output: {
        entries: [
          {
            name: "KEY_HOLDER",
            title: "Key holder",
            words: "Signs in, holds keys and manages its own keys, nothing else.",
            includes: [],
          },
        ],
        total: 1,
      },
    },
    rpc: "privilege.roles",
    since: "0.1.0",
  }),
  "settings.get": operation({
    name: "settings.get",
    method: "GET",
    path: "/settings",
    group: "System",
    title: "Read the settings",
    words: "The server's own settings.",
    access: { kind: "roles", anyOf: ["READONLY_ADMIN"] },
    output: Settings,
    status: 200,
    tagged: "settings",
    errors: [],
    example: { output: EXAMPLE_SETTINGS },
    since: "0.1.0",
  }),
  "settings.update": operation({
    name: "settings.update",
    method: "PATCH",
    path: "/settings",
    group: "System",
    title: "Change the settings",
    words:
      "Members that are absent keep their value; those that are given hold at once, in every process. The policy for keys is kept by everybody, full administrators included; keys that are there keep their end until it is edited or they are reset. A key that is held to limits changes none, unless it manages sign-in.",
    access: { kind: "roles", anyOf: ["FULL_ADMIN"] },
    body: SettingsUpdate,
    output: Settings,
    status: 200,
    tagged: "settings",
    once: true,
    errors: ["conflict"],
    example: { body: { insecure_transport: "refuse" }, output: { ...EXAMPLE_SETTINGS, version: 2 } },
    since: "0.1.0",
  }),
};
