import { NativeSelect } from "@mantine/core";
import type { DataColumn } from "./column.ts";

interface OrderMenuProps<Row> {
  readonly columns: readonly DataColumn<Row>[];
  readonly order: string | undefined;
  readonly onOrder: ((order: string) => void) | undefined;
}

/** Where rows are cards there are no column titles to press. */
export function OrderMenu<Row>({ columns, order, onOrder }: OrderMenuProps<Row>) {
  if (onOrder === undefined) return null;
  const choices = columns.flatMap(({ title, order: field }) =>
    field === undefined
      ? []
      : [
          { value: field, label: `${title}, ascending` },
          { value: `-${field}`, label: `${title}, descending` },
        ],
  );
  return (
    <div className="order-menu">
      <NativeSelect
        aria-label="Order"
        data={choices}
        value={order}
        onChange={(event) => onOrder(event.currentTarget.value)}
      />
    </div>
  );
}
