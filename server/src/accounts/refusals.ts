/** Refused changes are noted too, apart from the audit of changes, so that a flood of them fills nothing. */
import { type Audit, recordOf } from "../activity/audit.ts";
import type { AuditRecord } from "../domain/audit.ts";
import type { Caller } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError } from "../domain/errors.ts";

/** What was tried. */
export type Act = Pick<AuditRecord, "action" | "description" | "target">;

export interface RefusalDeps {
  readonly audit: Pick<Audit, "note">;
  readonly clock: Clock;
}

/** Runs the work; where it throws, notes that the act was refused and why. */
export async function orNote<Result>(
  { audit, clock }: RefusalDeps,
  caller: Caller,
  act: Act,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const reason = error instanceof AppError ? error.message : "Internal error";
    audit.note({ ...recordOf(caller, clock.now(), act), success: false, error: reason });
    throw error;
  }
}
