import type { Command } from "commander";
import { type Expiry, parseId, readExpiry } from "./arguments.ts";
import { addPrinting, type Data, onData, type Printing } from "./command.ts";
import type { KeyRecord, PrintedKey, PrintedSecret } from "./entries.ts";
import { addKeyLimits, type KeyLimitOptions, limitsOf } from "./key-limits.ts";
import { addVerify } from "./key-verify.ts";
import {
  type PrintColumn,
  printChanged,
  printList,
  printNote,
  printRecord,
  printSecretOnce,
} from "./output.ts";

const EXPIRES =
  "30m, 12h, 90d, 2w, 1y, an instant (2030-01-31T12:00:00Z), a day in UTC (2030-01-31) or never";

const COLUMNS: readonly PrintColumn<PrintedKey>[] = [
  ["ID", (key) => key.id],
  ["NAME", (key) => key.name],
  ["USER", (key) => key.username],
  ["STATUS", (key) => key.status],
  ["EXPIRES", (key) => key.ends_at ?? "never"],
  ["LAST USED", (key) => key.last_used_at ?? "never"],
];

export function addKeyCommands(program: Command): void {
  const key = program.command("key").description("API keys, each of them a user's.");
  addCreate(key);
  addReading(key);
  addEdit(key);
  addReset(key);
  addStates(key);
  addDelete(key);
  addVerify(key);
}

interface CreateOptions extends Printing, KeyLimitOptions {
  readonly user: string;
  readonly name: string;
  readonly expires?: Expiry;
}

function addCreate(key: Command): void {
  const create = addPrinting(
    key,
    "create",
    "Makes a key and prints it, this once, alone on standard output.",
    "chatelaine key create --user root --name ci --expires 90d",
    "chatelaine key create --user root --name ci > ci.key",
  )
    .requiredOption("--user <name>", "whose key it is")
    .requiredOption("--name <text>", "unique over all users")
    .option("--expires <when>", EXPIRES, readExpiry);
  addKeyLimits(create).action(async (options: CreateOptions, command: Command) => {
    const { user: username, name, expires } = options;
    const input = { username, name, expiresAt: expires?.at, ...limitsOf(options) };
    const made = await onData(command, async ({ keys, caller, printed }) => {
      const { key, secret } = await keys.create(caller, input);
      return printed.secret(key, secret.text);
    });
    await printSecret(options, made);
  });
}

function addReading(key: Command): void {
  addPrinting(key, "list", "Lists keys.", "chatelaine key list --user root", "chatelaine key list --json")
    .option("--user <name>", "only this user's")
    .action(async (options: Printing & { user?: string }, command: Command) => {
      const shapes = await onData(command, (local) => listKeys(local, options.user));
      await printList(options, shapes, COLUMNS);
    });
  addPrinting(
    key,
    "show",
    "Prints a key, but not the secret, which is stored nowhere.",
    "chatelaine key show 7",
  )
    .argument("<id>", "the number that the key begins with", parseId)
    .action(async (id: number, options: Printing, command: Command) => {
      await printRecord(options, await changeKey(command, async ({ keys, caller }) => keys.get(caller, id)));
    });
}

async function listKeys(
  { keys, users, caller, printed }: Data,
  username: string | undefined,
): Promise<PrintedKey[]> {
  const order = [{ path: ["id"], descending: false, nullsFirst: true }];
  // So that a name with a typing error is not taken for a user without keys.
  if (username !== undefined) await users.get(caller, { username });
  const where = { kind: "test", path: ["username"], op: "=", fold: false, value: username ?? "" } as const;
  const { rows } = await keys.list(caller, username === undefined ? { order } : { order, where });
  return rows.map(printed.key);
}

interface EditOptions extends Printing, KeyLimitOptions {
  readonly name?: string;
  readonly expires?: Expiry;
}

