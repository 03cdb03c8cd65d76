import { DAY_MS } from "@chatelaine/contract/instant";
import { SEARCH_CHARS_MAX } from "@chatelaine/contract/limits";
import type { InputOf } from "@chatelaine/contract/operations/operations";
import { KEY_ORDERS } from "@chatelaine/contract/orders";
import { serverNow } from "../api/server-clock.ts";
import { knownOrder, readDays, readPage } from "../table/address.ts";

export const STATUSES = [
  "active",
  "expires_soon",
  "expired",
  "past_limit",
  "paused",
  "user_locked",
  "no_roles",
  "revoked",
] as const;
export type Status = (typeof STATUSES)[number];

/** What the address of the list says: filters, order, page, and the key whose details are open. */
export interface KeysSearch {
  readonly q?: string;
  /** Parted by commas. */
  readonly status?: string;
  /** `me`, or a user name. */
  readonly owner?: string;
  readonly tag?: string;
  /** Keys not used for as many days, and older than that. */
  readonly unused?: number;
  readonly order?: string;
  readonly page?: number;
  readonly key?: number;
}

export const PAGE_SIZE = 50;
export const DEFAULT_ORDER = "-created_at";

/** Whatever cannot be understood is left out: an address is typed by anybody. */
export function readKeysSearch(search: Record<string, unknown>): KeysSearch {
  const text = (name: string): string | undefined => {
    const value = search[name];
    return value === undefined || value === "" ? undefined : String(value).slice(0, SEARCH_CHARS_MAX);
  };
  const number = (name: string): number | undefined => {
    const value = Number(search[name]);
    return Number.isSafeInteger(value) && value > 0 ? value : undefined;
  };
  const order = text("order");
  const page = readPage(search.page, PAGE_SIZE);
  const chosen = statusesOf(text("status"));
  return {
    q: text("q"),
    status: chosen.length > 0 ? chosen.join(",") : undefined,
    owner: text("owner"),
    tag: text("tag"),
    unused: readDays(search.unused),
    order: order === DEFAULT_ORDER ? undefined : knownOrder(order, KEY_ORDERS),
    page: page === 1 ? undefined : page,
    key: number("key"),
  };
}

export function statusesOf(status: string | undefined): Status[] {
  const wanted = (status ?? "").split(",");
  return STATUSES.filter((one) => wanted.includes(one));
}

/** Whether any filter narrows the list. */
export function isFiltered({ q, status, owner, tag, unused }: KeysSearch): boolean {
  return [q, status, owner, tag, unused].some((one) => one !== undefined);
}

/** The same as a question to the server. */
export function listQuery(search: KeysSearch, username: string): InputOf<"keys.list", "query"> {
  const { q, owner, tag, unused, order = DEFAULT_ORDER, page = 1 } = search;
  const statuses = statusesOf(search.status);
  return {
    q,
    order,
    limit: PAGE_SIZE,
    offset: page > 1 ? (page - 1) * PAGE_SIZE : undefined,
    status: statuses.length > 0 ? statuses : undefined,
    username: owner === undefined ? undefined : [owner === "me" ? username : owner],
    tag: tag === undefined ? undefined : [tag],
    ...(unused !== undefined && unusedFor(unused)),
  };
}

/** Not used for as many whole days, and made before that. Cut to the minute in which the alert is counted too. */
function unusedFor(days: number): { unused_since: string; filter: string } {
  const now = Math.floor(serverNow() / 60_000) * 60_000;
  const since = new Date(now - days * DAY_MS).toISOString();
  return { unused_since: since, filter: JSON.stringify([["created_at.$date", "<", since]]) };
}
