/**
 * A table whose rows, order and pages are the server's. Below 768 px each row becomes a card; the roles are written out,
 * because browsers drop those of a table that is not laid out as one.
 */
import { Checkbox } from "@mantine/core";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { type MouseEvent, memo, type ReactNode, useCallback, useMemo, useRef } from "react";
import type { DataColumn } from "./column.ts";
import { OrderMenu } from "./order-menu.tsx";

export interface Selection {
  readonly ids: ReadonlySet<string>;
  /** The others have no box: what may not be changed is not chosen for a change. */
  readonly mayTick: (id: string) => boolean;
  readonly toggle: (id: string) => void;
  readonly toggleAll: (isWanted: boolean) => void;
}

interface DataTableProps<Row> {
  readonly label: string;
  readonly columns: readonly DataColumn<Row>[];
  /** Ids; absent: all. */
  readonly visible?: readonly string[];
  /** undefined: not known yet. */
  readonly rows: readonly Row[] | undefined;
  readonly idOf: (row: Row) => string;
  readonly nameOf: (row: Row) => string;
  readonly order?: string;
  readonly onOrder?: (order: string) => void;
  readonly onOpen?: (row: Row) => void;
  /** The same function while it would say the same: rows are drawn anew only when they, the columns or it change. */
  readonly actions?: (row: Row) => ReactNode;
  readonly selection?: Selection;
  /** The rows are those of the question before. */
  readonly isOld?: boolean;
  readonly markedId?: string;
  /** In the place of rows. */
  readonly state?: ReactNode;
}

/** Written out for browsers that drop a table's roles together with its layout. */
const ROLE = {
  table: { role: "table" },
  rowgroup: { role: "rowgroup" },
  row: { role: "row" },
  cell: { role: "cell" },
  columnheader: { role: "columnheader" },
} as const;
const SKELETON_ROWS = 8;

export function DataTable<Row extends object>(props: DataTableProps<Row>) {
  const { columns, visible, rows, idOf, selection, actions, state } = props;
  // By what it says, not by which array says it: the rows are drawn again when the columns change.
  const ids = visible?.join(" ");
  const shown = useMemo(
    () => (ids === undefined ? columns : columns.filter(({ id }) => ids.split(" ").includes(id))),
    [columns, ids],
  );
  const latest = useRef(props);
  latest.current = props;
  const open = useCallback((row: Row) => latest.current.onOpen?.(row), []);
  const tick = useCallback((id: string) => latest.current.selection?.toggle(id), []);
  const width = shown.length + (selection ? 1 : 0) + (actions ? 1 : 0);
  return (
    <div
      className="table-frame"
      data-old={props.isOld || undefined}
      aria-busy={rows === undefined || props.isOld}
    >
      <OrderMenu columns={shown} order={props.order} onOrder={props.onOrder} />
      <table {...ROLE.table} aria-label={props.label}>
        <Head {...props} shown={shown} />
        <tbody {...ROLE.rowgroup}>
          {state === undefined && rows === undefined && <Skeletons width={width} />}
          {state === undefined &&
            rows?.map((row) => {
              const id = idOf(row);
              return (
                <Line
                  key={id}
                  id={id}
                  name={props.nameOf(row)}
                  row={row}
                  shown={shown}
                  actions={actions}
                  onOpen={props.onOpen && open}
                  onTick={selection && (selection.mayTick(id) ? tick : "never")}
                  isTicked={selection?.ids.has(id) ?? false}
                  isMarked={props.markedId === id}
                />
              );
            })}
        </tbody>
      </table>
      {state}
    </div>
  );
}

interface PartProps<Row> extends DataTableProps<Row> {
  readonly shown: readonly DataColumn<Row>[];
}