function addEdit(key: Command): void {
  const edit = addPrinting(
    key,
    "edit",
    "Edits a key; its text stays as it is.",
    "chatelaine key edit 7 --name deploy --expires never",
    "chatelaine key edit 7 --tag web --tag eu",
  )
    .argument("<id>", "the number that the key begins with", parseId)
    .option("--name <text>", "unique over all users")
    .option("--expires <when>", EXPIRES, readExpiry);
  addKeyLimits(edit)
    .option("--no-tags", "takes all tags away")
    .option("--all-roles", "all roles that the user has")
    .option("--all-scopes", "all scopes that the user has")
    .option("--any-ip", "from any address")
    .option("--no-rate", "as often as wanted")
    .option("--no-manages-sign-in", "held to its limits in this too")
    .action(async (id: number, options: EditOptions, command: Command) => {
      const { name, expires } = options;
      const change = {
        ...(name !== undefined && { name }),
        ...(expires && { expiresAt: expires.at }),
        ...limitsOf(options),
      };
      if (Object.keys(change).length === 0)
        command.error("error: nothing to change: give at least one option");
      const changed = await changeKey(command, ({ keys, caller }) => keys.update(caller, id, change));
      await printChanged(options, changed, `Changed key ${id}, ${quoted(changed.name)}.`);
    });
}

function addReset(key: Command): void {
  addPrinting(
    key,
    "reset",
    "Gives a key a new secret and prints it as create does; the one before is dead at once.",
    "chatelaine key reset 7 --expires 90d",
  )
    .argument("<id>", "the number that the key begins with", parseId)
    .option("--expires <when>", EXPIRES, readExpiry)
    .action(async (id: number, options: Printing & { expires?: Expiry }, command: Command) => {
      const change = options.expires && { expiresAt: options.expires.at };
      const made = await onData(command, async ({ keys, caller, printed }) => {
        const { key, secret } = await keys.reset(caller, id, change);
        return printed.secret(key, secret.text);
      });
      await printSecret(options, made);
    });
}

function addStates(key: Command): void {
  addPrinting(key, "pause", "Pauses a key: it works again when it is resumed.", "chatelaine key pause 7")
    .argument("<id>", "the number that the key begins with", parseId)
    .action(async (id: number, options: Printing, command: Command) => {
      const paused = await changeKey(command, ({ keys, caller }) => keys.pause(caller, id));
      await printChanged(options, paused, `Paused key ${id}, ${quoted(paused.name)}.`);
    });
  addPrinting(key, "resume", "Lets a paused key work again.", "chatelaine key resume 7")
    .argument("<id>", "the number that the key begins with", parseId)
    .action(async (id: number, options: Printing, command: Command) => {
      const resumed = await changeKey(command, ({ keys, caller }) => keys.resume(caller, id));
      await printChanged(
        options,
        resumed,
        `Resumed key ${id}, ${quoted(resumed.name)}: it is ${resumed.status}.`,
      );
    });
  addPrinting(
    key,
    "revoke",
    "Revokes a key until it is reset.",
    "chatelaine key revoke 7 --reason 'Found in a log'",
  )
    .argument("<id>", "the number that the key begins with", parseId)
    .requiredOption("--reason <text>", "why; its owner and the audit log see it")
    .action(async (id: number, options: Printing & { reason: string }, command: Command) => {
      const revoked = await changeKey(command, ({ keys, caller }) => keys.revoke(caller, id, options.reason));
      await printChanged(options, revoked, `Revoked key ${id}, ${quoted(revoked.name)}.`);
    });
}

function addDelete(key: Command): void {
  addPrinting(key, "delete", "Deletes a key; its id is never used again.", "chatelaine key delete 7")
    .argument("<id>", "the number that the key begins with", parseId)
    .action(async (id: number, options: Printing, command: Command) => {
      const gone = await changeKey(command, ({ keys, caller }) => keys.remove(caller, id));
      await printChanged(options, gone, `Deleted key ${id}, ${quoted(gone.name)}.`);
    });
}

function changeKey(command: Command, work: (data: Data) => Promise<KeyRecord>): Promise<PrintedKey> {
  return onData(command, async (data) => data.printed.key(await work(data)));
}

/** The only output of a key's text: alone, so that it can be piped. */
async function printSecret(options: Printing, made: PrintedSecret): Promise<void> {
  await printSecretOnce(options, { text: made.key, record: made, again: lostKey(made.id) });
  if (options.json) return;
  const end = made.ends_at === null ? "never expires" : `expires ${made.ends_at}`;
  printNote(`Key ${made.id}, ${quoted(made.name)}, of ${made.username} ${end}. It is shown this once.`);
}

/** What to do about a key whose text went nowhere. */
export function lostKey(id: number): string {
  return `Key ${id} is there, but nobody has its text: reset it again (chatelaine key reset ${id}).`;
}

function quoted(name: string): string {
  return JSON.stringify(name);
}
