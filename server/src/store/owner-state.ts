/**
 * What the state of a key takes from its owner, in SQL and in one place: lists, filters and alerts say the same of a key
 * (held by `key-states.test.ts` and `alert-lists.test.ts`). `keys` is the name that the table has in the statement.
 */

/** Asked once for a statement, not once for a row. */
export const LIMITED_USERS = "select id from users where ceilings is not null";

export const isOwnerLocked = (keys: string): string =>
  `(${keys}.user_id in (select id from users where locked_at is not null))`;

export const isOwnerRoleless = (keys: string): string =>
  `(${keys}.user_id in (select id from users where all_roles = '[]'))`;

/** When a key gets older than its owner's keys may; null: never. */
export const limitEndsAt = (keys: string): string =>
  `(case when ${keys}.user_id in (${LIMITED_USERS}) then (select coalesce(${keys}.reset_at, ${keys}.created_at) + 1000 * json_extract(users.ceilings, '$.lifetimeSeconds') from users where users.id = ${keys}.user_id) end)`;

/** Whichever end comes first; null: none does. */
export function lastInstantAt(keys: string): string {
  const limit = limitEndsAt(keys);
  return `coalesce(min(${keys}.expires_at, ${limit}), ${keys}.expires_at, ${limit})`;
}
