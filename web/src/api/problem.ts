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
  if (error instanceof TypeError || error instanceof SyntaxError || error instanceof DOMException)
    return { ...bare, code: "unreachable", message: "The server does not answer" };
  return { ...bare, code: "internal", message: error instanceof Error ? error.message : String(error) };
}

const SESSION_OVER: readonly string[] = ["not_authenticated", "session_expired"];

export function isSessionOver(error: unknown): boolean {
  return error instanceof ChatelaineError && SESSION_OVER.includes(error.code);
}

/**
 * Whether a change may have been made all the same: no answer came, the server failed on the way, or something between it and
 * here answered in its place.
 */
export function isOutcomeUnknown(error: unknown): boolean {
  const { code, requestId } = problemOf(error);
  return code === "unreachable" || code === "internal" || (code === "unavailable" && requestId === undefined);
}

/** What was tried: to look at something, to save a form, or to do something. */
export type Tried = "look" | "save" | "do";

export interface Said {
  readonly title: string;
  readonly words: string;
  /** Nobody here knows whether it was done. */
  readonly isUnknown: boolean;
}

/** What went wrong and what to do, for people. */
export function sayProblem(error: unknown, tried: Tried = "look"): Said {
  const problem = problemOf(error);
  if (tried !== "look" && isOutcomeUnknown(error)) return sayUnknown(problem, tried);
  return { ...sayKnown(problem), isUnknown: false };
}

function sayUnknown({ code, requestId }: Problem, tried: "save" | "do"): Said {
  const why =
    code === "internal" && requestId !== undefined
      ? `The server failed; its log has the cause under ${requestId}.`
      : "The server did not answer.";
  return {
    title: `It is not known whether this was ${tried === "save" ? "saved" : "done"}`,
    words: `${why} Trying again is safe: it happens only once.`,
    isUnknown: true,
  };
}

function sayKnown(problem: Problem): Pick<Said, "title" | "words"> {
  switch (problem.code) {
    case "unreachable":
      return { title: "The server does not answer", words: "Try again when it is back." };
    case "conflict":
      return {
        title: "Changed by someone else",
        words: `${sentence(problem.message)} Look at it as it is now, then try again.`,
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
      return { title: "The server cannot do that now", words: "Try again shortly." };
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
          : "Reload the page. If it keeps happening, look into the server's log.",
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
