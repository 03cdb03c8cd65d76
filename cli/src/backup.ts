import { resolve } from "node:path";
import { formatInstant } from "@chatelaine/contract/instant";
import type { CheckedBackup } from "@chatelaine/server/main";
import { type Command, InvalidArgumentError } from "commander";
import { addPrinting, type Local, onData, type Printing } from "./command.ts";
import { counted, printChanged, printNote, printRecord } from "./output.ts";
import { addPassphraseOptions, type PassphraseOptions, readNewPassphrase } from "./passphrase.ts";

interface BackupOptions extends Printing, PassphraseOptions {
  readonly withSecret?: boolean;
  readonly force?: boolean;
  readonly verify?: boolean;
}

type Manifest = CheckedBackup["backup"]["manifest"];
type Written = Awaited<ReturnType<Local["backups"]["write"]>>;

const STDOUT = "-";

export function addBackup(program: Command): void {
  const command = addPrinting(
    program,
    "backup <file>",
    "Writes the whole installation into one file, while it is served or not; `-` is standard output.",
    "chatelaine backup /mnt/backups/today.backup",
    "chatelaine backup - | ssh store 'cat > today.backup'",
    "chatelaine backup --verify /mnt/backups/today.backup",
    "chatelaine backup --with-secret --passphrase-file /root/passphrase whole.backup",
  )
    .option("--with-secret", "put the master secret into it too, under a passphrase")
    .option("--force", "replace a backup that is there")
    .option("--verify", "write nothing, and look whether this file is whole and can be restored");
  addPassphraseOptions(command).action(async (file: string, options: BackupOptions, self: Command) => {
    if (options.verify) return verify(file, options, self);
    if (file === STDOUT && options.json)
      throw new InvalidArgumentError("On standard output is the backup itself; leave --json out.");
    const passphrase = options.withSecret ? await readNewPassphrase(options) : undefined;
    const path = resolve(file);
    const written = await onData(self, ({ backups, caller }) => {
      const target =
        file === STDOUT
          ? ({ kind: "stream", sink: { write: writeStdout } } as const)
          : ({ kind: "file", path, replace: options.force === true } as const);
      return backups.write(caller, target, { passphrase });
    });
    const record = writtenShape(file === STDOUT ? null : path, written);
    await printChanged(
      options,
      record,
      `Wrote ${file === STDOUT ? "the backup" : path}: ${summaryOf(written)}.`,
    );
    if (!options.withSecret)
      printNote("The master secret is not in it: keep it elsewhere, without it the backup opens nothing.");
  });
}

async function verify(file: string, options: BackupOptions, command: Command): Promise<void> {
  if (options.withSecret || options.force)
    throw new InvalidArgumentError("--verify goes with no other option.");
  const { checkBackup } = await import("@chatelaine/server/main");
  const { backup, isOurs } = await checkBackup(command.optsWithGlobals<{ data?: string }>(), file);
  await printRecord(options, {
    ...writtenShape(resolve(file), backup),
    made_with_this_secret: isOurs ?? null,
  });
  if (isOurs === undefined)
    printNote("Whole. Whether it is ours was not looked at: there is no master secret in the data folder.");
  else
    printNote(isOurs ? "Whole." : "Whole, and made with another master secret than that of the data folder.");
}

/** As `--json` prints what a backup is. */
export function manifestShape(manifest: Manifest) {
  return {
    at: formatInstant(manifest.at),
    version: manifest.version,
    installation: manifest.installation,
    schema: manifest.schema.main,
    change: manifest.change,
    users: manifest.users,
    keys: manifest.keys,
    with_secret: manifest.secret !== null,
    secret_fingerprint: manifest.secretFingerprint,
  };
}

function writtenShape(file: string | null, { manifest, bytes, sha256 }: Written) {
  return { file, bytes, sha256, ...manifestShape(manifest) };
}

function summaryOf({ manifest: { users, keys, change }, bytes }: Written): string {
  return `${counted(users, "user")}, ${counted(keys, "key")}, up to change ${change}, ${bytes} bytes`;
}

async function writeStdout(bytes: Uint8Array): Promise<void> {
  await Bun.write(Bun.stdout, bytes);
}
