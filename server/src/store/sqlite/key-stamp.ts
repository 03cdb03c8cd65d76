/**
 * The stamp that what is remembered of keys is kept under: it stays while sessions and tokens alone are committed.
 *
 * Such a commit counts itself (`SESSION_COMMITS`). The stamp stays only where the header's own counter of commits has grown by as
 * many and the feed has nothing else. A change by hand is counted by the header alone, so nothing is missed by not being announced.
 * Held by `server/test/session-commits.test.ts`.
 */
import { SESSION_COMMITS } from "../schema.ts";
import type { CommitStamp } from "./commit-stamp.ts";

/** How many commits touched sessions and tokens alone, and whether the feed has anything else after `?1`. */
export const SESSIONS_ALONE = `SELECT
  coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = '${SESSION_COMMITS}'), 0) AS sessionCommits,
  (SELECT coalesce(max(seq), 0) FROM changes) AS newest,
  EXISTS (SELECT 1 FROM changes WHERE seq > ?1 AND kind <> 'session') AS hasOthers`;

export interface SessionsAlone {
  readonly sessionCommits: number;
  readonly newest: number;
  readonly hasOthers: 0 | 1;
}

interface SeenCommits {
  readonly stamp: number;
  /** By the header; undefined where the two were not of one moment. */
  readonly commits: number | undefined;
  readonly sessionCommits: number;
  readonly newest: number;
}

/** @param look reads SESSIONS_ALONE */
export function createKeyStamp(
  stamp: CommitStamp,
  look: { get(newest: number): SessionsAlone | null },
): () => number {
  let given = 1;
  let seen: SeenCommits = { stamp: -1, commits: undefined, sessionCommits: 0, newest: 0 };
  const see = (now: number, before: SeenCommits): boolean => {
    const { sessionCommits, newest, hasOthers } = look.get(before.newest)!;
    const counted = stamp.commits();
    // Of one moment only if nobody committed meanwhile.
    const commits = stamp.read() === now ? counted : undefined;
    seen = { stamp: now, commits, sessionCommits, newest };
    if (commits === undefined || before.commits === undefined) return false;
    const isAlone = commits - before.commits === sessionCommits - before.sessionCommits;
    return isAlone && hasOthers === 0 && newest >= before.newest;
  };
  return () => {
    const now = stamp.read();
    if (now === seen.stamp) return given;
    const before = seen;
    try {
      if (!see(now, before)) given++;
    } catch {
      // Whoever reads a key next hears what is wrong.
      seen = { ...before, stamp: now, commits: undefined };
      given++;
    }
    return given;
  };
}
