/** Counts of use, gathered into the bars of a graph. Pure; days and weeks are those of the viewer's zone. */
import type { OutputOf } from "@chatelaine/contract/operations/operations";

export type KeyUseEntry = OutputOf<"keys.use">;
type Count = KeyUseEntry["counts"][number];
type Outcome = keyof Count["outcomes"];

export const SPANS = {
  hours: { label: "48 hours", words: "the last 48 hours", size: "Hour", bars: 48 },
  days: { label: "90 days", words: "the last 90 days", size: "Day", bars: 90 },
  weeks: { label: "2 years", words: "the last two years", size: "Week from", bars: 104 },
} as const;
export type Span = keyof typeof SPANS;

const OUTCOME_WORDS: Readonly<Record<Outcome, string>> = {
  ok: "Allowed",
  expired: "Expired",
  paused: "Paused",
  revoked: "Revoked",
  user_locked: "User locked",
  no_roles: "User without a role",
  scope_missing: "Scope missing",
  address_not_allowed: "Address not allowed",
  rate_limited: "Rate limited",
  insecure_transport: "Over plain http",
};

export function sayOutcome(outcome: string): string {
  return Object.hasOwn(OUTCOME_WORDS, outcome) ? OUTCOME_WORDS[outcome as Outcome] : outcome;
}

export interface Bucket {
  /** Where it begins; it ends where the next one does. */
  readonly at: number;
  readonly allowed: number;
  readonly refused: number;
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
}

const HOUR_MS = 3_600_000;

/** As many bars as the span has, the oldest first; the last holds `now`. */
export function bucketsOf(counts: readonly Count[], span: Span, now: number): readonly Bucket[] {
  const starts = startsOf(span, now);
  const sums = starts.map((): Partial<Record<Outcome, number>> => ({}));
  let place = 0;
  for (const { at, hours, outcomes } of counts) {
    // The middle of what was counted: a day in UTC belongs to the local day that it mostly is.
    const middle = new Date(at).getTime() + (hours * HOUR_MS) / 2;
    while (place + 1 < starts.length && (starts[place + 1] as number) <= middle) place++;
    const sum = sums[place];
    if (middle < (starts[0] as number) || sum === undefined) continue;
    for (const [outcome, count] of entriesOf(outcomes)) sum[outcome] = (sum[outcome] ?? 0) + count;
  }
  return starts.map((at, index) => {
    const outcomes = sums[index] ?? {};
    const all = entriesOf(outcomes).reduce((sum, [, count]) => sum + count, 0);
    const allowed = outcomes.ok ?? 0;
    return { at, allowed, refused: all - allowed, outcomes };
  });
}

/** The first instant that the span shows. */
export function beginOf(span: Span, now: number): number {
  return startsOf(span, now)[0] as number;
}

function startsOf(span: Span, now: number): readonly number[] {
  const { bars } = SPANS[span];
  const back = (index: number): number => bars - 1 - index;
  if (span === "hours") {
    const last = Math.floor(now / HOUR_MS) * HOUR_MS;
    return Array.from({ length: bars }, (_, index) => last - back(index) * HOUR_MS);
  }
  const today = new Date(now);
  const days = span === "weeks" ? 7 : 1;
  const last = today.getDate() - (span === "weeks" ? (today.getDay() + 6) % 7 : 0);
  return Array.from({ length: bars }, (_, index) =>
    new Date(today.getFullYear(), today.getMonth(), last - back(index) * days).getTime(),
  );
}

export interface Sums {
  readonly allowed: number;
  readonly refused: number;
  /** Why, the most frequent first. */
  readonly reasons: readonly { readonly outcome: Outcome; readonly count: number }[];
}

export function sumsOf(buckets: readonly Bucket[]): Sums {
  const totals = new Map<Outcome, number>();
  for (const { outcomes } of buckets)
    for (const [outcome, count] of entriesOf(outcomes))
      totals.set(outcome, (totals.get(outcome) ?? 0) + count);
  const allowed = totals.get("ok") ?? 0;
  totals.delete("ok");
  const reasons = [...totals]
    .map(([outcome, count]) => ({ outcome, count }))
    .sort((a, b) => b.count - a.count);
  return { allowed, refused: reasons.reduce((sum, { count }) => sum + count, 0), reasons };
}

function entriesOf(outcomes: Count["outcomes"]): [Outcome, number][] {
  return Object.entries(outcomes) as [Outcome, number][];
}

const HOUR = new Intl.DateTimeFormat(undefined, { weekday: "short", hour: "numeric" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const MONTH = new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric" });
const LONG_HOUR = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const LONG_DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const COUNT = new Intl.NumberFormat();

/** For the axis. */
export function sayTick(at: number, span: Span): string {
  return { hours: HOUR, days: DAY, weeks: MONTH }[span].format(at);
}

/** For whoever points at a bar, and for the table. */
export function sayBucket(at: number, span: Span): string {
  return (span === "hours" ? LONG_HOUR : LONG_DAY).format(at);
}

export function sayCount(count: number): string {
  return COUNT.format(count);
}

/** "3 scope missing, 1 expired" */
export function sayReasons({ reasons }: Pick<Sums, "reasons">): string {
  return reasons
    .map(({ outcome, count }) => `${sayCount(count)} ${OUTCOME_WORDS[outcome].toLowerCase()}`)
    .join(", ");
}
