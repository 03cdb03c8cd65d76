/**
 * The server's clock, as far as its answers tell it: what has expired and how long ago something was is judged by it, never by
 * the clock of the machine that looks. Every answer says when it was made; together with when it was asked for and came,
 * that bounds the difference, and all answers together bound it closely. While the two clocks may agree they are taken
 * to agree. Held by `server-clock.test.ts` and `web/test/truth.test.ts`.
 */
import { useSyncExternalStore } from "react";

/** Beyond this, people are told. */
const SKEW_MS_MAX = 120_000;
const SECOND_MS = 1_000;
/** A busy server writes the time of a while ago. */
const LATE_MS_MAX = 5_000;

interface Bounds {
  readonly least: number;
  readonly most: number;
}

/** What is added to the clock here to get the server's. */
let bounds: Bounds | undefined;
let offset = 0;
const watchers = new Set<() => void>();

export interface Sighting {
  /** The header `Date`. */
  readonly date: string | null;
  /** By the clock here. */
  readonly askedAt: number;
  readonly cameAt: number;
}

/** Learns from one answer. */
export function noteServerTime(sighting: Sighting): void {
  const seen = boundsOf(sighting);
  if (seen === undefined) return;
  bounds = narrowed(bounds, seen);
  const before = offset;
  offset = offsetOf(bounds);
  if (Math.abs(offset - before) >= SECOND_MS) for (const watcher of watchers) watcher();
}

/** Now, by the server's clock. */
export function serverNow(): number {
  return Date.now() + offset;
}

/** How much later it is at the server than here; 0 where nobody needs to know. */
export function useClockSkew(): number {
  return useSyncExternalStore(watchServerClock, () =>
    Math.abs(offset) > SKEW_MS_MAX ? Math.round(offset / 60_000) * 60_000 : 0,
  );
}

/** Tells when the clocks turn out to differ otherwise than they seemed to. */
export function watchServerClock(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** @returns undefined where the answer does not tell */
export function boundsOf({ date, askedAt, cameAt }: Sighting): Bounds | undefined {
  const at = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(at) || cameAt < askedAt) return undefined;
  // It was made between the question and the answer, at the instant that it names or somewhat later.
  return { least: at - cameAt, most: at + LATE_MS_MAX - askedAt };
}

/** What both say; where they contradict each other a clock was set, and the later one counts. */
export function narrowed(before: Bounds | undefined, seen: Bounds): Bounds {
  if (before === undefined) return seen;
  const both = { least: Math.max(before.least, seen.least), most: Math.min(before.most, seen.most) };
  return both.least <= both.most ? both : seen;
}

export function offsetOf({ least, most }: Bounds): number {
  if (least <= 0 && most >= 0) return 0;
  // Most answers name the second that they are made in.
  return Math.min(least + SECOND_MS / 2, most);
}
