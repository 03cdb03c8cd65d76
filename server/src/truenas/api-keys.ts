/** `api_key.*` (`conformance/4-api-keys.txt`). */
import { KEY_ID_MAX, KEY_NAME_CHARS_MAX } from "@chatelaine/contract/limits";
import { KeyCreate } from "@chatelaine/contract/operations/key-entry";
import { z } from "zod";
import type { Caller } from "../domain/caller.ts";
import type { Key, KeySecret } from "../domain/key.ts";
import { KEY_BODY_CHARS } from "../domain/key-text.ts";
import { collect, othersFirst, type Slices } from "../domain/slices.ts";
import type { Keys } from "../keys/keys.ts";
import { asDialect, CallError, ValidationErrors } from "./errors.ts";
import { KEY_FIELDS, keyEntry, SECRET_FIELDS } from "./key-entry.ts";
import { type RpcListing, runQuery, test } from "./listing.ts";
import type { AnswerQuery } from "./long-answers.ts";
import { method, type RpcCall, type RpcMethod } from "./method.ts";
import { datetime, filtersParam, flag, integer, optionsParam, param, text } from "./params.ts";
import type { Entry } from "./version.ts";
import { base64 } from "./wire.ts";

/** A list is shaped, and its verifiers are opened, so many at a time, so that a long one does not hold up everybody else. */
const VERIFIERS_AT_ONCE = 200;

const READERS = ["API_KEY_READ", "KEY_HOLDER"] as const;
const WRITERS = ["READONLY_ADMIN", "API_KEY_WRITE", "KEY_HOLDER"] as const;

/** What a member means is said once, in the contract. */
const { name: told, username: owner } = KeyCreate.shape;
const NAME = text({ min: 1, max: KEY_NAME_CHARS_MAX }).describe(told.description ?? "");
const CREATE = z.strictObject({
  name: NAME,
  username: text().describe(owner.description ?? ""),
  expires_at: datetime.nullable().default(null),
});
const UPDATE = z.strictObject({
  name: NAME.optional(),
  expires_at: datetime.nullable().optional(),
  reset: flag.optional(),
});
const ID = param("id", integer);

export function keyMethods(keys: Keys, answer: AnswerQuery): Record<string, RpcMethod> {
  const entryOf = (call: RpcCall, key: Key, secret?: KeySecret): Promise<Entry> =>
    shown(keys, call, key, secret);
  return {
    "api_key.query": method(READERS, "List keys", [filtersParam, optionsParam], (call, condition, options) =>
      answer(call, options, () => runQuery(keyListing(keys, call), call.caller, condition, options)),
    ),
    "api_key.get_instance": method(READERS, "Read a key", [ID, optionsParam], async (call, id) =>
      entryOf(call, await ofKey(id, async () => keys.get(call.caller, id))),
    ),
    "api_key.my_keys": method(["READONLY_ADMIN", ...READERS], "List one's own keys", [], async (call) => {
      const { caller } = call;
      if (caller.kind === "system") throw new CallError("EFAULT", "Not a user session");
      const { rows } = await keys.list(caller, { where: test("userId", "=", caller.userId) });
      return entriesOf(keys, call, rows);
    }),
    "api_key.create": method(
      WRITERS,
      "Make a key",
      [param("api_key_create", CREATE)],
      async (call, { name, username, expires_at }) => {
        const made = await asDialect("api_key_create", undefined, () =>
          keys.create(call.caller, { name, username, expiresAt: expires_at }),
        );
        return entryOf(call, made.key, made.secret);
      },
      { audit: (given) => `Create API key ${nameIn(given[0])}` },
    ),
    "api_key.update": method(
      WRITERS,
      "Edit a key, or reset its secret",
      [ID, param("api_key_update", UPDATE)],
      async (call, id, { name, expires_at, reset }) => {
        const change = { name, expiresAt: expires_at };
        if (!reset)
          return entryOf(call, await ofKey(id, () => keys.update(call.caller, id, change)), undefined);
        const { key, secret } = await ofKey(id, () => keys.reset(call.caller, id, change));
        return entryOf(call, key, secret);
      },
      { audit: (given) => `Update API key ${idIn(given[0])}` },
    ),
    "api_key.delete": method(
      WRITERS,
      "Delete a key",
      [ID],
      async ({ caller }, id) => {
        await ofKey(id, () => keys.remove(caller, id));
        return true;
      },
      { audit: (given) => `Delete API key ${idIn(given[0])}` },
    ),
    "api_key.convert_raw_key": method(
      ["API_KEY_READ"],
      "What a SCRAM client needs to use a key's text",
      [param("raw_key", text({ min: 1, isSecret: true }))],
      ({ caller }, raw) => convert(keys, caller, raw),
    ),
  };
}

