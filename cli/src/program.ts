/**
 * The command line as a whole: its groups of commands, what holds for all of them, and the exit code: 0 done, 1 refused
 * or failed, 2 wrong usage. What a command needs of the server is loaded when the command runs, not before.
 */
import { VERSION } from "@chatelaine/server/version";
import { Command } from "commander";
import { addAuthApiKey } from "./auth-api-key.ts";
import { addBackup } from "./backup.ts";
import { addDoctor } from "./doctor/doctor.ts";
import { report, withoutValues } from "./errors.ts";
import { addGroupCommands } from "./group.ts";
import { addKeyCommands } from "./key.ts";
import { addProxy } from "./proxy/proxy.ts";
import { addRestore } from "./restore.ts";
import { addServe } from "./serve.ts";
import { addSettingsCommands } from "./settings.ts";
import { addSetupLink } from "./setup-link.ts";
import { addUserCommands } from "./user.ts";
import { addWhy } from "./why.ts";

/** @returns the exit code */
export async function runProgram(args: readonly string[]): Promise<number> {
  try {
    await buildProgram().parseAsync(args, { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return report(error);
  }
}

function buildProgram(): Command {
  const program = new Command("chatelaine")
    .description("Issues and checks user-linked API keys.")
    .option("--data <dir>", "data folder (CHATELAINE_DATA); before or after the command")
    .option(
      "--state <dir>",
      "folder outside of it for the file that notices an older copy, or off (CHATELAINE_STATE)",
    )
    .version(VERSION, "--version", "print the version")
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      outputError: (text, write) => write(withoutValues(text.replace(/^error: /, "chatelaine: "))),
    })
    .addHelpText("after", FIRST_STEPS);
  for (const add of [
    addServe,
    addSetupLink,
    addUserCommands,
    addGroupCommands,
    addKeyCommands,
    addProxy,
    addDoctor,
    addWhy,
    addBackup,
    addRestore,
    addSettingsCommands,
    addAuthApiKey,
  ]) {
    add(program);
  }
  completeUsage(program);
  return program;
}

const FIRST_STEPS = `
First steps:
  $ chatelaine serve
  $ printf 'a long password' | chatelaine user create root --role FULL_ADMIN --password-stdin
  $ chatelaine key create --user root --name ci

Exit codes: 0 done, 1 refused or failed, 2 wrong usage`;

/** Options that must be given stand in the usage line, and the usage line stands below what is said of wrong usage. */
function completeUsage(command: Command): void {
  const needed = command.options.filter((option) => option.mandatory).map((option) => option.flags);
  command.usage([...needed, command.usage()].join(" "));
  command.showHelpAfterError(`Usage: ${command.createHelp().commandUsage(command)}`);
  command.commands.forEach(completeUsage);
}
