/**
 * Writing on a disk that is, or gets, full. What takes a right away goes through on the reserve (`reserve.ts`); everything
 * else is `storage_full` until there is room again, which is noticed without a restart.
 */
import { AppError, errorCode } from "../domain/errors.ts";
import type { Reserve } from "./reserve.ts";
import type { Thread } from "./sqlite-threads.ts";

export interface Space {
  /** Runs what takes a right away; `attempt` changes nothing where it throws storage_full. */
  urgently<Result>(attempt: () => Promise<Result>): Promise<Result>;
  /** Throws storage_full where the reserve is not whole: what was given up for revocations is for nothing else. */
  requireWhole(): void;
}

export function createSpace(reserve: Reserve, writer: Thread): Space {
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
    requireWhole: () => {
      if (!reserve.isWhole()) throw new AppError("storage_full", "The disk is full");
    },
    urgently: async (attempt) => {
      for (let tries = 0; ; tries++) {
        try {
          const result = await attempt();
          if (tries > 0) await regain();
          return result;
        } catch (error) {
          if (errorCode(error) !== "storage_full") throw error;
          // The log alone may have what is needed.
          if (tries === 0) await regain();
          else if (!reserve.release()) throw error;
        }
      }
    },
  };
}
