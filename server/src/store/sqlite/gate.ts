/**
 * What stands between the store and everybody who asks it: nothing is judged from data in quarantine, and nothing at all is
 * read or written once the files were exchanged under this process. All ways in meet here, so no door needs to know of it
 * (held by `server/test/restored.test.ts` and `server/test/exchanged.test.ts`, over every door).
 */
import { AppError } from "../../domain/errors.ts";
import type { Log } from "../../log.ts";
import { restoreNotAccepted } from "../quarantine.ts";
import type { Quarantine, Store } from "../store.ts";

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
        if (isExchanged)
          log.error(`${EXCHANGED}: nothing is checked or written until it is put back`, { folder });
        else log.warn("The database files are those again that were opened; serving goes on", { folder });
      }
      if (waiting && !now) log.warn("The restored data was accepted; serving goes on");
      waiting = now;
    },
  };
}

const EXCHANGED =
  "A database file was exchanged or deleted while it was in use; restart the server to take the one that is there";

/** What the command line, on the machine itself, may do with data that waits to be accepted. What is not here may nobody. */
const IN_QUARANTINE: ReadonlySet<string> = new Set<keyof Store>([
  "findKey",
  "findKeyId",
  "listKeys",
  "findSecrets",
  "listFreshlyExpired",
  "listPastLimit",
  "findUser",
  "listUsers",
  "findGroup",
  "isNameTaken",
  "listTwins",
  "listGroups",
  "listAudit",
  "readSettings",
  "reserveKeyId",
  "findRequest",
  "transact",
  "listKeyDays",
  "listKeyHosts",
  "listKeyClients",
  "listRefusals",
  "findRefusal",
  "recordActivity",
  "recordFolds",
  "recordUse",
  "readKeyAlerts",
  "readSignInFailures",
  "readClearTextPrograms",
  "findAlertChanges",
  "findOtherAlerts",
  "writeAlertChanges",
  "alertsMark",
  "listDeliveries",
  "readBackupState",
  "writeBackupState",
  "openSnapshot",
]);
/** They see to it themselves. */
const UNGATED: ReadonlySet<string> = new Set<keyof Store>([
  "installation",
  "poll",
  "probe",
  "quarantine",
  "settled",
  "close",
]);

/** As many parameters as any method has: a list of them would be made for each call. */
type Method = (first: unknown, second: unknown, third: unknown, fourth: unknown) => unknown;
type Longer = {
  [Name in keyof Store]: Parameters<Store[Name]>["length"] extends 0 | 1 | 2 | 3 | 4 ? never : Name;
}[keyof Store];
/** The compiler refuses a method that has more. */
const ALL_FIT: [Longer] extends [never] ? true : Longer = true;

/** The same store, behind the gate. */
export function behindGate(store: Store, gate: Gate): Store {
  const gated = Object.entries(ALL_FIT && store).map(([name, method]: [string, Method]) => {
    if (UNGATED.has(name)) return [name, method];
    const require = IN_QUARANTINE.has(name) ? gate.requireSame : gate.requireServed;
    const behind: Method = (first, second, third, fourth) => {
      require();
      return method(first, second, third, fourth);
    };
    return [name, behind];
  });
  return Object.fromEntries(gated) as Store;
}
