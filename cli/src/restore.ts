import { type Command, InvalidArgumentError } from "commander";
import { addCommand, onData } from "./command.ts";
import { tell } from "./output.ts";

export function addRestore(program: Command): void {
  addCommand(
    program,
    "restore",
    "Takes data back into service that is older than what this machine knew.",
    "chatelaine restore --accept",
  )
    .option("--accept", "accept the data that is in the data folder as it is; all sessions end")
    .action(async ({ accept }: { accept?: boolean }, command: Command) => {
      if (!accept) throw new InvalidArgumentError("restore: --accept is missing");
      const { found, expected } = await onData(command, (local) => local.restore.accept(local.caller));
      tell(
        expected > found
          ? `Accepted. Changes ${found + 1} to ${expected} are lost; all sessions have ended.`
          : "Accepted. All sessions have ended.",
      );
    });
}
