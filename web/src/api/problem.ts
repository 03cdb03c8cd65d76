import { ChatelaineError } from "@chatelaine/client/client";
import type { ErrorCode } from "@chatelaine/contract/errors";

/** What went wrong with a request: told by the server, or `unreachable` where it did not answer at all. */
export interface Problem {
  readonly code: ErrorCode | "unreachable";
  readonly message: string;
  readonly errors: readonly { readonly path: string; readonly code: string; readonly message: string }[];
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
}

export function problemOf(error: unknown): Problem {
  if (error instanceof ChatelaineError) return error;
  const bare = { errors: [], requestId: undefined, retryAfterSeconds: undefined };
  if (error instanceof TypeError)
    return { ...bare, code: "unreachable", message: "The server does not answer" };
  return { ...bare, code: "internal", message: error instanceof Error ? error.message : String(error) };
}

const SESSION_OVER: readonly string[] = ["not_authenticated", "session_expired"];

export function isSessionOver(error: unknown): boolean {
  return error instanceof ChatelaineError && SESSION_OVER.includes(error.code);
}

/** What went wrong and what to do, for people. */
export function sayProblem(error: unknown): { readonly title: string; readonly words: string } {
  const problem = problemOf(error);
  switch (problem.code) {
    case "unreachable":
      return {
        title: "The server does not answer",
        words: "Nothing was changed. Try again when it is back.",
      };
    case "conflict":
      return {
        title: "Somebody else was first",
        words: `${sentence(problem.message)} Look at it again and decide anew.`,
      };
    case "role_missing":
      return {
        title: "A role is missing",
        words: `${sentence(problem.message)} An administrator can grant it.`,
      };
    case "too_many_requests":
      return {
        title: "Too many attempts",
        words: `Try again in ${waitOf(problem.retryAfterSeconds)}.`,
      };
    case "storage_full":
      return {
        title: "The server's disk is full",
        words: "Nothing was changed. Free space on the server, then try again.",
      };
    case "unavailable":
      return { title: "The server cannot do that now", words: "Nothing was changed. Try again shortly." };
    case "restore_not_accepted":
      return {
        title: "Restored data waits to be accepted",
        words: "Nobody signs in until `chatelaine restore --accept` is run on the server's machine.",
      };
    case "not_found":
      return { title: "It is not there any more", words: "Somebody may have deleted it." };
    case "internal":
      return {
        title: "The server failed",
        words: problem.requestId
          ? `Its log has the cause under ${problem.requestId}.`
          : "Reload the page; if it stays so, look into the server's log.",
      };
    default:
      return { title: "That was refused", words: sentence(problem.message) };
  }
}

function sentence(words: string): string {
  return /[.!?]$/.test(words) ? words : `${words}.`;
}

function waitOf(seconds: number | undefined): string {
  if (seconds === undefined) return "a minute";
  return seconds < 90 ? `${Math.max(1, Math.ceil(seconds))} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
