/** Alone because every list that is ordered by its address reads it: an order that there is not falls back to the list's own. */

/** @returns undefined for what the server would refuse */
export function knownOrder(order: string | undefined, fields: readonly string[]): string | undefined {
  return order !== undefined && fields.includes(order.replace(/^-/, "")) ? order : undefined;
}
