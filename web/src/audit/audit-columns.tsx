import { IconCircleCheck, IconCircleX } from "@tabler/icons-react";
import type { DataColumn } from "../table/column.ts";
import { When } from "../time/instant.tsx";
import type { AuditEntry } from "./entry.ts";

export function auditColumns(
  now: number,
  onOpen: (entry: AuditEntry) => void,
): readonly DataColumn<AuditEntry>[] {
  return [
    {
      id: "description",
      title: "What",
      order: "action",
      isLead: true,
      cell: (entry) => (
        <button
          type="button"
          className="cell-name as-link"
          title={entry.description}
          onClick={() => onOpen(entry)}
        >
          {entry.description}
        </button>
      ),
    },
    { id: "outcome", title: "Outcome", isMark: true, cell: (entry) => <Outcome entry={entry} /> },
    {
      id: "username",
      title: "Who",
      order: "username",
      cell: (entry) => (
        <span className="cell-text">{entry.username ?? <span className="muted">–</span>}</span>
      ),
    },
    {
      id: "address",
      title: "From",
      order: "address",
      cell: (entry) =>
        entry.address ? (
          <span className="mono">{entry.address}</span>
        ) : (
          <span className="muted">{DOORS[entry.door] ?? entry.door}</span>
        ),
    },
    { id: "at", title: "When", order: "at", cell: (entry) => <When at={entry.at} now={now} both /> },
  ];
}

/** Ways in that have no address. */
export const DOORS: Readonly<Record<string, string>> = {
  cli: "command line",
  internal: "the server itself",
  rest: "REST API",
  websocket: "JSON-RPC API",
  auth: "checking endpoint",
};

export function Outcome({ entry }: { readonly entry: AuditEntry }) {
  if (entry.success)
    return (
      <span className="status" data-tone="good">
        <IconCircleCheck size={15} stroke={2} aria-hidden />
        Done
      </span>
    );
  return (
    <span className="status" data-tone="bad">
      <IconCircleX size={15} stroke={2} aria-hidden />
      Refused{timesOf(entry) > 1 && ` ${sayTimes(timesOf(entry))}`}
    </span>
  );
}

/** Refusals that are alike, of one minute and network, are one entry. */
export function timesOf({ details }: AuditEntry): number {
  return typeof details.count === "number" ? details.count : 1;
}

export function sayTimes(times: number): string {
  return `${times.toLocaleString()} times`;
}
