/**
 * Writing on a disk that is, or gets, full. What takes a right away goes through on the reserve (`reserve.ts`); everything
 * else is `storage_full` until there is room again, which is noticed without a restart.
 */
import { AppError, errorCode } from "../domain/errors.ts";
import type { Reserve } from "./reserve.ts";
import type { Thread } from "./sqlite-threads.ts";

export interface Space {
  /**
   * Runs a transaction, which changes nothing where it throws storage_full: again once the logs gave up what they can, and, where
   * it is urgent, on the reserve.
   */
  write<Result>(attempt: () => Promise<Result>, urgent: boolean): Promise<Result>;
  /** Throws storage_full where the reserve is not whole: what was given up for revocations is for nothing else. */
  requireWhole(): void;
}

export function createSpace(reserve: Reserve, writer: Thread): Space {
  const requireWhole = (): void => {
    if (!reserve.isWhole()) throw new AppError("storage_full", "The disk is full");
  };
  /** Truncates the logs, which may need room for the pages that they hold, and takes back what they gave up. */
  const regain = async (): Promise<void> => {
    for (;;) {
      try {
        await writer.ask({ kind: "regain", reserve: reserve.wanted() });
        return;
      } catch (error) {
        if (errorCode(error) !== "storage_full" || !reserve.release()) return;
      }
    }
  };
  return {
    requireWhole,
    write: async (attempt, urgent) => {
      if (!urgent) requireWhole();
      for (let tries = 0; ; tries++) {
        try {
          const result = await attempt();
          if (tries > 0) await regain();
          return result;
        } catch (error) {
          if (errorCode(error) !== "storage_full") throw error;
          if (tries === 0) await regain();
          else if (!urgent || !reserve.release()) throw error;
        }
      }
    },
  };
}
