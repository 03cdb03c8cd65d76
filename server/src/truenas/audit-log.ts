/** `audit.query` and `alert.list`: what was recorded (`conformance/8-audit.txt`) and what wants attention (4.7). */
import { z } from "zod";
import type { Audit } from "../activity/audit.ts";
import type { AuditRecord } from "../domain/audit.ts";
import type { Condition, Test } from "../domain/filter.ts";
import type { Key } from "../domain/key.ts";
import { inSlices } from "../domain/slices.ts";
import type { Keys } from "../keys/keys.ts";
import { type Invalid, ValidationErrors } from "./errors.ts";
import {
  all,
  any,
  constant,
  type Field,
  type Fields,
  inside,
  member,
  NEVER,
  type RpcListing,
  runQuery,
  shownSecond,
  test,
} from "./listing.ts";
import type { AnswerQuery } from "./long-answers.ts";
import { method, type RpcMethod } from "./method.ts";
import { flag, param } from "./params.ts";
import { parseFilters, QueryError, type QueryOptions } from "./query-filters.ts";
import { parseOptions } from "./query-options.ts";
import type { Entry } from "./version.ts";
import { instant } from "./wire.ts";

const SERVICE = "MIDDLEWARE";
const RECORDS_MAX = 10_000;
const RECENT_ALERTS_MAX = 1_000;
const VERSION = { major: 0, minor: 1 };

const QUERY = z.strictObject({
  services: z.array(z.enum([SERVICE, "SMB", "SUDO", "SYSTEM"])).default([SERVICE]),
  "query-filters": z.unknown().optional(),
  "query-options": z.unknown().optional(),
  remote_controller: flag.default(false),
});

export function auditMethods(
  audit: Pick<Audit, "list">,
  keys: Pick<Keys, "list">,
  answer: AnswerQuery,
): Record<string, RpcMethod> {
  return {
    "audit.query": method(
      ["SYSTEM_AUDIT_READ"],
      "Read the audit log",
      [param("data", QUERY.prefault({}))],
      async (call, data) => {
        const { condition, options } = parseQuery(data["query-filters"], data["query-options"]);
        const isAsked = data.services.includes(SERVICE);
        const where = isAsked ? condition : NEVER;
        return answer(call, options, () => runQuery(listing(audit), call.caller, where, options));
      },
    ),
    "alert.list": method(["API_KEY_READ"], "What wants attention", [], async ({ caller }) => {
      const where = test("revokedAt", "!=", null);
      const { rows } = await keys.list(caller, { where, limit: RECENT_ALERTS_MAX });
      return rows.map(alertEntry);
    }),
  };
}

function parseQuery(filters: unknown, given: unknown): { condition: Condition; options: QueryOptions } {
  const invalid: Invalid[] = [];
  const read = <T>(name: string, parse: () => T): T => {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      for (const { path, message } of error.issues) {
        invalid.push({ attribute: `data.${path.replace(name, `query-${name}`)}`, message });
      }
      return undefined as T;
    }
  };
  const condition = read("filters", () => parseFilters(filters));
  const options = read("options", () => parseOptions(given));
  if (invalid.length > 0) throw new ValidationErrors(invalid);
  return { condition, options };
}

function listing(audit: Pick<Audit, "list">): RpcListing<AuditRecord> {
  return {
    fields: FIELDS,
    /** As the original, whose own tests and tools take what comes last for the newest. */
    defaultOrder: [{ path: ["at"], descending: false, nullsFirst: false }],
    rowsMax: RECORDS_MAX,
    list: audit.list,
    entries: (rows) => inSlices(rows, auditEntry),
  };
}

const IS_SOCKET = test("door", "=", "websocket");
const IS_NO_SOCKET = test("door", "!=", "websocket");
const IS_CALL = test("event", "=", "METHOD_CALL");
const IS_NO_CALL = test("event", "!=", "METHOD_CALL");
const IS_SIGN_IN = test("event", "=", "AUTHENTICATION");
const FAILED = test("success", "=", false);
/** A change that came by another door than the dialect's: its action stands for the method. */
const IS_PLAIN_CALL = all(IS_CALL, IS_NO_SOCKET);
/** Refusals that are alike, in one record. */
const IS_MANY = all(test("details.count", ">", 1), any(IS_SIGN_IN, all(IS_CALL, FAILED)));

/** As they were recorded, in the dialect's own words: an instant is an object. */
const CREDENTIALS: Field = {
  where: (asked) => {
    const { path, value } = asked;
    const isInstant = value instanceof Date;
    const recorded = isInstant ? { ...asked, path: [...path, "$date"], value: value.getTime() } : asked;
    return inside("credentials").where(recorded);
  },
  order: null,
};

