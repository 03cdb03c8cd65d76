import { Button, Menu } from "@mantine/core";
import { IconFileDescription, IconPencil, IconPlus, IconTrash, IconUsersGroup } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { call } from "../api/call.ts";
import { useMay, useMe } from "../api/session.ts";
import { useTitle } from "../frame/title.ts";
import type { DataColumn } from "../table/column.ts";
import { DataTable } from "../table/data-table.tsx";
import { RowMenu } from "../table/row-menu.tsx";
import { FailedState, State } from "../table/state.tsx";
import type { GroupAction, GroupEntry } from "./group.ts";
import { GroupDetails } from "./group-details.tsx";
import { GroupPanel } from "./group-panel.tsx";
import { PeopleTabs } from "./people-tabs.tsx";
import { RemoveGroup } from "./remove-group.tsx";
import { coversRights } from "./self.ts";
import { RoleNames } from "./user-columns.tsx";

type Task = { readonly kind: "add" } | { readonly kind: "edit" | "delete"; readonly group: GroupEntry };
/** Groups grant their roles and scopes to their members. */
export function Groups() {
  useTitle("Groups");
  const may = useMay();
  const me = useMe();
  const { group: openName } = useSearch({ from: "/frame/groups" });
  const navigate = useNavigate({ from: "/groups" });
  const [task, setTask] = useState<Task>();
  const list = useQuery({
    queryKey: ["groups"],
    queryFn: ({ signal }) => call("groups.list", {}, { signal }),
  });
  const show = (group: string | undefined): void => void navigate({ search: { group }, resetScroll: false });
  const act = (action: GroupAction, group: GroupEntry): void =>
    action === "details" ? show(group.name) : setTask({ kind: action, group });
  // biome-ignore lint/correctness/useExhaustiveDependencies: opening is the same at every time
  const columns = useMemo(() => groupColumns((group) => act("details", group)), []);
  const end = (): void => setTask(undefined);
  return (
    <>
      <div className="screen-head">
        <h1>Groups</h1>
        {may("groups.create") && (
          <Button
            leftSection={<IconPlus size={18} stroke={2} aria-hidden />}
            onClick={() => setTask({ kind: "add" })}
          >
            Add Group
          </Button>
        )}
      </div>
      <PeopleTabs />
      <DataTable
        label="Groups"
        columns={columns}
        rows={list.data?.entries}
        idOf={(group) => String(group.id)}
        nameOf={(group) => group.name}
        onOpen={(group) => act("details", group)}
        actions={(group) => <GroupActions group={group} isOpen={coversRights(me, group)} onAction={act} />}
        state={
          list.isError && !list.data ? (
            <FailedState error={list.error} onRetry={() => void list.refetch()} />
          ) : list.data?.entries.length === 0 ? (
            <State icon={<IconUsersGroup size={40} stroke={1.3} aria-hidden />} title="No groups yet">
              <p>
                A group grants its roles and scopes to its members, so that many users with the same work need
                not be edited one by one.
              </p>
            </State>
          ) : undefined
        }
      />
      {openName && <GroupDetails name={openName} onClose={() => show(undefined)} onAction={act} />}
      {task?.kind === "add" && <GroupPanel onClose={end} onSaved={end} />}
      {task?.kind === "edit" && (
        <GroupPanel
          group={task.group}
          onClose={end}
          onSaved={(name) => {
            end();
            if (openName === task.group.name && name !== openName) show(name);
          }}
        />
      )}
      {task?.kind === "delete" && (
        <RemoveGroup
          group={task.group}
          onClose={end}
          onDone={() => {
            end();
            if (openName === task.group.name) show(undefined);
          }}
        />
      )}
    </>
  );
}

interface GroupActionsProps {
  readonly group: GroupEntry;
  /** Has no rights that one lacks. */
  readonly isOpen: boolean;
  readonly onAction: (action: GroupAction, group: GroupEntry) => void;
}

const ICON = { size: 17, stroke: 1.7, "aria-hidden": true } as const;

function GroupActions({ group, isOpen, onAction }: GroupActionsProps) {
  const may = useMay();
  return (
    <RowMenu label={`Actions for ${group.name}`} width={160}>
      <Menu.Item leftSection={<IconFileDescription {...ICON} />} onClick={() => onAction("details", group)}>
        Details
      </Menu.Item>
      {isOpen && may("groups.update") && (
        <Menu.Item leftSection={<IconPencil {...ICON} />} onClick={() => onAction("edit", group)}>
          Edit
        </Menu.Item>
      )}
      {isOpen && may("groups.remove") && (
        <>
          <Menu.Divider />
          <Menu.Item
            color="var(--bad)"
            leftSection={<IconTrash {...ICON} />}
            onClick={() => onAction("delete", group)}
          >
            Delete
          </Menu.Item>
        </>
      )}
    </RowMenu>
  );
}

function groupColumns(onOpen: (group: GroupEntry) => void): readonly DataColumn<GroupEntry>[] {
  return [
    {
      id: "name",
      title: "Name",
      isLead: true,
      cell: (group) => (
        <button type="button" className="cell-name as-link" onClick={() => onOpen(group)}>
          {group.name}
        </button>
      ),
    },
    { id: "members", title: "Members", cell: (group) => <Few words={group.members} /> },
    {
      id: "roles",
      title: "Roles",
      cell: (group) =>
        group.roles.length === 0 ? <span className="muted">None</span> : <RoleNames roles={group.roles} />,
    },
    { id: "scopes", title: "Scopes", cell: (group) => <Few words={group.scopes} /> },
  ];
}

const FEW = 4;

function Few({ words }: { readonly words: readonly string[] }) {
  if (words.length === 0) return <span className="muted">None</span>;
  return (
    <span>
      {words.slice(0, FEW).map((word) => (
        <span key={word} className="tag">
          {word}
        </span>
      ))}
      {words.length > FEW && <span className="muted">and {words.length - FEW} more</span>}
    </span>
  );
}
