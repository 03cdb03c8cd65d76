/** Each command of the command line has a file of its own, named after it. */
import type { RawConfig } from "@chatelaine/server/main";
import { type Command, InvalidArgumentError } from "commander";
import { addPrinting, onData, type Printing } from "./command.ts";
import { printNote, printSecretOnce } from "./output.ts";

export function addSetupLink(program: Command): void {
  addPrinting(
    program,
    "setup-link",
    "Prints a new link that makes the first administrator, once, within an hour. The link before it is dead.",
    "chatelaine setup-link",
  )
    .option("--http <addr>", "where the server listens, as given to serve (CHATELAINE_HTTP)")
    .option("--https <addr>", "the same with TLS (CHATELAINE_HTTPS)")
    .action(async (options: Printing & RawConfig, command: Command) => {
      const { pageAddress, setupLink } = await import("@chatelaine/server/main");
      const page = orWrongUsage(() => pageAddress(command.optsWithGlobals<RawConfig>()));
      const token = await onData(command, ({ setup, caller }) => setup.makeToken(caller));
      const url = setupLink(page, token);
      await printSecretOnce(options, { text: url, record: { url }, again: "Ask for another link." });
      if (!options.json) printNote("It works once, within an hour, while there is no user.");
    });
}

function orWrongUsage<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
