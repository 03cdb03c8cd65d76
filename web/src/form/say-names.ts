/** Alone because dialogs about keys, users and groups name many things alike. */
const NAMED_MAX = 8;

/** As many names as are read at a glance, and how many more there are. */
export function sayNames(names: readonly string[]): string {
  const more = names.length - NAMED_MAX;
  return `${names.slice(0, NAMED_MAX).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
