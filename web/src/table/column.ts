/** Alone because a table and what stands beside it need the same type. */
import type { ReactNode } from "react";

export interface DataColumn<Row> {
  readonly id: string;
  readonly title: string;
  /** The server's name for ordering by it; absent: it has no order. */
  readonly order?: string;
  readonly cell: (row: Row) => ReactNode;
  /** Stands first on a card, without its title. */
  readonly isLead?: boolean;
  /** Beside the lead on a card. */
  readonly isMark?: boolean;
}
