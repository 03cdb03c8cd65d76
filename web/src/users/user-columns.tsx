import { ROLE_LABELS, type Role } from "@chatelaine/contract/roles";
import { IconCircleCheck, IconLock } from "@tabler/icons-react";
import type { DataColumn } from "../table/column.ts";
import { When } from "../time/instant.tsx";
import { KeysLink } from "./keys-link.tsx";
import type { UserEntry } from "./user.ts";

export function userColumns(
  now: number,
  onOpen: (user: UserEntry) => void,
): readonly DataColumn<UserEntry>[] {
  return [
    {
      id: "username",
      title: "Username",
      order: "username",
      isLead: true,
      cell: (user) => (
        <button type="button" className="cell-name as-link" onClick={() => onOpen(user)}>
          {user.username}
        </button>
      ),
    },
    {
      id: "full_name",
      title: "Full name",
      order: "full_name",
      cell: (user) => <span className="cell-text">{user.full_name || <span className="muted">–</span>}</span>,
    },
    {
      id: "state",
      title: "Status",
      order: "locked_at",
      isMark: true,
      cell: (user) => <UserState user={user} />,
    },
    { id: "roles", title: "Roles", cell: (user) => <RoleNames roles={user.all_roles} /> },
    {
      id: "keys",
      title: "Keys",
      cell: (user) => <KeysLink user={user} />,
    },
    {
      id: "created_at",
      title: "Created",
      order: "created_at",
      cell: (user) => <When at={user.created_at} now={now} />,
    },
  ];
}

export function UserState({ user }: { readonly user: UserEntry }) {
  if (user.locked)
    return (
      <span className="status" data-tone="bad">
        <IconLock size={15} stroke={2} aria-hidden />
        Locked
      </span>
    );
  return (
    <span className="status" data-tone="good">
      <IconCircleCheck size={15} stroke={2} aria-hidden />
      Active
    </span>
  );
}

export function RoleNames({ roles }: { readonly roles: readonly Role[] }) {
  if (roles.length === 0) return <span className="muted">None: may not sign in</span>;
  return (
    <>
      {roles.map((role) => (
        <span key={role} className="tag" title={ROLE_LABELS[role].words}>
          {ROLE_LABELS[role].title}
        </span>
      ))}
    </>
  );
}
