import { useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { useMe } from "../api/session.ts";
import { EndDialog } from "../form/end-dialog.tsx";
import { sayNames } from "../form/say-names.ts";
import { useChange } from "../form/use-change.ts";
import { useIsTold } from "../keys/what-stops.tsx";
import { showDone } from "../notices/notices.ts";
import { readGroup, unlessGone, useGroupNow } from "./as-now.ts";
import type { Group } from "./groups.tsx";
import { losesOwnRights, type Planned } from "./self.ts";
import { StopsWithoutRole, useLeftWithoutRole, WithoutRole } from "./without-role.tsx";

interface RemoveGroupProps {
  readonly group: Group;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Its members lose what it grants: who they are is asked when the dialog opens. */
export function RemoveGroup({ group, onClose, onDone }: RemoveGroupProps) {
  const queries = useQueryClient();
  const me = useMe();
  const found = useGroupNow(group);
  const { name, members } = found.data ?? group;
  const remove = useChange({
    tried: "do",
    run: (wanted: string, { signal }) =>
      call("groups.remove", { name: wanted }, { signal }).catch((error: unknown) =>
        unlessGone(error, () => readGroup(group.id, signal)),
      ),
    onDone: () => {
      for (const one of ["groups", "group", "users", "user", "keys", "key"])
        void queries.invalidateQueries({ queryKey: [one] });
      showDone(`${name} deleted.`);
      onDone();
    },
  });
  const own = useQuery({
    queryKey: ["group", name, "own"],
    queryFn: () => losesOwnRights(me, withoutGroup(name)),
    staleTime: 0,
    gcTime: 0,
  });
  const wasGone = found.data === null && !remove.isPending;
  const left = useLeftWithoutRole(found.data ?? group, undefined);
  const isTold = useIsTold({ isPending: found.isPending || own.isPending || left === undefined });
  // What the server has not said counts as a loss, once it is not waited for any more.
  const mayLose = own.data ?? isTold;
  return (
    <EndDialog
      title="Delete Group"
      verb="Delete"
      change={remove}
      isTold={isTold}
      isImpossible={wasGone}
      ownName={mayLose ? me.user.username : undefined}
      ownLoss={own.data === undefined ? "unknown" : "rights"}
      onClose={onClose}
      onConfirm={() => remove.send(name)}
    >
      {wasGone ? (
        <p>This group no longer exists. It may have been deleted.</p>
      ) : (
        <div>
          <p>
            Delete <strong>{name}</strong>? {sayMembers(members.length)} This cannot be undone.
          </p>
          {found.isError && <p>It is not known who its members are now: the server did not answer.</p>}
          {members.length > 0 && <p className="muted break">{sayNames(members)}</p>}
          {left === undefined && isTold && members.length > 0 && (
            <p>It is not known who is left without a role: the server did not answer.</p>
          )}
          <WithoutRole usernames={left ?? []} />
          <StopsWithoutRole usernames={left ?? []} />
        </div>
      )}
    </EndDialog>
  );
}

const withoutGroup = (gone: string): Planned => ({
  memberOf: (names) => names.filter((name) => name !== gone),
  groups: (all) => all.filter(({ name }) => name !== gone),
});

function sayMembers(count: number): string {
  if (count === 0) return "It has no members.";
  const who = count === 1 ? "Its member loses" : `Its ${count} members lose`;
  return `${who} what it grants, and so do their keys.`;
}