function Head<Row>({ shown, order, onOrder, selection, rows, idOf, actions }: PartProps<Row>) {
  const open = selection ? (rows ?? []).map(idOf).filter(selection.mayTick) : [];
  const isAll = open.length > 0 && open.every((id) => selection?.ids.has(id));
  const isSome = open.some((id) => selection?.ids.has(id));
  return (
    <thead {...ROLE.rowgroup}>
      <tr {...ROLE.row}>
        {selection && (
          <td {...ROLE.cell} className="cell-check">
            <Checkbox
              size="xs"
              aria-label="Select all on this page"
              disabled={open.length === 0}
              checked={isAll}
              indeterminate={isSome && !isAll}
              onChange={(event) => selection.toggleAll(event.currentTarget.checked)}
            />
          </td>
        )}
        {shown.map((column) => (
          <Title key={column.id} column={column} order={order} onOrder={onOrder} />
        ))}
        {actions && <td {...ROLE.cell} className="cell-actions" />}
      </tr>
    </thead>
  );
}

interface TitleProps<Row> {
  readonly column: DataColumn<Row>;
  readonly order: string | undefined;
  readonly onOrder: ((order: string) => void) | undefined;
}

function Title<Row>({ column, order, onOrder }: TitleProps<Row>) {
  const field = column.order;
  const isDown = order === `-${field}`;
  const isOrdered = isDown || order === field;
  if (field === undefined || onOrder === undefined)
    return (
      <th {...ROLE.columnheader} scope="col">
        <span className="title-plain">{column.title}</span>
      </th>
    );
  const Arrow = isDown ? IconArrowDown : IconArrowUp;
  return (
    <th
      {...ROLE.columnheader}
      scope="col"
      aria-sort={isOrdered ? (isDown ? "descending" : "ascending") : undefined}
    >
      <button
        type="button"
        className="title"
        onClick={() => onOrder(isOrdered && !isDown ? `-${field}` : field)}
      >
        {column.title}
        <Arrow size={14} stroke={2} aria-hidden data-on={isOrdered || undefined} />
      </button>
    </th>
  );
}

interface LineProps<Row> {
  readonly id: string;
  readonly name: string;
  readonly row: Row;
  readonly shown: readonly DataColumn<Row>[];
  readonly actions: ((row: Row) => ReactNode) | undefined;
  readonly onOpen: ((row: Row) => void) | undefined;
  /** `never`: others of the table may be ticked. */
  readonly onTick: ((id: string) => void) | "never" | undefined;
  readonly isTicked: boolean;
  readonly isMarked: boolean;
}

/** Fifty of them stand on a page: what has not changed is not drawn again. */
const Line = memo(PlainLine) as typeof PlainLine;

function PlainLine<Row>(props: LineProps<Row>) {
  const { id, row, shown, actions, onOpen, onTick } = props;
  const open = (event: MouseEvent<HTMLElement>): void => {
    const isControl = (event.target as HTMLElement).closest("a, button, input, label, [role=menu]") !== null;
    const isReading = (window.getSelection()?.toString() ?? "") !== "";
    if (!isControl && !isReading && event.currentTarget.contains(event.target as Node)) onOpen?.(row);
  };
  return (
    <tr
      {...ROLE.row}
      onClick={onOpen && open}
      data-open={!!onOpen || undefined}
      data-marked={props.isMarked || undefined}
    >
      {onTick && (
        <td {...ROLE.cell} className="cell-check">
          {onTick !== "never" && (
            <input
              type="checkbox"
              className="check"
              aria-label={`Select ${props.name}`}
              checked={props.isTicked}
              onChange={() => onTick(id)}
            />
          )}
        </td>
      )}
      {shown.map((column) => (
        <td
          key={column.id}
          {...ROLE.cell}
          data-column={column.id}
          data-label={column.title}
          data-lead={column.isLead || undefined}
          data-mark={column.isMark || undefined}
        >
          {column.cell(row)}
        </td>
      ))}
      {actions && (
        <td {...ROLE.cell} className="cell-actions">
          {actions(row)}
        </td>
      )}
    </tr>
  );
}

function Skeletons({ width }: { readonly width: number }) {
  return Array.from({ length: SKELETON_ROWS }, (_, row) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
    <tr {...ROLE.row} key={row} className="skeleton" aria-hidden>
      {Array.from({ length: width }, (_, cell) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
        <td {...ROLE.cell} key={cell}>
          <span style={{ width: `${45 + ((row * 7 + cell * 13) % 40)}%` }} />
        </td>
      ))}
    </tr>
  ));
}
