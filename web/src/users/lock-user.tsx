import { useQueryClient } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { useMe } from "../api/session.ts";
import { EndDialog } from "../form/end-dialog.tsx";
import { leaveFor } from "../form/held.ts";
import { useChange } from "../form/use-change.ts";
import { SeveralLastUses, useFreshKeys, useIsTold } from "../keys/what-stops.tsx";
import { showDone } from "../notices/notices.ts";
import { useUserNow } from "./as-now.ts";
import { LastAdmin } from "./last-admin.tsx";
import { isMe, useIsLastAdmin } from "./self.ts";
import { useUnlock } from "./use-unlock.ts";
import type { UserEntry } from "./user.ts";
import { UserGone } from "./user-gone.tsx";

/** Locking somebody stops whatever runs with their keys, so it says what that is. */
export function LockUser({ user, onClose }: { readonly user: UserEntry; readonly onClose: () => void }) {
  const queries = useQueryClient();
  const me = useMe();
  const unlock = useUnlock();
  const found = useUserNow(user);
  const now = found.data ?? user;
  const { username } = now;
  const keys = useFreshKeys({ usernames: [username] });
  const isLast = useIsLastAdmin(now);
  const lock = useChange({
    tried: "do",
    run: (name: string, { signal }) => call("users.lock", { name }, { signal }),
    onDone: () => {
      if (isMe(me, user)) return leaveFor("/sign-in");
      for (const name of ["users", "user", "keys", "key"])
        void queries.invalidateQueries({ queryKey: [name] });
      const undo = { label: "Undo", run: () => unlock(now, true) } as const;
      showDone(`${username} locked.`, undo);
      onClose();
    },
  });
  const isIdle = keys.data?.total === 0;
  const wasGone = found.data === null;
  const wasLocked = now.locked && !lock.isPending;
  const isImpossible = isLast || wasGone || wasLocked;
  return (
    <EndDialog
      title="Lock User"
      verb="Lock"
      change={lock}
      isTold={useIsTold({ isPending: found.isPending || keys.isPending })}
      isImpossible={isImpossible}
      ownName={isMe(me, now) ? username : undefined}
      onClose={onClose}
      onConfirm={() => lock.send(username)}
    >
      {wasGone ? (
        <UserGone />
      ) : wasLocked ? (
        <p>
          <strong>{username}</strong> is locked already.
        </p>
      ) : isLast ? (
        <LastAdmin />
      ) : (
        <p>
          Lock <strong>{username}</strong>? Their sessions end, they can't sign in, and their keys are refused
          immediately, until they are unlocked.
        </p>
      )}
      {!isImpossible && isIdle && <p className="muted">They own no keys.</p>}
      {!isImpossible && !isIdle && (
        <div className="what-stops">
          {keys.data && <p>What stops working:</p>}
          <SeveralLastUses query={keys} onlyWorking />
        </div>
      )}
    </EndDialog>
  );
}
