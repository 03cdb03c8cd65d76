import type { MouseEvent } from "react";
import type { DataColumn } from "../table/column.ts";
import { When } from "../time/instant.tsx";
import { type KeyEntry, statusOf } from "./key.ts";
import { KeyStatus } from "./key-status.tsx";

const NONE = <span className="muted">–</span>;

export const DEFAULT_COLUMNS = ["name", "username", "status", "created_at", "expires_at", "last_used_at"];

/** Every column that the list can show, in its order. */
export function keyColumns(now: number, onOpen: (key: KeyEntry) => void): readonly DataColumn<KeyEntry>[] {
  return [
    {
      id: "name",
      title: "Name",
      order: "name",
      isLead: true,
      cell: (key) => (
        <>
          <a
            href={`/keys?key=${key.id}`}
            className="cell-name"
            title={key.name}
            onClick={(event) => openHere(event, () => onOpen(key))}
          >
            {key.name}
          </a>
          {key.manages_sign_in && <span className="tag">Manages sign-in</span>}
        </>
      ),
    },
    {
      id: "username",
      title: "Username",
      order: "username",
      cell: (key) => <span className="cell-text">{key.username}</span>,
    },
    {
      id: "status",
      title: "Status",
      order: "status",
      isMark: true,
      cell: (key) => <KeyStatus status={statusOf(key, now)} why={key.revoked_reason ?? undefined} />,
    },
    {
      id: "created_at",
      title: "Created",
      order: "created_at",
      cell: (key) => <When at={key.created_at} now={now} />,
    },
    {
      id: "expires_at",
      title: "Expires",
      order: "ends_at",
      cell: (key) => (key.ends_at === null ? "Never" : <When at={key.ends_at} now={now} both />),
    },
    {
      id: "last_used_at",
      title: "Last used",
      order: "last_used_at",
      cell: (key) =>
        key.last_used_at === null ? (
          <span className="muted">Never</span>
        ) : (
          <When at={key.last_used_at} now={now} />
        ),
    },
    { id: "id", title: "ID", order: "id", cell: (key) => <span className="mono">{key.id}</span> },
    {
      id: "hint",
      title: "Key hint",
      order: "hint",
      cell: (key) => (
        <span className="mono">
          {key.id}-…{key.hint}
        </span>
      ),
    },
    {
      id: "last_used_address",
      title: "Last address",
      order: "last_used_address",
      cell: (key) =>
        key.last_used_address === null ? NONE : <span className="mono">{key.last_used_address}</span>,
    },
    {
      id: "scopes",
      title: "Scopes",
      order: "scopes",
      cell: (key) => (key.scopes === null ? "All of the user" : <Words words={key.scopes} />),
    },
    { id: "tags", title: "Tags", order: "tags", cell: (key) => <Words words={key.tags} /> },
    {
      id: "created_by",
      title: "Created by",
      order: "created_by",
      cell: (key) => <span className="cell-text">{key.created_by}</span>,
    },
  ];
}

/** A plain press opens it over the list as it is; a new tab, or a copied link, has the key alone. */
function openHere(event: MouseEvent, open: () => void): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  open();
}

function Words({ words }: { readonly words: readonly string[] }) {
  if (words.length === 0) return NONE;
  return (
    <span>
      {words.map((word) => (
        <span key={word} className="tag" title={word}>
          {word}
        </span>
      ))}
    </span>
  );
}
