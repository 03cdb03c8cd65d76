import { ROLE_LABELS } from "@chatelaine/contract/roles";
import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { useMay, useMe } from "../api/session.ts";
import { History } from "../audit/history.tsx";
import { Panel } from "../form/dialog.tsx";
import { Fact } from "../frame/fact.tsx";
import { Note } from "../frame/note.tsx";
import { isGone } from "../keys/what-stops.tsx";
import { sayCeilings } from "../limits/limit-words.ts";
import { FailedState } from "../table/state.tsx";
import { useNow, When } from "../time/instant.tsx";
import { KeysLink } from "./keys-link.tsx";
import { coversUser } from "./self.ts";
import type { UserEntry } from "./user.ts";
import type { UserAction } from "./user-actions.tsx";
import { UserState } from "./user-columns.tsx";

interface UserDetailsProps {
  readonly username: string;
  readonly onClose: () => void;
  readonly onAction: (action: UserAction, user: UserEntry) => void;
}

export function UserDetails({ username, onClose, onAction }: UserDetailsProps) {
  const found = useQuery({
    queryKey: ["user", username],
    queryFn: ({ signal }) => call("users.get", { name: username }, { signal }),
  });
  const wasGone = isGone(found);
  return (
    <Panel title={username} size={520} closeLabel="Close details" onClose={onClose}>
      {wasGone && (
        <Note tone="bad" title="This user does not exist" isAlert>
          They may have been deleted or renamed. Nothing can be done with them here.
        </Note>
      )}
      {found.data && !wasGone && <Facts user={found.data} onAction={onAction} />}
      {found.isPending && <Skeleton height={240} />}
      {found.isError && !found.data && !wasGone && (
        <FailedState error={found.error} onRetry={() => void found.refetch()} />
      )}
    </Panel>
  );
}

function Facts({
  user,
  onAction,
}: {
  readonly user: UserEntry;
  readonly onAction: UserDetailsProps["onAction"];
}) {
  const now = useNow();
  const may = useMay();
  const me = useMe();
  const turn = user.locked ? "unlock" : "lock";
  return (
    <div className="details">
      <div className="details-head">
        <UserState user={user} />
        {coversUser(me, user) && (
          <div className="details-actions">
            {may("users.update") && (
              <Button size="xs" variant="default" onClick={() => onAction("edit", user)}>
                Edit
              </Button>
            )}
            {may(`users.${turn}`) && (
              <Button size="xs" variant="default" onClick={() => onAction(turn, user)}>
                {user.locked ? "Unlock" : "Lock"}
              </Button>
            )}
            {may("users.remove") && (
              <Button size="xs" variant="default" c="var(--bad)" onClick={() => onAction("delete", user)}>
                Delete
              </Button>
            )}
          </div>
        )}
      </div>
      {user.locked_at && (
        <Note tone="bad" title="Locked">
          Since <When at={user.locked_at} now={now} />. No sign-in, and none of the keys works, until
          unlocked.
        </Note>
      )}
      <dl className="facts">
        {user.full_name !== "" && <Fact term="Full name">{user.full_name}</Fact>}
        {user.email && <Fact term="Email">{user.email}</Fact>}
        <Fact term="Keys">
          <KeysLink user={user} />
        </Fact>
        <Fact term="Groups">
          {user.groups.length === 0 ? <span className="muted">None</span> : user.groups.join(", ")}
        </Fact>
        <Fact term="Password">
          {user.password_changed_at ? (
            <>
              Set <When at={user.password_changed_at} now={now} />
            </>
          ) : (
            <span className="muted">None: cannot sign in here</span>
          )}
        </Fact>
        <Fact term="Created">
          <When at={user.created_at} now={now} both />
        </Fact>
      </dl>
      <section>
        <h3>Rights</h3>
        {user.all_roles.length === 0 && (
          <p className="muted">No role: may not sign in, and may not have keys.</p>
        )}
        <ul className="plain-rows">
          {user.all_roles.map((role) => (
            <li key={role}>
              <strong>{ROLE_LABELS[role].title}</strong>
              <span className="muted">
                {ROLE_LABELS[role].words}
                {!user.roles.includes(role) && " By a group."}
              </span>
            </li>
          ))}
        </ul>
        <p>
          <span className="muted">Scopes: </span>
          {user.all_roles.includes("FULL_ADMIN")
            ? "all"
            : user.all_scopes.length === 0
              ? "none"
              : user.all_scopes.map((scope) => (
                  <span key={scope} className="tag">
                    {scope}
                  </span>
                ))}
        </p>
      </section>
      {user.ceilings !== null && (
        <section>
          <h3>Limits on all keys</h3>
          <ul className="plain-list">
            {sayCeilings(user.ceilings).map((words) => (
              <li key={words} className="break">
                {words}
              </li>
            ))}
          </ul>
        </section>
      )}
      {may("audit.list") && (
        <section>
          <h3>History</h3>
          <History kind="user" id={user.id} />
        </section>
      )}
    </div>
  );
}
