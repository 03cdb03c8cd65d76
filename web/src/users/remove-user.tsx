import { useQueryClient } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { useMe } from "../api/session.ts";
import { EndDialog } from "../form/end-dialog.tsx";
import { leaveFor } from "../form/held.ts";
import { useChange } from "../form/use-change.ts";
import { SeveralLastUses, useFreshKeys, useIsTold } from "../keys/what-stops.tsx";
import { showDone } from "../notices/notices.ts";
import { readUser, unlessGone, useUserNow } from "./as-now.ts";
import { LastAdmin } from "./last-admin.tsx";
import { isMe, useIsLastAdmin } from "./self.ts";
import type { UserEntry } from "./user.ts";
import { UserGone } from "./user-gone.tsx";

interface RemoveUserProps {
  readonly user: UserEntry;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** A user's keys go too; what they are used for is told before. */
export function RemoveUser({ user, onClose, onDone }: RemoveUserProps) {
  const queries = useQueryClient();
  const me = useMe();
  const found = useUserNow(user);
  const now = found.data ?? user;
  const { username } = now;
  const keys = useFreshKeys({ usernames: [username] });
  const isLast = useIsLastAdmin(now);
  const remove = useChange({
    tried: "do",
    run: (name: string, { signal }) =>
      call("users.remove", { name }, { signal }).catch((error: unknown) =>
        unlessGone(error, () => readUser(user.id, signal)),
      ),
    onDone: () => {
      if (isMe(me, user)) return leaveFor("/sign-in");
      void queries.invalidateQueries();
      showDone(`${username} deleted.`);
      onDone();
    },
  });
  const { total = 0 } = keys.data ?? {};
  const wasGone = found.data === null && !remove.isPending;
  return (
    <EndDialog
      title="Delete User"
      verb="Delete"
      change={remove}
      isTold={useIsTold({ isPending: found.isPending || keys.isPending })}
      isImpossible={isLast || wasGone}
      ownName={isMe(me, now) ? username : undefined}
      onClose={onClose}
      onConfirm={() => remove.send(username)}
    >
      {wasGone ? (
        <UserGone />
      ) : isLast ? (
        <LastAdmin />
      ) : (
        <p>
          Delete <strong>{username}</strong>? Their sessions end
          {keys.data && total === 0 ? ". They own no keys." : " and their keys are deleted."} This cannot be
          undone.
        </p>
      )}
      {!isLast && !wasGone && (keys.data === undefined || total > 0) && (
        <div className="what-stops">
          {keys.data && <p>{total === 1 ? "1 key is deleted:" : `${total} keys are deleted:`}</p>}
          <SeveralLastUses query={keys} />
        </div>
      )}
    </EndDialog>
  );
}
