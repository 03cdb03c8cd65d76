/**
 * An example of each method for the documentation: a call that may be sent as it stands where there are the key 7 and the
 * user 2 (`docs-truth.test.ts` does), and an answer in the shape that the method's result has, with values that speak.
 */
import type { MethodDoc } from "../http/docs/docs.ts";
import type { JsonSchema } from "../http/docs/schema.ts";

/** Stands where a key's text does. */
export const EXAMPLE_KEY_TEXT = "7-CK1...";
const EXAMPLE_UUID = "0b6c9d0e-3b0e-4a5e-8a4e-1d1f1e4a7a10";
const IN_2030 = { $date: 1_893_456_000_000 };

/** What is sent; nothing where the method is not here. */
const PARAMS: Readonly<Record<string, readonly unknown[]>> = {
  "core.set_options": [{ legacy_jobs: false }],
  "core.subscribe": ["api_key.query"],
  "core.unsubscribe": [EXAMPLE_UUID],
  "core.get_methods": ["api_key"],
  "auth.login": ["ada", "three words in a row"],
  "auth.login_ex": [{ mechanism: "API_KEY_PLAIN", username: "ada", api_key: EXAMPLE_KEY_TEXT }],
  "auth.login_ex_continue": [{ mechanism: "OTP_TOKEN", otp_token: "123456" }],
  "auth.login_with_api_key": [EXAMPLE_KEY_TEXT],
  "auth.login_with_token": ["a token of auth.generate_token"],
  "auth.set_attribute": ["keys.columns", ["name", "status"]],
  "auth.generate_token": [600, {}, true, true],
  "auth.generate_onetime_password": [{ username: "ada" }],
  "auth.twofactor.update": [{}],
  "auth.terminate_session": [EXAMPLE_UUID],
  "api_key.query": [[["username", "=", "ada"]], { order_by: ["-created_at"], limit: 50 }],
  "api_key.get_instance": [7],
  "api_key.create": [{ name: "deploy", username: "ada", expires_at: IN_2030 }],
  "api_key.update": [7, { reset: true }],
  "api_key.delete": [7],
  "api_key.convert_raw_key": [EXAMPLE_KEY_TEXT],
  "user.query": [[["locked", "=", false]], { order_by: ["username"] }],
  "user.get_instance": [2],
  "user.create": [{ username: "robot", full_name: "Robot", roles: ["KEY_HOLDER"], password_disabled: true }],
  "user.update": [2, { full_name: "Build machine" }],
  "user.set_password": [{ username: "build", new_password: "three words in a row" }],
  "user.delete": [2],
  "audit.query": [{ "query-filters": [["event", "=", "AUTHENTICATION"]], "query-options": { limit: 50 } }],
};

/** By the names of members, where their type is that of the value. */
const VALUES: Readonly<Record<string, unknown>> = {
  $date: 1_769_853_600_000,
  address: "192.0.2.7",
  api_key_id: 7,
  audit_id: EXAMPLE_UUID,
  bsdgrp_group: "ada",
  client_key: "irhoDJga...",
  credentials: "API_KEY",
  home: "/var/empty",
  id: 7,
  iterations: 50_000,
  key: EXAMPLE_KEY_TEXT,
  message_timestamp: 1_769_853_600,
  name: "ci",
  origin: "192.0.2.7:40000",
  pw_dir: "/var/empty",
  pw_gecos: "Ada Lovelace",
  pw_name: "ada",
  pw_shell: "/usr/sbin/nologin",
  revoked_reason: null,
  rfc_str: "r=...,s=...,i=50000",
  salt: "MDEyMzQ1Njc4OWFiY2RlZg==",
  server_key: "V6EDPQ6V...",
  shell: "/usr/sbin/nologin",
  stored_key: "i/m+buUR...",
  user_identifier: 1,
  username: "ada",
};

const REVOKED =
  "ci: API key has been revoked and must either be renewed or deleted. Revoke reason: Left the project.";
const BUILD = {
  id: 2,
  uid: 2,
  username: "build",
  full_name: "Build machine",
  email: null,
  bsdgrp_group: "build",
  roles: ["KEY_HOLDER"],
};

/** The same for one method alone; the empty name is the answer itself. */
const VALUES_OF: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "api_key.create": { name: "deploy", expires_at: IN_2030 },
  "auth.generate_token": { "": "FzV9c2Vl..." },
  "auth.sessions": { id: EXAMPLE_UUID, current: true },
  "user.query": BUILD,
  "user.get_instance": BUILD,
  "user.create": { ...BUILD, id: 3, uid: 3, username: "robot", full_name: "Robot", bsdgrp_group: "robot" },
  "user.update": BUILD,
  "user.delete": { "": 2 },
  "privilege.roles": { title: "Full administrator" },
  "audit.query": { event: "AUTHENTICATION", success: true, session: EXAMPLE_UUID },
  "alert.list": {
    uuid: "ApiKeyRevoked-7",
    id: "ApiKeyRevoked-7",
    source: "ApiKeyRevoked",
    klass: "ApiKeyRevoked",
    level: "WARNING",
    args: { name: "ci", reason: "Left the project" },
    key: '{"name": "ci", "reason": "Left the project"}',
    node: "",
    text: REVOKED.replace("ci", "%(name)s").replace("Left the project", "%(reason)s"),
    formatted: REVOKED,
  },
};

export function exampleOf(name: string, result: () => object): MethodDoc["example"] {
  const values = { ...VALUES, ...VALUES_OF[name] };
  return { params: PARAMS[name] ?? [], result: () => sampleOf(result(), "", values) };
}

type Values = Readonly<Record<string, unknown>>;

/** A value that a schema takes: that of the member's name where there is one, else the plainest. */
function sampleOf(schema: JsonSchema, name: string, values: Values): unknown {
  if ("const" in schema) return schema.const;
  const named = Object.hasOwn(values, name) ? values[name] : undefined;
  const isListed = schema.enum?.includes(named) ?? true;
  if (named !== undefined && isListed && isOfType(named, schema)) return named;
  if (schema.enum) return schema.enum[0];
  if ("default" in schema) return schema.default;
  const [choice] = schema.anyOf ?? schema.oneOf ?? [];
  if (choice) return sampleOf(choice, name, values);
  return plainest(schema, typeof schema.type === "string" ? schema.type : schema.type?.[0], values);
}

function plainest(schema: JsonSchema, type: string | undefined, values: Values): unknown {
  const { properties, required = [], items = {}, format, minimum = 1 } = schema;
  switch (type) {
    case "object":
      return Object.fromEntries(
        required.map((name) => [name, sampleOf(properties?.[name] ?? {}, name, values)]),
      );
    case "array":
      return items.enum || Object.keys(items.properties ?? {}).length > 0
        ? [sampleOf(items, "entry", values)]
        : [];
    case "integer":
    case "number":
      return Math.max(1, minimum);
    case "boolean":
      return false;
    case "string":
      return format === "uuid" ? EXAMPLE_UUID : "text";
    default:
      return null;
  }
}

function isOfType(value: unknown, { type, anyOf = [], oneOf = [] }: JsonSchema): boolean {
  if ([...anyOf, ...oneOf].some((one) => isOfType(value, one))) return true;
  const own = Array.isArray(value)
    ? "array"
    : value === null
      ? "null"
      : typeof value === "number"
        ? "integer"
        : typeof value;
  return type === own || (Array.isArray(type) && type.includes(own));
}