function keyListing(keys: Keys, call: RpcCall): RpcListing<Key> {
  return {
    fields: KEY_FIELDS,
    list: keys.list,
    entries: (rows, names) => entriesOf(keys, call, rows, { names }),
  };
}

interface Wanted {
  /** The members that are asked for; undefined for all. */
  readonly names?: ReadonlySet<string> | undefined;
  readonly areFresh?: boolean;
}

async function* entriesOf(
  keys: Keys,
  { caller, version }: RpcCall,
  rows: readonly Key[],
  { names, areFresh }: Wanted = {},
): Slices<Entry> {
  const wantsSecrets = version.hasScram && (!names || SECRET_FIELDS.some((name) => names.has(name)));
  const open = wantsSecrets ? keys.verifiers(caller, rows, areFresh) : undefined;
  for (let from = 0; from < rows.length; from += VERIFIERS_AT_ONCE) {
    const some = rows.slice(from, from + VERIFIERS_AT_ONCE);
    if (from > 0) await othersFirst();
    const verifiers = await open?.(some.map(({ id }) => id));
    yield some.map((key) => version.keyEntry(keyEntry(key, verifiers?.get(key.id))));
  }
}

/** Secrets just made are shown in clear, no matter who asked. */
async function shown(keys: Keys, call: RpcCall, key: Key, secret: KeySecret | undefined): Promise<Entry> {
  const [entry] = await collect(entriesOf(keys, call, [key], { areFresh: secret !== undefined }));
  if (!secret) return entry!;
  const fresh = { key: secret.text, client_key: base64(secret.scram.clientKey) };
  return call.version.keyEntry({ ...entry, ...fresh });
}

function ofKey<Result>(id: number, work: () => Promise<Result>): Promise<Result> {
  return asDialect("api_key_update", { what: "ApiKey", id }, work);
}

/** Tells nothing of whether the text is right: it is computed from what was given, with the key's own salt. */
async function convert(keys: Keys, caller: Caller, raw: string): Promise<object> {
  const [, digits, body] = /^(\d+)-(.*)$/s.exec(raw.trim()) ?? refuseRaw(["Not a valid raw API key"]);
  const id = Number(digits);
  const isId = id >= 1 && id <= KEY_ID_MAX;
  const found = isId ? await keys.convert(caller, { id, body: body! }) : "missing";
  const faults = [
    ...(id < 1 ? ["Invalid key id"] : []),
    ...(body!.length === KEY_BODY_CHARS ? [] : ["Unexpected key size."]),
    ...(found === "missing" ? ["Key does not exist."] : []),
    ...(found === "revoked" ? ["Key is revoked."] : []),
  ];
  if (faults.length > 0 || typeof found === "string") refuseRaw(faults);
  return {
    api_key_id: id,
    iterations: found.iterations,
    salt: base64(found.salt),
    client_key: base64(found.clientKey),
    stored_key: base64(found.storedKey),
    server_key: base64(found.serverKey),
  };
}

function refuseRaw(messages: readonly string[]): never {
  throw new ValidationErrors(messages.map((message) => ({ attribute: "api_key_convert_raw_key", message })));
}

function nameIn(given: unknown): string {
  const name = (given as { name?: unknown } | null | undefined)?.name;
  return typeof name === "string" ? name.slice(0, KEY_NAME_CHARS_MAX) : "";
}

function idIn(given: unknown): string {
  return Number.isSafeInteger(given) ? String(given) : "";
}
