/**
 * The store's second public file: what backups and restores need of the database files themselves, whether or not a store is
 * open on them.
 */
export { isWithin } from "./folders.ts";
export { createImage, SCHEMA } from "./image.ts";
export { leaveWhole } from "./leave-whole.ts";
export {
  findOlderSchema,
  findPresent,
  isActivityReadable,
  isServed,
  lockRestores,
  type Present,
  served,
} from "./present.ts";
export { RESTORED } from "./restore.ts";
export {
  carryOutRestore,
  type Outcome,
  previewRestore,
  type RestoreJob,
  whoseFolder,
} from "./restoring.ts";
export { openSnapshot } from "./snapshot.ts";
