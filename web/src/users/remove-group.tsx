import { OWNERS_ASKED_MAX } from "@chatelaine/contract/limits";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { useMe } from "../api/session.ts";
import { EndDialog } from "../form/end-dialog.tsx";
import { sayNames } from "../form/say-names.ts";
import { useChange } from "../form/use-change.ts";
import { SeveralLastUses, useFreshKeys, useIsTold } from "../keys/what-stops.tsx";
import { showDone } from "../notices/notices.ts";
import { readGroup, unlessGone, useGroupNow } from "./as-now.ts";
import type { GroupEntry } from "./group.ts";
import { ownLossOf } from "./own-loss.ts";
import { ownRightsLost, type Planned, sayRights } from "./self.ts";
import { StopsWithoutRole, useLeftWithoutRole, WithoutRole } from "./without-role.tsx";

interface RemoveGroupProps {
  readonly group: GroupEntry;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Its members lose what it grants: who they are is asked when the dialog opens. */
export function RemoveGroup({ group, onClose, onDone }: RemoveGroupProps) {
  const queries = useQueryClient();
  const me = useMe();
  const found = useGroupNow(group);
  const now = found.data ?? group;
  const { name, members } = now;
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
    queryFn: () => ownRightsLost(me, withoutGroup(name)),
    staleTime: 0,
    gcTime: 0,
  });
  const wasGone = found.data === null && !remove.isPending;
  const left = useLeftWithoutRole(found.data ?? group, undefined);
  const isTold = useIsTold({ isPending: found.isPending || own.isPending || left === undefined });
  // What the server has not said counts as a loss, once it is not waited for any more.
  const mayLose = own.data === undefined ? isTold : own.data !== null;
  return (
    <EndDialog
      title="Delete Group"
      verb="Delete"
      change={remove}
      isTold={isTold}
      isImpossible={wasGone}
      ownName={mayLose ? me.user.username : undefined}
      ownLoss={ownLossOf(own.data ?? undefined)}
      onClose={onClose}
      onConfirm={() => remove.send(name)}
    >
      {wasGone ? (
        <p>This group no longer exists. It may have been deleted.</p>
      ) : (
        <div>
          <p>
            Delete <strong>{name}</strong>? {sayMembers(now)} This cannot be undone.
          </p>
          {found.isError && <p>It is not known who its members are now: the server did not answer.</p>}
          {left === undefined && isTold && members.length > 0 && (
            <p>It is not known who is left without a role: the server did not answer.</p>
          )}
          <WithoutRole usernames={left ?? []} />
          <StopsWithoutRole usernames={left ?? []} />
          <Narrowed group={now} left={left ?? []} />
        </div>
      )}
    </EndDialog>
  );
}

const withoutGroup = (gone: string): Planned => ({
  memberOf: (names) => names.filter((name) => name !== gone),
  groups: (all) => all.filter(({ name }) => name !== gone),
});

function sayMembers(group: GroupEntry): string {
  const { members } = group;
  if (members.length === 0) return "It has no members.";
  const rights = sayRights(group);
  const whose = members.length === 1 ? members[0] : `Its ${members.length} members (${sayNames(members)})`;
  if (rights === "") return `It grants nothing to ${whose}.`;
  return `${whose} and their keys lose ${rights}, unless they have it in another way too.`;
}

interface NarrowedProps {
  readonly group: GroupEntry;
  /** Whose keys stop, which is told beside. */
  readonly left: readonly string[];
}

/** The keys of members who go on with less. */
function Narrowed({ group, left }: NarrowedProps) {
  const others = group.members.filter((name) => !left.includes(name));
  const isNarrowed = others.length > 0 && sayRights(group) !== "";
  const keys = useFreshKeys({ usernames: others.slice(0, OWNERS_ASKED_MAX) }, isNarrowed);
  if (!isNarrowed || keys.data?.total === 0) return null;
  return (
    <section className="what-stops" aria-label="Keys that may do less">
      {keys.data && <p>Keys that may do less:</p>}
      <SeveralLastUses query={keys} onlyWorking withOwner={others.length > 1} />
    </section>
  );
}
