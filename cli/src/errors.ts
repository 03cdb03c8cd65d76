/** Errors as people read them: one line for each fault, never a stack trace unless CHATELAINE_LOG_LEVEL is debug. */
import { ERROR_CODES, type ErrorCode, type Issue } from "@chatelaine/contract/errors";
import { CommanderError, InvalidArgumentError } from "commander";

/** @returns the exit code */
export function report(error: unknown): 0 | 1 | 2 {
  if (error instanceof InvalidArgumentError) return tellError(error.message, 2);
  // Commander has said it already; help and version come this way too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  tellError(isRefusal(error) ? refusalText(error) : failureText(error), 1);
  if (process.env.CHATELAINE_LOG_LEVEL === "debug") process.stderr.write(`${Bun.inspect(error)}\n`);
  return 1;
}

/** Takes the values out of what Commander says of what it does not know: one may have been meant as a password. */
export function withoutValues(text: string): string {
  return text.replace(/('--?[A-Za-z][A-Za-z-]*)=[^\n]*'/g, "$1'").replace(/( but got \d+): [^\n]*/, "$1.");
}

interface Refusal extends Error {
  readonly code: ErrorCode;
  readonly issues: readonly Issue[];
}

export function isRefusal(error: unknown): error is Refusal {
  return (
    error instanceof Error &&
    "issues" in error &&
    "code" in error &&
    ERROR_CODES.some((code) => code === error.code)
  );
}

function refusalText(error: Refusal): string {
  if (error.issues.length === 0) return error.message;
  return error.issues
    .map(({ path, message }) => (path.length > 0 ? `${path.join(".")}: ${message}` : message))
    .join("\n");
}

function failureText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function tellError<Code extends number>(text: string, code: Code): Code {
  for (const line of text.split("\n")) process.stderr.write(`chatelaine: ${line}\n`);
  return code;
}
