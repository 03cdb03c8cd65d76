/**
 * Whether the files that this process has open are still those that their names lead to. One that was moved away, deleted or
 * put in another's place goes on working for anyone who has it open, while everybody else sees another: what is acknowledged
 * then is lost (sqlite.org/howtocorrupt.html, 1.3). Asked in each poll, and around each commit.
 *
 * Device and inode are compared, of both databases and of what SQLite keeps beside them while they are open.
 */
import { statSync } from "node:fs";

/** Polls are more frequent; a file is asked about ten times a second. */
const ASK_EVERY_MS = 100;

export interface SameFiles {
  /** As it was a moment ago at most. */
  areSame(): boolean;
  /** As it is now. */
  areSameNow(): boolean;
}

/** @param paths they exist and are open, or will be opened before they are relied on */
export function rememberFiles(paths: readonly string[], monotonic = () => performance.now()): SameFiles {
  const identities = new Map(paths.map((path) => [path, identityOf(path)]));
  let askedAt = monotonic();
  let last = true;
  const areSameNow = (): boolean => {
    askedAt = monotonic();
    last = true;
    for (const [path, before] of identities) if (identityOf(path) !== before) last = false;
    return last;
  };
  return { areSameNow, areSame: () => (monotonic() - askedAt < ASK_EVERY_MS ? last : areSameNow()) };
}

/** undefined: there is no such file. */
export function identityOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}
