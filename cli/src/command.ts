/** How commands are declared, and how they reach the use cases. */
import type { Local } from "@chatelaine/server/app";
import type { Command } from "commander";
import type { Printed } from "./entries.ts";

export type { Local };

/** The use cases of an open data folder, and how their records are printed. */
export interface Data extends Local {
  readonly printed: Printed;
}

/** What a command that prints data always takes. */
export interface Printing {
  readonly json?: boolean;
}

/**
 * @param usage name and arguments, `show <name>`
 * @param examples whole lines, without the name of the program
 */
export function addCommand(parent: Command, usage: string, summary: string, ...examples: string[]): Command {
  return parent.command(usage).description(summary).addHelpText("after", exampleText(examples));
}

/** A command that prints data, and so takes `--json`. */
export function addPrinting(parent: Command, usage: string, summary: string, ...examples: string[]): Command {
  return addCommand(parent, usage, summary, ...examples).option("--json", "print JSON");
}

/** Runs work on the data folder of this command line, whether or not a server runs on it. */
export async function onData<Result>(
  command: Command,
  work: (data: Data) => Promise<Result>,
): Promise<Result> {
  const { openData } = await import("@chatelaine/server/main");
  const local = await openData(command.optsWithGlobals<{ data?: string; state?: string }>());
  try {
    const { createPrinted } = await import("./entries.ts");
    return await work({ ...local, printed: createPrinted(local) });
  } finally {
    await local.close();
  }
}

/** For options that may be given more than once. */
export function collect<Value>(parse: (text: string) => Value): (text: string, before?: Value[]) => Value[] {
  return (text, before = []) => [...before, parse(text)];
}

function exampleText(examples: readonly string[]): string {
  return `\nExample${examples.length === 1 ? "" : "s"}:\n${examples.map((example) => `  $ ${example}`).join("\n")}`;
}
