/** Each command of the command line has a file of its own, named after it. */
import type { Command } from "commander";
import { addPrinting, onData, type Printing } from "./command.ts";
import { printRecord } from "./output.ts";

/** The number that a refused caller got, and nothing else. */
export function addWhy(program: Command): void {
  addPrinting(
    program,
    "why <decision>",
    "Tells why a key was refused, by the number (Decision-Id) that the refused caller got.",
    "chatelaine why 0b6c9d0e-3b0e-4a5e-8a4e-1d1f1e4a7a10",
  ).action(async (decision: string, options: Printing, command: Command) => {
    const found = await onData(command, ({ usage, caller }) => usage.why(caller, decision));
    await printRecord(options, {
      decision: found.decision,
      key_id: found.keyId,
      key_name: found.name,
      at: new Date(found.at).toISOString(),
      reason: found.reason,
      rule: found.rule,
      address: found.address,
      host: found.host,
    });
  });
}
