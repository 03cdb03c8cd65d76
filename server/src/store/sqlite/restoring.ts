/**
 * A restore as the rest of the program sees it: a backup is put into an image, and the image into the database of a folder,
 * or, where that has none that can be read, into a new one that is then to be put in its place.
 *
 * The data is in quarantine afterwards, unless everything that this machine ever knew of the installation went into it.
 */
import type { Database } from "bun:sqlite";
import { join } from "node:path";
import type { AuditRecord } from "../../domain/audit.ts";
import { quarantineOf } from "../quarantine.ts";
import { type Plan, planRestore, type Relation, type Report } from "../restore-plan.ts";
import { isSameFolder } from "./folders.ts";
import { createEmpty, migrate } from "./image.ts";
import { hasRecord, type LastChange, lastChange } from "./last-change.ts";
import { MAIN_FILE, readKnown } from "./opening.ts";
import { copyPresent, holdPresent, type Present } from "./present.ts";
import { applyPlan, attachImage, readSide, relationOf, wentBack } from "./restore.ts";
import { openStateNotes } from "./state-file.ts";

export interface RestoreJob {
  readonly folder: string;
  /** A folder for files that are made on the way, on the same disk. */
  readonly work: string;
  readonly present: Present;
  /** Path of the backup's `chatelaine.db`. */
  readonly image: string;
  /** From its manifest. */
  readonly backup: {
    readonly installation: string | null;
    readonly change: number;
    readonly numbers: Readonly<Record<string, number>>;
  };
  /** Takes the backup as it is, whatever ended since. */
  readonly asItWas: boolean;
  readonly stateFolder: string | null;
  readonly now: number;
}

export interface Outcome {
  readonly relation: Relation;
  readonly report: Report;
  /** Whether it waits to be accepted. */
  readonly isQuarantined: boolean;
}

export interface Done extends Outcome {
  /** Number of the last change. */
  readonly change: number;
  /** A database that is to be put in its place; undefined where the one that is there was changed. */
  readonly made: string | undefined;
}

/** What a restore would do. It writes into the work folder alone, and runs beside a server. */
export function previewRestore(job: RestoreJob): Outcome {
  const path = join(job.work, "present.db");
  const database = job.present.kind === "readable" ? copyPresent(job.folder, path) : createEmpty(path);
  try {
    return decide(database, job).outcome;
  } finally {
    database.close(true);
  }
}

/** Throws conflict where the database is open elsewhere. */
export function carryOutRestore(job: RestoreJob, recordOf: (outcome: Outcome) => AuditRecord): Done {
  const made = job.present.kind === "readable" ? undefined : join(job.work, MAIN_FILE);
  const database = made === undefined ? holdPresent(job.folder) : createEmpty(made);
  try {
    const { plan, outcome, known } = decide(database, job);
    const change = applyPlan(database, {
      plan,
      numbers: job.backup.numbers,
      change: known.change,
      record: recordOf(outcome),
      quarantine: outcome.isQuarantined
        ? { why: "restored", since: job.now, missing: known.record }
        : undefined,
      installation: known.installation,
    });
    database.run("DETACH DATABASE backup; PRAGMA wal_checkpoint(TRUNCATE)");
    noteState(job, lastChange(database));
    return { ...outcome, change, made };
  } finally {
    database.close(true);
  }
}

interface Decided {
  readonly plan: Plan;
  readonly outcome: Outcome;
  readonly known: KnownHere;
}

function decide(database: Database, job: RestoreJob): Decided {
  const { present, backup, asItWas } = job;
  database.transaction(() => migrate(database, "main"))();
  attachImage(database, job.image);
  const relation = present.kind === "readable" ? relationOf(database) : "none";
  const here = present.kind === "readable" ? readSide(database, "main") : undefined;
  const options = {
    relation: asItWas ? ("none" as const) : relation,
    wentBack: here !== undefined && wentBack(database, relation),
    now: job.now,
  };
  const plan = planRestore(readSide(database, "backup"), here, options);
  const known = knownHere(job);
  const changes = Math.max(lastChange(database).seq, relation === "before" ? backup.change : 0);
  const isQuarantined =
    asItWas ||
    present.kind !== "readable" ||
    relation === "apart" ||
    present.isLogDamaged ||
    present.meta.quarantine !== undefined ||
    changes < known.change ||
    // That it is older than the backup shows that what happened since is known by nobody, or by the state file alone.
    (relation === "before" && changes !== known.change) ||
    !["main", "backup"].some((from) => hasRecord(database, known.record, from));
  return { plan, known, outcome: { relation, report: plan.report, isQuarantined } };
}

interface KnownHere {
  /** null: what the database is called already. */
  readonly installation: string | null;
  /** The highest number of a change that was ever known of it. */
  readonly change: number;
  /** Of the last one that the state file knows. */
  readonly record: string | undefined;
}

function knownHere({ folder, stateFolder, present, backup }: RestoreJob): KnownHere {
  const { states, here } = whoseFolder(folder, stateFolder);
  const meta = present.kind === "readable" ? present.meta : {};
  const installation = meta.installation ?? backup.installation ?? here ?? null;
  const state = states.find((one) => one.installation === installation);
  return {
    installation: meta.installation === undefined ? installation : null,
    change: Math.max(state?.seq ?? 0, quarantineOf(meta.quarantine)?.expected ?? 0),
    record: state?.record,
  };
}

/** So that the database as it was before is noticed at once, should somebody put it back. */
function noteState({ folder, stateFolder, present, backup }: RestoreJob, last: LastChange): void {
  if (stateFolder === null) return;
  const { states, real } = whoseFolder(folder, stateFolder);
  const installation = (present.kind === "readable" && present.meta.installation) || backup.installation;
  const state = states.find((one) => one.installation === installation && isSameFolder(one.folder, real));
  try {
    if (state) openStateNotes(stateFolder, state).note(() => last);
  } catch {
    // It may lag: the next start writes it, or says that it cannot.
  }
}

/** @returns as `here` which installation the folder, or what this machine knows of it, says it is */
export function whoseFolder(folder: string, stateFolder: string | null) {
  const { states, marker, folder: real } = readKnown(folder, stateFolder);
  const here =
    states.find((state) => isSameFolder(state.folder, real) && state.seq > 0)?.installation ?? marker;
  return { states, here, real };
}
