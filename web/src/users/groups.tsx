import type { OutputOf } from "@chatelaine/contract/operations/operations";
import { Button, Menu } from "@mantine/core";
import { IconPencil, IconPlus, IconTrash, IconUsersGroup } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { call } from "../api/call.ts";
import { useMay } from "../api/session.ts";
import { useTitle } from "../frame/title.ts";
import { type DataColumn, DataTable } from "../table/data-table.tsx";
import { RowMenu } from "../table/row-menu.tsx";
import { FailedState, State } from "../table/state.tsx";
import { GroupPanel } from "./group-panel.tsx";
import { PeopleTabs } from "./people-tabs.tsx";
import { RemoveGroup } from "./remove-group.tsx";
import { RoleNames } from "./user-columns.tsx";

export type Group = OutputOf<"groups.create">;
type Task = { readonly kind: "add" } | { readonly kind: "edit" | "delete"; readonly group: Group };

/** Groups grant their roles and scopes to their members. */
export function Groups() {
  useTitle("Groups");
  const may = useMay();
  const [task, setTask] = useState<Task>();
  const list = useQuery({
    queryKey: ["groups"],
    queryFn: ({ signal }) => call("groups.list", {}, { signal }),
  });
  const columns = useMemo(() => groupColumns((group) => setTask({ kind: "edit", group })), []);
  const end = (): void => setTask(undefined);
  const mayWrite = may("groups.create");
  return (
    <>
      <div className="screen-head">
        <h1>Groups</h1>
        {mayWrite && (
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
        onOpen={mayWrite ? (group) => setTask({ kind: "edit", group }) : undefined}
        actions={
          mayWrite
            ? (group) => (
                <RowMenu label={`Actions for ${group.name}`} width={160}>
                  <Menu.Item
                    leftSection={<IconPencil size={17} stroke={1.7} aria-hidden />}
                    onClick={() => setTask({ kind: "edit", group })}
                  >
                    Edit
                  </Menu.Item>
                  <Menu.Divider />
                  <Menu.Item
                    color="var(--bad)"
                    leftSection={<IconTrash size={17} stroke={1.7} aria-hidden />}
                    onClick={() => setTask({ kind: "delete", group })}
                  >
                    Delete
                  </Menu.Item>
                </RowMenu>
              )
            : undefined
        }
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
      {task?.kind === "add" && <GroupPanel onClose={end} />}
      {task?.kind === "edit" && <GroupPanel group={task.group} onClose={end} />}
      {task?.kind === "delete" && <RemoveGroup group={task.group} onClose={end} />}
    </>
  );
}

function groupColumns(onOpen: (group: Group) => void): readonly DataColumn<Group>[] {
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
