import { ROLE_LABELS } from "@chatelaine/contract/roles";
import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { call } from "../api/call.ts";
import { useMay, useMe } from "../api/session.ts";
import { History } from "../audit/history.tsx";
import { Panel } from "../form/dialog.tsx";
import { Note } from "../frame/note.tsx";
import { isGone } from "../keys/what-stops.tsx";
import { FailedState } from "../table/state.tsx";
import type { GroupAction, GroupEntry } from "./group.ts";
import { coversRights } from "./self.ts";

interface GroupDetailsProps {
  readonly name: string;
  readonly onClose: () => void;
  readonly onAction: (action: GroupAction, group: GroupEntry) => void;
}

/** Who is in a group and what it grants, for everybody who may see users. */
export function GroupDetails({ name, onClose, onAction }: GroupDetailsProps) {
  const found = useQuery({
    queryKey: ["group", name],
    queryFn: ({ signal }) => call("groups.get", { name }, { signal }),
  });
  const wasGone = isGone(found);
  return (
    <Panel title={name} size={520} closeLabel="Close details" onClose={onClose}>
      {wasGone && (
        <Note tone="bad" title="This group does not exist" isAlert>
          It may have been deleted or renamed. Nothing can be done with it here.
        </Note>
      )}
      {found.data && !wasGone && <Facts group={found.data} onAction={onAction} />}
      {found.isPending && <Skeleton height={200} />}
      {found.isError && !found.data && !wasGone && (
        <FailedState error={found.error} onRetry={() => void found.refetch()} />
      )}
    </Panel>
  );
}

function Facts({
  group,
  onAction,
}: {
  readonly group: GroupEntry;
  readonly onAction: GroupDetailsProps["onAction"];
}) {
  const may = useMay();
  const me = useMe();
  return (
    <div className="details">
      {coversRights(me, group) && (
        <div className="details-head">
          <div className="details-actions">
            {may("groups.update") && (
              <Button size="xs" variant="default" onClick={() => onAction("edit", group)}>
                Edit
              </Button>
            )}
            {may("groups.remove") && (
              <Button size="xs" variant="default" c="var(--bad)" onClick={() => onAction("delete", group)}>
                Delete
              </Button>
            )}
          </div>
        </div>
      )}
      <section>
        <h3>Members</h3>
        {group.members.length === 0 && <p className="muted">None</p>}
        <ul className="plain-list">
          {group.members.map((member) => (
            <li key={member}>
              <Link to="/users" search={{ user: member }}>
                {member}
              </Link>
            </li>
          ))}
        </ul>
      </section>
      <section>
        <h3>Rights</h3>
        {group.roles.length === 0 && <p className="muted">No roles</p>}
        <ul className="plain-rows">
          {group.roles.map((role) => (
            <li key={role}>
              <strong>{ROLE_LABELS[role].title}</strong>
              <span className="muted">{ROLE_LABELS[role].words}</span>
            </li>
          ))}
        </ul>
        <p>
          <span className="muted">Scopes: </span>
          {group.scopes.length === 0
            ? "none"
            : group.scopes.map((scope) => (
                <span key={scope} className="tag">
                  {scope}
                </span>
              ))}
        </p>
      </section>
      {may("audit.list") && (
        <section>
          <h3>History</h3>
          <History kind="group" id={group.id} />
        </section>
      )}
    </div>
  );
}
