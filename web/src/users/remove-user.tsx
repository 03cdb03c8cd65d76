import { useQueryClient } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { problemOf } from "../api/problem.ts";
import { useMe } from "../api/session.ts";
import { EndDialog } from "../form/end-dialog.tsx";
import { leaveFor } from "../form/unsaved.tsx";
import { useChange } from "../form/use-change.ts";
import { SeveralLastUses, useFreshKeys, useIsTold } from "../keys/what-stops.tsx";
import { showDone } from "../notices/notices.ts";
import { LastAdmin } from "./last-admin.tsx";
import { isMe, useIsLastAdmin } from "./self.ts";
import type { User } from "./user-columns.tsx";

interface RemoveUserProps {
  readonly user: User;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** A user's keys go too; what they are used for is told before. */
export function RemoveUser({ user, onClose, onDone }: RemoveUserProps) {
  const queries = useQueryClient();
  const me = useMe();
  const keys = useFreshKeys({ usernames: [user.username] });
  const isLast = useIsLastAdmin(user);
  const remove = useChange({
    tried: "do",
    run: (name: string, { signal }) => call("users.remove", { name }, { signal }).catch(unlessGone),
    onDone: () => {
      if (isMe(me, user)) return leaveFor("/sign-in");
      void queries.invalidateQueries();
      showDone(`${user.username} deleted.`);
      onDone();
    },
  });
  const { total = 0 } = keys.data ?? {};
  return (
    <EndDialog
      title="Delete User"
      verb="Delete"
      change={remove}
      isTold={useIsTold(keys)}
      isImpossible={isLast}
      ownName={isMe(me, user) ? user.username : undefined}
      onClose={onClose}
      onConfirm={() => remove.send(user.username)}
    >
      <p>
        Delete <strong>{user.username}</strong>? Their sessions end
        {keys.data && total === 0 ? ". They own no keys." : " and their keys are deleted."} This cannot be
        undone.
      </p>
      {isLast ? (
        <LastAdmin />
      ) : (
        (keys.data === undefined || total > 0) && (
          <div className="what-stops">
            {keys.data && <p>{total === 1 ? "1 key is deleted:" : `${total} keys are deleted:`}</p>}
            <SeveralLastUses query={keys} />
          </div>
        )
      )}
    </EndDialog>
  );
}

/** Somebody else was as fast: it is as it should be. */
function unlessGone(error: unknown): void {
  if (problemOf(error).code !== "not_found") throw error;
}
