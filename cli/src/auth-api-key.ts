/** `auth api_key ...`: the words of the TrueNAS command line, for those who come from there. */
import { type Command, InvalidArgumentError } from "commander";
import { parseExpiry, parseId } from "./arguments.ts";
import { addPrinting, onData, type Printing } from "./command.ts";
import type { PrintedSecret } from "./entries.ts";
import { lostKey } from "./key.ts";
import { printJson, printList, printNote, printRecord, printSecretOnce } from "./output.ts";
import { ENTRY_FIELDS, type EntryFieldName, entryOf, isEntryField } from "./truenas-entry.ts";
import { parseWhere } from "./where.ts";

const ALL_FIELDS = Object.keys(ENTRY_FIELDS) as EntryFieldName[];

export function addAuthApiKey(program: Command): void {
  const auth = program.command("auth").description("The words of the TrueNAS command line.");
  const apiKey = auth.command("api_key").description("API keys, in the words of the TrueNAS command line.");
  addCreate(apiKey);
  addQuery(apiKey);
  addGetInstance(apiKey);
  addUpdate(apiKey);
  addDelete(apiKey);
}

function addCreate(apiKey: Command): void {
  addPrinting(
    apiKey,
    "create <property...>",
    "Makes a key: name=, username= and expires_at=.",
    "chatelaine auth api_key create name=ci username=root",
    `chatelaine auth api_key create name=ci username=root 'expires_at={"$date":1893456000000}'`,
  ).action(async (given: readonly string[], options: Printing, command: Command) => {
    const properties = readProperties(given, ["name", "username", "expires_at"]);
    const { name, username } = properties;
    if (name === undefined || username === undefined)
      throw new InvalidArgumentError("name= and username= are needed.");
    const input = {
      name: textOf("name", name),
      username: textOf("username", username),
      ...expiryOf(properties),
    };
    const made = await onData(command, async ({ keys, caller, printed }) => {
      const { key, secret } = await keys.create(caller, input);
      return printed.secret(key, secret.text);
    });
    await printKeyText(options, made);
  });
}

function addQuery(apiKey: Command): void {
  addPrinting(
    apiKey,
    "query [words...]",
    `Lists keys: FIELD,... WHERE CONDITION. Fields: ${ALL_FIELDS.join(", ")}.`,
    "chatelaine auth api_key query",
    `chatelaine auth api_key query "id,name,username WHERE username == 'root'"`,
  ).action(async (words: readonly string[], options: Printing, command: Command) => {
    const { fields, where } = readQuery(words);
    const order = [{ path: ["id"], descending: false, nullsFirst: true }];
    const entries = await onData(command, async ({ keys, caller, printed }) => {
      const { rows } = await keys.list(caller, where === undefined ? { order } : { order, where });
      return rows.map((row) => entryOf(printed.key(row), fields));
    });
    await printList(
      options,
      entries,
      fields.map((name) => [name, (entry) => entry[name]]),
    );
  });
}

function addGetInstance(apiKey: Command): void {
  addPrinting(apiKey, "get_instance <id>", "Prints a key.", "chatelaine auth api_key get_instance 7").action(
    async (given: string, options: Printing, command: Command) => {
      const id = readId(given);
      const key = await onData(command, async ({ keys, caller, printed }) =>
        printed.key(await keys.get(caller, id)),
      );
      await printRecord(options, entryOf(key, ALL_FIELDS));
    },
  );
}

function addUpdate(apiKey: Command): void {
  addPrinting(
    apiKey,
    "update <id> <property...>",
    "Edits a key: name=, expires_at= and reset=true.",
    "chatelaine auth api_key update 7 name=ci2",
  ).action(async (given: string, rest: readonly string[], options: Printing, command: Command) => {
    const id = readId(given);
    const properties = readProperties(rest, ["name", "expires_at", "reset"]);
    const { name, reset = false } = properties;
    if (typeof reset !== "boolean") throw new InvalidArgumentError("reset= is true or false.");
    const change = {
      ...(name !== undefined && { name: textOf("name", name) }),
      ...expiryOf(properties),
    };
    if (reset) {
      const made = await onData(command, async ({ keys, caller, printed }) => {
        const { key, secret } = await keys.reset(caller, id, change);
        return printed.secret(key, secret.text);
      });
      return printKeyText(options, made);
    }
    const changed = await onData(command, async ({ keys, caller, printed }) =>
      printed.key(await keys.update(caller, id, change)),
    );
    await printRecord(options, entryOf(changed, ALL_FIELDS));
  });
}