const FIELDS: Fields = {
  audit_id: member("id"),
  message_timestamp: shownSecond("at", "number"),
  timestamp: shownSecond("at", "date"),
  address: member("address"),
  username: member("username"),
  session: member("sessionId"),
  service: constant(SERVICE),
  event: member("event"),
  success: member("success"),
  service_data: under({
    vers: constant(VERSION),
    origin: member("address"),
    credentials: CREDENTIALS,
    protocol: {
      order: null,
      where: (asked) => {
        const says = (name: string): Condition => constant(name).where(asked);
        return any(all(IS_SOCKET, says("WEBSOCKET")), all(IS_NO_SOCKET, says("REST")));
      },
    },
  }),
  event_data: under({
    method: {
      order: null,
      where: (asked) =>
        any(
          inside("details", "call", "method").where(asked),
          all(IS_PLAIN_CALL, inside("action").where(asked)),
        ),
    },
    params: inside("details", "call", "params"),
    description: shownWhere(IS_CALL, member("description")),
    authenticated: recordedFlag("authenticated"),
    authorized: recordedFlag("authorized"),
    credentials: shownWhere(IS_NO_CALL, CREDENTIALS),
    error: shownWhere(any(IS_SIGN_IN, all(IS_CALL, FAILED)), member("error")),
    count: shownWhere(IS_MANY, inside("details", "count")),
  }),
};

/** A field that only the entries of some records show. */
function shownWhere(when: Condition, field: Field): Field {
  return { where: (asked) => all(when, field.where(asked)), order: null };
}

/** Of a call: what was refused at the dialect's door says it of itself, and of every other it is true. */
function recordedFlag(name: string): Field {
  const recorded = inside("details", name);
  const others = any(test("success", "=", true), IS_NO_SOCKET);
  return {
    where: (asked) => all(IS_CALL, any(recorded.where(asked), all(others, constant(true).where(asked)))),
    order: null,
  };
}

/** Fields of an object in the entry. */
function under(fields: Fields): Field {
  const where = (asked: Test): Condition => {
    const name = asked.path[1] ?? "";
    return Object.hasOwn(fields, name) ? fields[name]!.where({ ...asked, path: asked.path.slice(1) }) : NEVER;
  };
  return { where, order: null };
}

function auditEntry(record: AuditRecord): Entry {
  return {
    audit_id: record.id,
    message_timestamp: Math.floor(record.at / 1000),
    timestamp: instant(record.at),
    address: record.address,
    username: record.username,
    session: record.sessionId,
    service: SERVICE,
    service_data: {
      vers: VERSION,
      origin: record.address,
      protocol: record.door === "websocket" ? "WEBSOCKET" : "REST",
      credentials: record.credentials,
    },
    event: record.event,
    event_data: eventData(record),
    success: record.success,
  };
}

function eventData({ event, action, description, credentials, details, success, error }: AuditRecord): Entry {
  // Of refusals that are alike; of one alone the original's members, and no other.
  const times = typeof details.count === "number" && details.count > 1 ? { count: details.count } : {};
  if (event === "LOGOUT") return { credentials };
  if (event === "AUTHENTICATION") return { credentials, error, ...times };
  const call = details.call as { method?: unknown; params?: unknown } | undefined;
  const { authenticated = true, authorized = true } = details;
  const said = {
    method: call?.method ?? action,
    params: call?.params ?? [],
    description,
    authenticated,
    authorized,
  };
  return success ? said : { ...said, error, ...times };
}

/** Members as of the original's model, which has neither category nor title. */
function alertEntry(key: Key): Entry {
  const { name } = key;
  const reason = key.revokedReason ?? "";
  const words = `${name}: API key has been revoked and must either be renewed or deleted. Revoke reason: ${reason}.`;
  const at = instant(key.revokedAt ?? 0);
  return {
    uuid: `ApiKeyRevoked-${key.id}`,
    id: `ApiKeyRevoked-${key.id}`,
    source: "ApiKeyRevoked",
    klass: "ApiKeyRevoked",
    level: "WARNING",
    args: { name, reason },
    key: alertKey({ name, reason }),
    node: "",
    datetime: at,
    last_occurrence: at,
    dismissed: false,
    mail: null,
    text: "%(name)s: API key has been revoked and must either be renewed or deleted. Revoke reason: %(reason)s.",
    formatted: words,
    one_shot: false,
  };
}

/** What tells alerts of one class apart there: the arguments as JSON, as Python writes it. */
function alertKey(args: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(args).map(([name, value]) => `"${name}": ${JSON.stringify(value)}`);
  return `{${pairs.join(", ")}}`.replaceAll(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
