/** The passphrase over a master secret in a backup: from standard input, a file or the environment, or typed unseen. */
import { type Command, InvalidArgumentError } from "commander";
import { askUnseen, readStdin } from "./input.ts";

export interface PassphraseOptions {
  readonly passphraseStdin?: boolean;
  readonly passphraseFile?: string;
}

const VARIABLE = "CHATELAINE_PASSPHRASE";
const PASSPHRASE_CHARS_MIN = 12;

export function addPassphraseOptions(command: Command): Command {
  return command
    .option("--passphrase-stdin", `take the passphrase from standard input (or set ${VARIABLE})`)
    .option("--passphrase-file <file>", "take the passphrase from this file");
}

/** For a new one: typed twice, and long enough. */
export async function readNewPassphrase(options: PassphraseOptions): Promise<string> {
  const given = await readGiven(options);
  const passphrase = given ?? (await askUnseen("New passphrase: "));
  if ([...passphrase].length < PASSPHRASE_CHARS_MIN)
    throw new InvalidArgumentError(`The passphrase needs at least ${PASSPHRASE_CHARS_MIN} characters.`);
  if (given === undefined && (await askUnseen("Once more: ")) !== passphrase)
    throw new Error("The two passphrases differ.");
  return passphrase;
}

export async function readPassphrase(options: PassphraseOptions): Promise<string> {
  return (await readGiven(options)) ?? (await askUnseen("Passphrase: "));
}

/** @returns undefined where it is to be typed */
async function readGiven({
  passphraseStdin,
  passphraseFile,
}: PassphraseOptions): Promise<string | undefined> {
  if (passphraseStdin && passphraseFile !== undefined)
    throw new InvalidArgumentError("Give either --passphrase-stdin or --passphrase-file.");
  if (passphraseStdin) return readStdin();
  if (passphraseFile !== undefined) return (await Bun.file(passphraseFile).text()).replace(/\r?\n$/, "");
  const set = process.env[VARIABLE];
  if (set) return set;
  if (process.stdin.isTTY) return undefined;
  throw new InvalidArgumentError(
    `Without a terminal the passphrase comes by --passphrase-stdin, --passphrase-file or ${VARIABLE}.`,
  );
}
