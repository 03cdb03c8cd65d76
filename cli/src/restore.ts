import type { FromBackupResult } from "@chatelaine/server/main";
import { type Command, InvalidArgumentError } from "commander";
import { manifestShape } from "./backup.ts";
import { addPrinting, onData, type Printing } from "./command.ts";
import { counted, print, printJson, printNote, visible } from "./output.ts";
import { addPassphraseOptions, type PassphraseOptions, readPassphrase } from "./passphrase.ts";

interface RestoreOptions extends Printing, PassphraseOptions {
  readonly accept?: boolean;
  readonly dryRun?: boolean;
  readonly asItWas?: boolean;
}

type Report = FromBackupResult["report"];

/** Named one by one for people; `--json` names all. */
const NAMED_MAX = 20;

export function addRestore(program: Command): void {
  const command = addPrinting(
    program,
    "restore [file]",
    "Brings the data folder back from a backup. What ended since stays dead: revoked, paused, reset, deleted, locked, demoted.",
    "chatelaine restore --dry-run /mnt/backups/today.backup",
    "chatelaine restore /mnt/backups/today.backup",
    "chatelaine restore --accept",
  )
    .option("--dry-run", "change nothing, and say what would come back and what would stay dead")
    .option("--as-it-was", "take the backup as it is, what ended since included; it then waits for --accept")
    .option("--accept", "accept restored data, which waits, as it is; all sessions end");
  addPassphraseOptions(command).action(
    async (file: string | undefined, options: RestoreOptions, self: Command) => {
      if (options.accept) return accept(file, options, self);
      if (file === undefined) throw new InvalidArgumentError("restore: name a backup, or give --accept.");
      const { restoreBackup } = await import("@chatelaine/server/main");
      const result = await restoreBackup(self.optsWithGlobals<{ data?: string; state?: string }>(), {
        file,
        asItWas: options.asItWas === true,
        dryRun: options.dryRun === true,
        passphrase: () => readPassphrase(options),
      });
      if (options.json) return printJson(shapeOf(result, options));
      await print(wordsOf(result, options).join("\n"));
    },
  );
}

async function accept(file: string | undefined, options: RestoreOptions, command: Command): Promise<void> {
  if (file !== undefined || options.dryRun || options.asItWas)
    throw new InvalidArgumentError("--accept goes with no other option and no file.");
  const { why, found, expected } = await onData(command, (local) => local.restore.accept(local.caller));
  if (options.json) return printJson({ accepted: true, last_change: found, last_known_change: expected });
  if (why === "apart")
    return printNote("Accepted. Changes that this data never had are lost; all sessions have ended.");
  printNote(
    expected > found
      ? `Accepted. Changes ${found + 1} to ${expected} are lost; all sessions have ended.`
      : "Accepted. All sessions have ended.",
  );
}

function shapeOf(result: FromBackupResult, { dryRun }: RestoreOptions) {
  const { backup, present, relation, report, isQuarantined, before, aside, isServed } = result;
  return {
    restored: !dryRun,
    backup: manifestShape(backup.manifest),
    present: present.kind,
    relation,
    quarantine: isQuarantined,
    served: isServed,
    users: report.users,
    keys: report.keys,
    good_keys: report.goodKeys,
    administrators: report.administrators,
    revived: report.revived,
    kept_dead: report.keptDead,
    gone: report.gone,
    changed: report.changed,
    settings: report.settings,
    backup_before: before ?? null,
    replaced: aside ?? null,
  };
}

function wordsOf(result: FromBackupResult, options: RestoreOptions): string[] {
  const { backup, present, report, before, aside, isServed, isQuarantined } = result;
  const { at, version, installation, change, users, keys } = backup.manifest;
  return [
    `Backup of ${new Date(at).toISOString()}, Chatelaine ${version}, installation ${installation ?? "unknown"}: ${counted(users, "user")}, ${counted(keys, "key")}, up to change ${change}.`,
    ...presentWords(result, options),
    ...named(`Live again, and do not now (${report.revived.length}):`, report.revived),
    ...named(`Stay dead or narrower (${report.keptDead.length}):`, report.keptDead),
    ...named(`Made since, and gone (${report.gone.length}):`, report.gone),
    ...named(`As they were again (${report.changed.length}):`, report.changed),
    ...settingLines(report.settings),
    `${options.dryRun ? "The folder would hold" : "The folder holds"} ${counted(report.users, "user")} and ${counted(report.keys, "key")}, ${report.goodKeys} of them good.`,
    ...(report.administrators === 0
      ? [
          "Nobody of them is an administrator: `chatelaine user create NAME --role FULL_ADMIN --password-stdin` makes one.",
        ]
      : []),
    ...(before === undefined ? [] : [`What was there before: ${before}`]),
    ...(aside === undefined ? [] : [`The files that were there: ${aside}`]),
    ...(isServed ? ["A server runs on this folder: stop it before you restore."] : []),
    ...endWords(options, isQuarantined, present.kind),
  ];
}

function presentWords({ present, relation }: FromBackupResult, { asItWas }: RestoreOptions): string[] {
  if (present.kind === "none") return ["There is no database in the folder: what ended since is not known."];
  if (present.kind === "unreadable")
    return [`The database in the folder cannot be read (${present.why}): what ended since is not known.`];
  if (asItWas) return ["Taken as it was: what ended since lives again."];
  const words: Partial<Record<typeof relation, string>> = {
    before: "The backup is newer than the database in the folder.",
    apart: "The backup and the database in the folder have both gone on from a third state.",
  };
  return words[relation] === undefined ? [] : [words[relation]];
}

function endWords({ dryRun }: RestoreOptions, isQuarantined: boolean, present: string): string[] {
  const waits =
    "Nothing is checked and nobody signs in until you have looked through it and run `chatelaine restore --accept`.";
  if (dryRun) return ["Nothing was changed.", ...(isQuarantined ? [`After it: ${waits}`] : [])];
  if (isQuarantined) return [waits];
  return present === "readable" ? ["Restored. All sessions have ended."] : ["Restored."];
}

function named(
  title: string,
  all: readonly (Report["revived"][number] & {
    readonly because?: readonly string[];
    readonly fields?: readonly string[];
  })[],
): string[] {
  if (all.length === 0) return [];
  const lines = all.slice(0, NAMED_MAX).map(({ kind, id, name, because, fields }) => {
    const more = because ?? fields;
    return `  ${kind} ${id} ${visible(name)}${more ? `: ${more.join(", ")}` : ""}`;
  });
  const rest = all.length - lines.length;
  return [title, ...lines, ...(rest > 0 ? [`  and ${rest} more; --json names all`] : [])];
}

function settingLines(settings: Report["settings"]): string[] {
  const lines = Object.entries(settings).map(
    ([name, [now, then]]) => `  ${name}: ${JSON.stringify(now)} becomes ${JSON.stringify(then)}`,
  );
  return lines.length === 0 ? [] : ["Settings:", ...lines];
}