function addDelete(apiKey: Command): void {
  addPrinting(apiKey, "delete <id>", "Deletes a key.", "chatelaine auth api_key delete 7").action(
    async (given: string, options: Printing, command: Command) => {
      const id = readId(given);
      await onData(command, ({ keys, caller }) => keys.remove(caller, id));
      if (options.json) return printJson(true);
      printNote(`Deleted key ${id}.`);
    },
  );
}

async function printKeyText(options: Printing, made: PrintedSecret): Promise<void> {
  await printSecretOnce(options, { text: `API Key: ${made.key}`, record: made, again: lostKey(made.id) });
}

/** `7` or `id=7` */
function readId(text: string): number {
  return parseId(text.replace(/^id=/, ""));
}

/** `name=value`, the value JSON or a bare word. */
function readProperties<Name extends string>(
  given: readonly string[],
  names: readonly Name[],
): { [name in Name]?: unknown } {
  const properties: { [name in Name]?: unknown } = {};
  for (const text of given) {
    const at = text.indexOf("=");
    const name = names.find((one) => one === text.slice(0, at));
    if (name === undefined)
      throw new InvalidArgumentError(`Expected ${names.join("=, ")}=, each with a value.`);
    if (name in properties) throw new InvalidArgumentError(`${name}= stands there twice.`);
    properties[name] = readValue(name, text.slice(at + 1));
  }
  return properties;
}

function readValue(name: string, text: string): unknown {
  const quoted = /^'(.*)'$/s.exec(text);
  if (quoted) return quoted[1];
  // Only what begins like JSON that is no word: a key may be named 007.
  if (!/^["{[]|^(?:true|false|null)$/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError(`${name}= is broken JSON; put the word into single quotes for the shell.`);
  }
}

function textOf(name: string, value: unknown): string {
  if (typeof value !== "string") throw new InvalidArgumentError(`${name}= is a text.`);
  return value;
}

function expiryOf({ expires_at: value }: { expires_at?: unknown }): { expiresAt?: number | null } {
  if (value === undefined) return {};
  if (value === null) return { expiresAt: null };
  if (typeof value === "string") return { expiresAt: parseExpiry(value) };
  const at = typeof value === "object" && "$date" in value ? value.$date : undefined;
  if (!Number.isSafeInteger(at))
    throw new InvalidArgumentError(`expires_at= is {"$date": milliseconds} or null.`);
  return { expiresAt: at as number };
}

function readQuery(words: readonly string[]): {
  fields: readonly EntryFieldName[];
  where?: ReturnType<typeof parseWhere>;
} {
  // One quoted word of the shell may hold all of it.
  const parts = words.flatMap((word, index) =>
    index === 0 ? word.trim().split(/\s+(?=where\b)|(?<=^where)\s+/i) : [word],
  );
  const at = parts.findIndex((part) => /^where\b/i.test(part));
  const names = (at < 0 ? parts : parts.slice(0, at))
    .join(",")
    .split(/[\s,]+/)
    .filter((name) => name !== "");
  for (const name of names) {
    if (!isEntryField(name))
      throw new InvalidArgumentError(`No field ${name}; there are ${ALL_FIELDS.join(", ")}.`);
  }
  const fields = names.length === 0 ? ALL_FIELDS : names.filter(isEntryField);
  if (at < 0) return { fields };
  return { fields, where: parseWhere([parts[at]!.replace(/^where\s*/i, ""), ...parts.slice(at + 1)]) };
}
