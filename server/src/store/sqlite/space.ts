/**
 * Writing on a disk that is, or gets, full. What takes a right away goes through on what is held back for it (`reserve.ts`);
 * everything else is `storage_full` until there is room again, which is noticed without a restart.
 */
import { AppError, errorCode } from "../../domain/errors.ts";
import type { Reserve } from "./reserve.ts";
import type { Thread } from "./threads.ts";

export interface Space {
  /**
   * Runs a transaction, which changes nothing where it throws storage_full: again once the logs began again, and, where
   * it is urgent, on what is held back.
   */
  write<Result>(attempt: () => Promise<Result>, urgent: boolean): Promise<Result>;
  /** Whether nothing that is held back is given up, as it was known last. */
  isWhole(): boolean;
  /** Throws storage_full where it is not: what was given up for revocations is for nothing else. */
  requireWhole(): void;
  /** Told by the writer's thread of what is inside the database. */
  looked(isWhole: boolean): void;
}

export interface SpaceDeps {
  readonly reserve: Reserve;
  readonly writer: Thread;
  /** Runs it while no transaction does. */
  between<Result>(work: () => Promise<Result>): Promise<Result>;
}

export function createSpace({ reserve, writer, between }: SpaceDeps): Space {
  let isInsideWhole: boolean | undefined;
  const isWhole = (): boolean => isInsideWhole !== false && reserve.isWhole();
  const requireWhole = (): void => {
    if (!isWhole()) throw new AppError("storage_full", "The disk is full");
  };
  /** The file is for a log that cannot begin again: what is given up of it may be taken by somebody else. */
  const release = async (): Promise<boolean> => {
    try {
      if ((await between(() => writer.ask({ kind: "release" }))).changed > 0) return true;
    } catch (error) {
      if (errorCode(error) !== "storage_full") throw error;
    }
    return reserve.release();
  };
  const regain = async (waits: boolean): Promise<void> => {
    for (;;) {
      try {
        await between(() => writer.ask({ kind: "regain", reserve: reserve.wanted(), waits }));
        return;
      } catch (error) {
        if (errorCode(error) !== "storage_full" || !reserve.release()) return;
      }
    }
  };
  return {
    isWhole,
    requireWhole,
    looked: (now) => {
      isInsideWhole = now;
    },
    write: async (attempt, urgent) => {
      if (!urgent && isInsideWhole === undefined) await between(() => writer.ask({ kind: "look" }));
      if (!urgent) requireWhole();
      for (let tries = 0; ; tries++) {
        try {
          const result = await attempt();
          if (tries > 0) await regain(false);
          return result;
        } catch (error) {
          if (errorCode(error) !== "storage_full") throw error;
          if (tries === 0) await regain(urgent);
          else if (!urgent || !(await release())) throw error;
        }
      }
    },
  };
}
