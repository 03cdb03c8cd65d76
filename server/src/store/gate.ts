/**
 * What stands between the store and everybody who asks it: nothing is judged from data in quarantine, and nothing at all is
 * read or written once the files were exchanged under this process. All ways in meet here, so no door needs to know of it
 * (held by `server/test/files.test.ts`, over every door).
 */
import { AppError } from "../domain/errors.ts";
import type { Log } from "../log.ts";
import { type Quarantine, restoreNotAccepted } from "./quarantine.ts";

export interface Gate {
  /** Throws restore_not_accepted or unavailable where nobody may be judged. */
  requireServed(): void;
  /** Throws unavailable where the files are not those that were opened. */
  requireSame(): void;
  readonly quarantine: Quarantine | undefined;
  /** Told by the poll. */
  see(areSame: boolean, quarantine: Quarantine | undefined): void;
}

export function createGate(folder: string, quarantine: Quarantine | undefined, log: Log): Gate {
  let waiting = quarantine;
  let isExchanged = false;
  const requireSame = (): void => {
    if (isExchanged) throw new AppError("unavailable", EXCHANGED);
  };
  return {
    requireSame,
    requireServed: () => {
      requireSame();
      if (waiting) throw restoreNotAccepted();
    },
    get quarantine() {
      return waiting;
    },
    see: (areSame, now) => {
      if (isExchanged === areSame) {
        isExchanged = !areSame;
        if (isExchanged) log.error(`${EXCHANGED}; keys are not checked and nothing is written until then`, { folder });
        else log.warn("The database files are those again that were opened; serving goes on", { folder });
      }
      if (waiting && !now) log.warn("The restored data was accepted; serving goes on");
      waiting = now;
    },
  };
}

const EXCHANGED =
  "A database file was exchanged or deleted while it was served; put it back, or restart the server to take the one that is there";
