import { wireName } from "@chatelaine/contract/names";
import { type Command, InvalidArgumentError } from "commander";
import { addPrinting, type Local, onData, type Printing } from "./command.ts";
import { printChanged, printRecord } from "./output.ts";

interface SetOptions extends Printing {
  readonly file?: string;
}

const SECRET = "webhook_secret";

type Settings = Awaited<ReturnType<Local["settings"]["show"]>>;

export function addSettingsCommands(program: Command): void {
  const settings = program
    .command("settings")
    .description("The server's own settings; changes count at once.");
  addPrinting(settings, "show", "Prints all settings.", "chatelaine settings show").action(
    async (options: Printing, command: Command) => {
      const current = await onData(command, (local) => local.settings.show(local.caller));
      await printRecord(options, settingsShape(current));
    },
  );
  addPrinting(
    settings,
    "set <name> [value]",
    "Changes a setting; `none` takes its value away. insecure_transport is revoke, refuse or allow, and insecure_transport_dialect close too; roles are parted by commas; webhook_secret comes from a file alone.",
    "chatelaine settings set insecure_transport_dialect refuse",
    "chatelaine settings set key_days_max 365",
    "chatelaine settings set non_expiring_roles FULL_ADMIN",
    "chatelaine settings set webhook_secret --file /dev/stdin",
    "chatelaine settings set client_certificate --file /etc/nginx/tls/cert.pem",
  )
    .option("--file <path>", "take the value from this file")
    .action(async (name: string, given: string | undefined, options: SetOptions, command: Command) => {
      if (name === SECRET && given !== undefined && given !== "none")
        throw new InvalidArgumentError("A secret never goes into the arguments; give --file.");
      const value = parseValue(name, await readValue(given, options.file));
      const changed = await onData(command, async ({ settings: use, caller }) => {
        const current = await use.show(caller);
        return use.change(caller, { [memberOf(current, name)]: value });
      });
      await printChanged(
        options,
        settingsShape(changed),
        `${name} is ${value === null ? "taken away" : "set"}.`,
      );
    });
}

async function readValue(given: string | undefined, file: string | undefined): Promise<string | null> {
  if ((given === undefined) === (file === undefined)) {
    throw new InvalidArgumentError("Give either a value or --file.");
  }
  if (file !== undefined) return Bun.file(file).text();
  return given === "none" || given === undefined ? null : given;
}

/** Texts of the command line as the setting has them. */
function parseValue(name: string, text: string | null): unknown {
  if (text === null) return null;
  if (name === SECRET) return text.replace(/\r?\n$/, "");
  if (name.endsWith("_roles")) return text.split(",").map((role) => role.trim());
  if (/^\d{1,9}$/.test(text)) return Number(text);
  return text === "true" || text === "false" ? text === "true" : text;
}

function settingsShape({ version: _, ...settings }: Settings): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).map(([member, value]) => [wireName(member), value]));
}

function memberOf({ version: _, ...settings }: Settings, name: string): string {
  const members = Object.keys(settings).map((one) => (one === "webhookSecretSet" ? "webhookSecret" : one));
  const member = members.find((one) => wireName(one) === name);
  if (member !== undefined) return member;
  throw new InvalidArgumentError(`No setting ${name}; there are ${members.map(wireName).join(", ")}.`);
}
