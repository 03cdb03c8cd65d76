/** Alone because every list reads its address by it: an address is typed by anybody, and what there is not falls back. */
import { OFFSET_MAX } from "@chatelaine/contract/limits";

/** @returns undefined for an order that the server would refuse */
export function knownOrder(order: string | undefined, fields: readonly string[]): string | undefined {
  return order !== undefined && fields.includes(order.replace(/^-/, "")) ? order : undefined;
}

/** A page as far as the server skips: the list itself leaves one beyond the last for the last. */
export function readPage(text: unknown, pageSize: number): number {
  const page = Math.min(Math.floor(Number(text)), Math.floor(OFFSET_MAX / pageSize) + 1);
  return page >= 1 ? page : 1;
}

/** So many days back from now; undefined for what is no day that a calendar has. */
export function readDays(text: unknown): number | undefined {
  const days = Number(text);
  return Number.isSafeInteger(days) && days > 0 && days <= DAYS_MAX ? days : undefined;
}

const DAYS_MAX = 36_500;
