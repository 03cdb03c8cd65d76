/** Alone because the tests run `program.ts` without a process that exits. */
import { runProgram } from "./program.ts";

// A reader that has gone away (`chatelaine key list | head -1`) is no failure.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

runProgram(process.argv.slice(2)).then((code) => process.exit(code));
