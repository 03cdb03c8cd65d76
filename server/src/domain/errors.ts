import type { ErrorCode, Issue } from "@chatelaine/contract/errors";

/** The one error that use cases throw. Its cause never leaves the process. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly issues: readonly Issue[];
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    more: { issues?: readonly Issue[]; details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, { cause: more.cause });
    this.name = "AppError";
    this.code = code;
    this.issues = more.issues ?? [];
    this.details = more.details ?? {};
  }
}

/**
 * An error that says less than was decided: the audit, and a door that tells it all (`conformance/4-api-keys.txt`), take the refusal itself.
 * @param more details of the error as everybody else gets it
 */
export function veil(
  refusal: AppError,
  code: ErrorCode,
  message: string,
  more: Record<string, unknown> = {},
): AppError {
  return new AppError(code, message, { details: { ...more, refusal } });
}

/** @returns what was decided, where the error veils it; else the error. */
export function unveil(error: AppError): AppError {
  const { refusal } = error.details;
  return refusal instanceof AppError ? refusal : error;
}

/** Input that breaks a rule: all broken rules at once, never one by one. */
export function refuseIssues(issues: readonly Issue[]): void {
  if (issues.length === 0) return;
  const code = issues.some((issue) => issue.code === "name_taken") ? "name_taken" : "invalid";
  throw new AppError(code, issues.map((issue) => issue.message).join("; "), { issues });
}

/** What the database found taken, by an index, told as this issue: for `catch`. Other errors pass. */
export function takenAs(issue: Issue): (error: unknown) => never {
  return (error) => {
    if (error instanceof AppError && error.code === "name_taken" && error.issues.length === 0)
      refuseIssues([issue]);
    throw error;
  };
}

/**
 * What a request that failed is answered: a caller who has ended meanwhile is told that, and nothing of what is there now.
 * Faults of the database stay what they are.
 * @param requireStanding throws where the caller has ended
 */
export async function endOr(error: unknown, requireStanding: () => void | Promise<void>): Promise<unknown> {
  if (["unavailable", "storage_full", "credential_ended"].includes(errorCode(error))) return error;
  try {
    await requireStanding();
    return error;
  } catch (end) {
    return ["credential_ended", "forbidden"].includes(errorCode(end)) ? end : error;
  }
}

/** @returns the code of an AppError, else `internal`. */
export function errorCode(error: unknown): ErrorCode {
  return error instanceof AppError ? error.code : "internal";
}
