/**
 * The audit log: reading it, and recording what happens beside changes (sign-ins, refusals), in batches that a flood cannot
 * make the keys' database pay for. What callers did is noted one by one; how strangers were refused is folded (`audit-folds.ts`).
 */
import { makeId } from "../crypto.ts";
import { type AuditRecord, credentialNote } from "../domain/audit.ts";
import { askingOf, type Caller, requireRole } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import type { ListQuery, Page } from "../domain/listing.ts";
import { inBothForms } from "../domain/names.ts";
import type { Log } from "../log.ts";
import type { Store } from "../store/store.ts";
import { Folds, type Note, type StrangerAct, type StrangerNote } from "./audit-folds.ts";

export type { Note, StrangerNote } from "./audit-folds.ts";

const FLUSH_EVERY_MS = 500;
/** Waiting records in memory; what is beyond is counted and told, not kept. */
const WAITING_MAX = 100_000;

const RECORDS_AT_ONCE = 2_000;

export interface Audit {
  /** SYSTEM_AUDIT_READ. Members as of AuditRecord; changes and activity together. */
  list(caller: Caller, query: ListQuery): Promise<Page<AuditRecord>>;
  /** Remembers something that is no change; written within a second. */
  note(note: Note): void;
  /** Remembers that somebody who is not known was refused. @param note asked for the first of those that are alike */
  refuse(act: StrangerAct, note: () => StrangerNote): void;
  /** Remembers that this caller read what is worth a record: once for a read, however many rows it has. */
  noteRead(caller: Caller, read: Pick<AuditRecord, "action" | "description" | "target" | "details">): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface AuditDeps {
  readonly store: Pick<Store, "listAudit" | "recordActivity" | "recordFolds">;
  readonly clock: Clock;
  readonly log: Log;
}

export function createAudit({ store, clock, log }: AuditDeps): Audit {
  let records: AuditRecord[] = [];
  let dropped = 0;
  let flushing: Promise<void> = Promise.resolve();
  let isFailing = false;
  const finish = (one: Note): AuditRecord => ({ ...EMPTY, ...one, id: makeId(), at: clock.now() });
  const folds = new Folds(clock, finish);
  const writeFolds = async (): Promise<void> => {
    const taken = folds.take();
    try {
      await store.recordFolds(taken);
    } catch (error) {
      dropped += folds.putBack(taken);
      throw error;
    }
  };
  /** What could not be written waits for the next time, as far as there is room. */
  const write = async (): Promise<void> => {
    for (let left = records.length; left > 0; ) {
      const batch = records.slice(0, Math.min(left, RECORDS_AT_ONCE));
      await store.recordActivity(batch);
      // Others came meanwhile, behind these.
      records = records.slice(batch.length);
      left -= batch.length;
    }
    await writeFolds();
    if (dropped > 0) log.warn("Sign-ins came faster than they could be recorded", { dropped });
    dropped = 0;
  };
  const flush = (): Promise<void> => {
    flushing = flushing.then(write).then(
      () => {
        isFailing = false;
      },
      (error: unknown) => {
        if (!isFailing) log.error("Sign-ins cannot be recorded; they wait", { error });
        isFailing = true;
      },
    );
    return flushing;
  };
  const note = (one: Note): void => {
    if (records.length >= WAITING_MAX) dropped++;
    else records.push(finish(one));
  };
  const timer = setInterval(flush, FLUSH_EVERY_MS);
  timer.unref();
  return {
    list: async (caller, query) => {
      requireRole(caller, "SYSTEM_AUDIT_READ");
      await flush();
      const where = query.where && inBothForms(query.where);
      return store.listAudit(where ? { ...query, where } : query, askingOf(caller));
    },
    note,
    refuse: (act, stranger) => folds.add(act, stranger),
    noteRead: (caller, read) => note(recordOf(caller, clock.now(), read)),
    flush,
    close: async () => {
      clearInterval(timer);
      await flush();
    },
  };
}

const EMPTY: Omit<AuditRecord, "id" | "at" | "event" | "action" | "description" | "success"> = {
  username: null,
  address: null,
  sessionId: null,
  door: "internal",
  credentials: null,
  target: null,
  details: {},
  error: null,
};

/** The record of something that this caller did. */
export function recordOf(
  caller: Caller,
  at: number,
  note: Pick<AuditRecord, "action" | "description" | "target"> & Partial<AuditRecord>,
): AuditRecord {
  const details = caller.call ? { call: caller.call, ...note.details } : (note.details ?? {});
  return {
    ...EMPTY,
    id: makeId(),
    at,
    event: "METHOD_CALL",
    username: caller.username,
    address: caller.origin.address,
    sessionId: caller.origin.sessionId,
    door: caller.origin.door,
    credentials: credentialNote(caller),
    success: true,
    ...note,
    details,
  };
}
