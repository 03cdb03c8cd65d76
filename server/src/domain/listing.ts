/** Alone because every list, of whatever entity, is asked for by a query and answered with a page. */
import type { Condition, Order } from "./filter.ts";

/** Paths of conditions and orders are the names of the record's members; instants compare as Date. */
export interface ListQuery {
  readonly where?: Condition;
  readonly order?: readonly Order[];
  readonly offset?: number;
  /** 0: all. */
  readonly limit?: number;
  /** `count` gives the total alone; `page` both. Default `rows`. */
  readonly want?: "rows" | "count" | "page";
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Of all that match; undefined unless asked for. */
  readonly total: number | undefined;
}
