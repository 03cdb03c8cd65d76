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

/** Of a request that got no answer, or one that stopped midway. A fault of these screens is none. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

export function problemOf(error: unknown): Problem {
  if (error instanceof ChatelaineError) return error;
  const bare = { errors: [], requestId: undefined, retryAfterSeconds: undefined };
  if (error instanceof NoAnswer)
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

/** What the server says before it looks at what is asked for. */
const AT_THE_DOOR: readonly string[] = [
  ...SESSION_OVER,
  "too_many_requests",
  "unavailable",
  "restore_not_accepted",
  "request_timeout",
  "unknown_host",
];

/** Whether a request was turned away, by the server or something before it, without a look at what it asks for. */
export function isTurnedAway(error: unknown): boolean {
  const { code, requestId } = problemOf(error);
  return requestId === undefined || AT_THE_DOOR.includes(code);
}

/** What was tried: to look at something, to save a form, or to do something. */
export type Tried = "look" | "save" | "do";

export interface Said {
  readonly title: string;
  readonly words: string;
  /** Nobody here knows whether it was done. */
  readonly isUnknown: boolean;
}

interface Repetition {
  /** An attempt before may have succeeded, whatever has become of this one. */
  readonly isUnknown?: boolean;
  /** What is true of trying again. */
  readonly repeated?: string | undefined;
  /** What it is not known of: `ci was paused`. */
  readonly what?: string | undefined;
}

const HAPPENS_ONCE = "Trying again is safe: it happens only once.";

/** What went wrong and what to do, for people. */
export function sayProblem(error: unknown, tried: Tried = "look", more: Repetition = {}): Said {
  const problem = problemOf(error);
  const isUnknown = isOutcomeUnknown(error);
  if (tried === "look" || !(isUnknown || more.isUnknown)) return { ...sayKnown(problem), isUnknown: false };
  return {
    title: `It is not known whether ${more.what ?? `this was ${tried === "save" ? "saved" : "done"}`}`,
    words: `${isUnknown ? sayNoAnswer(problem) : sayTurnedAway(problem)} ${more.repeated ?? HAPPENS_ONCE}`,
    isUnknown: true,
  };
}

function sayNoAnswer({ code, requestId }: Problem): string {
  return code === "internal" && requestId !== undefined
    ? `The server failed; its log has the cause under ${requestId}.`
    : "The server did not answer.";
}

function sayTurnedAway(problem: Problem): string {
  if (SESSION_OVER.includes(problem.code)) return "Your session had ended.";
  const { title, words } = sayKnown(problem);
  return `${title}. ${words}`;
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
      return problem.requestId
        ? { title: "The server failed", words: `Its log has the cause under ${problem.requestId}.` }
        : {
            title: "This page failed",
            words: "Reload it. If it keeps happening, report it with the words of the browser's console.",
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
