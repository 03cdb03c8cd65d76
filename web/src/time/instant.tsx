import { DAY_SECONDS } from "@chatelaine/contract/instant";
import { useEffect, useState } from "react";
import { serverNow, watchServerClock } from "../api/server-clock.ts";

const ABSOLUTE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const LENGTHS = { maximumFractionDigits: 0, style: "unit", unitDisplay: "long" } as const;
const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365 * DAY_SECONDS],
  ["month", 30 * DAY_SECONDS],
  ["day", DAY_SECONDS],
  ["hour", 3_600],
  ["minute", 60],
];

/** The name of the viewer's zone, as people write it: Europe/Berlin, GMT+1. */
export const ZONE = new Intl.DateTimeFormat().resolvedOptions().timeZone;

export function sayInstant(instant: string | number): string {
  return ABSOLUTE.format(new Date(instant));
}

/** "in 3 days", "2 hours ago". */
export function sayDistance(instant: string | number, now: number): string {
  const seconds = (new Date(instant).getTime() - now) / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 0];
  // A row may be younger than the last tick of `now`.
  if (size === 0) return new Date(instant).getTime() > serverNow() ? "in less than a minute" : "just now";
  return RELATIVE.format(Math.round(seconds / size), unit);
}

/** "3 days", "2 hours". */
export function sayLength(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms / 1000 >= size) ?? ["minute", 60];
  return new Intl.NumberFormat("en", { ...LENGTHS, unit }).format(Math.round(ms / 1000 / size));
}

const TICK_MS = 30_000;

/** The server's time, moving slowly. */
export function useNow(): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const tick = (): void => setNow(serverNow());
    const timer = setInterval(tick, TICK_MS);
    const leave = watchServerClock(tick);
    return () => {
      clearInterval(timer);
      leave();
    };
  }, []);
  return now;
}

interface WhenProps {
  readonly at: string;
  readonly now: number;
  /** Absolute first, relative below it. */
  readonly both?: boolean;
}

/** An instant in the viewer's zone and from now; the UTC instant on hover. */
export function When({ at, now, both = false }: WhenProps) {
  const label = `${sayInstant(at)} · ${at.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC")}`;
  // The browser's own hint: a hundred of them on a screen must cost nothing.
  return (
    <time dateTime={at} className="when" title={label}>
      {both ? (
        <>
          <span>{sayInstant(at)}</span>
          <span className="muted small">{sayDistance(at, now)}</span>
        </>
      ) : (
        sayDistance(at, now)
      )}
    </time>
  );
}
