import { ROLE_LABELS } from "@chatelaine/contract/roles";
import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { call } from "../api/call.ts";
import { useMay, useMe } from "../api/session.ts";
import { History } from "../audit/history.tsx";
import { Panel } from "../form/dialog.tsx";
import { Fact } from "../frame/fact.tsx";
import { Note } from "../frame/note.tsx";
import { sayCeilings, sayLifetime, sayRate } from "../limits/limit-words.ts";
import { FailedState } from "../table/state.tsx";
import { useNow, When } from "../time/instant.tsx";
import { KeyUseFacts } from "../use/key-use.tsx";
import { type KeyEntry, mayEnd, mayPause, statusOf } from "./key.ts";
import type { KeyAction } from "./key-actions.tsx";
import { KeyStatus } from "./key-status.tsx";
import { useOwner } from "./owner-rights.ts";
import { AGAIN_MS, isGone } from "./what-stops.tsx";

interface KeyDetailsProps {
  readonly id: number;
  readonly onClose: () => void;
  readonly onAction: (action: KeyAction, key: KeyEntry) => void;
}

/** Everything about one key, at its own address. Its use shows while it is looked at. */
export function KeyDetails({ id, onClose, onAction }: KeyDetailsProps) {
  const found = useQuery({
    queryKey: ["key", id],
    // Its use is counted below at once; what is told above must not be older.
    queryFn: ({ signal }) => call("keys.get", { id, query: { latest_use: true } }, { signal }),
    refetchInterval: AGAIN_MS,
  });
  const key = found.data;
  return (
    <Panel
      title={<span className="break">{key?.name ?? "API key"}</span>}
      size={520}
      closeLabel="Close details"
      onClose={onClose}
    >
      {isGone(found) ? (
        <Gone id={id} wasThere={key !== undefined} />
      ) : (
        key && <Facts row={key} onAction={onAction} />
      )}
      {found.isPending && <Skeleton height={240} />}
      {found.isError && !key && !isGone(found) && (
        <FailedState error={found.error} onRetry={() => void found.refetch()} />
      )}
    </Panel>
  );
}

/** What is not there any more can only be read about. */
function Gone({ id, wasThere }: { readonly id: number; readonly wasThere: boolean }) {
  const may = useMay();
  return (
    <div className="details">
      <Note tone="bad" title={wasThere ? "This key no longer exists" : "This key does not exist"} isAlert>
        It may have been deleted. Nothing can be done with it.
      </Note>
      {may("audit.list") && (
        <section>
          <h3>History</h3>
          <History kind="key" id={id} />
        </section>
      )}
    </div>
  );
}

function Facts({
  row,
  onAction,
}: {
  readonly row: KeyEntry;
  readonly onAction: KeyDetailsProps["onAction"];
}) {
  const now = useNow();
  const may = useMay();
  return (
    <div className="details">
      <div className="details-head">
        <KeyStatus status={statusOf(row, now)} />
        <Actions row={row} onAction={onAction} />
      </div>
      <WhyItStopped row={row} now={now} />
      <dl className="facts">
        <Fact term="User">
          {may("users.list") ? (
            <Link to="/users" search={{ user: row.username }}>
              {row.username}
            </Link>
          ) : (
            row.username
          )}
        </Fact>
        {row.description !== "" && <Fact term="Description">{row.description}</Fact>}
        <Fact term="Key">
          <span className="mono">
            {row.id}-…{row.hint}
          </span>
        </Fact>
        <Fact term="Created">
          <When at={row.created_at} now={now} both /> <span className="muted">by {row.created_by}</span>
        </Fact>
        {row.reset_at && (
          <Fact term="Reset">
            <When at={row.reset_at} now={now} both />
          </Fact>
        )}
        <Fact term="Expires">
          {row.ends_at ? <When at={row.ends_at} now={now} both /> : "Never"}
          {row.ends_at !== row.expires_at && (
            <div className="muted">By the limit on keys owned by {row.username}</div>
          )}
        </Fact>
        <Fact term="Last used">
          {row.last_used_at ? (
            <When at={row.last_used_at} now={now} both />
          ) : (
            <span className="muted">Never</span>
          )}
        </Fact>
        {row.last_used_address && (
          <Fact term="Last address">
            <span className="mono">{row.last_used_address}</span>
          </Fact>
        )}
        {row.last_used_client && <Fact term="Last client">{row.last_used_client}</Fact>}
      </dl>
      {may("keys.use") && <KeyUseFacts id={row.id} now={now} />}
      <section>
        <h3>Restrictions</h3>
        <Restrictions row={row} />
      </section>
      {may("audit.list") && (
        <section>
          <h3>History</h3>
          <History kind="key" id={row.id} />
        </section>
      )}
    </div>
  );
}

function Actions({
  row,
  onAction,
}: {
  readonly row: KeyEntry;
  readonly onAction: KeyDetailsProps["onAction"];
}) {
  const me = useMe();
  const may = useMay();
  const isPaused = row.status === "paused";
  const mayStop = mayEnd(me, row);
  const action = (name: KeyAction, label: string) => (
    // Pause turns into Resume under the finger: it keeps the focus, and the second press of a double click is not its own.
    <Button
      key={name === "resume" ? "pause" : name}
      size="xs"
      variant="default"
      c={name === "delete" ? "var(--bad)" : undefined}
      onClick={({ detail }) => detail < 2 && onAction(name, row)}
    >
      {label}
    </Button>
  );
  return (
    <div className="details-actions">
      {row.editable && may("keys.update") && action("edit", "Edit")}
      {row.editable && may("keys.reset") && action("reset", "Reset")}
      {isPaused
        ? row.editable && may("keys.resume") && action("resume", "Resume")
        : mayStop && mayPause(row) && may("keys.pause") && action("pause", "Pause")}
      {mayStop && !row.revoked && may("keys.revoke") && action("revoke", "Revoke")}
      {mayStop && may("keys.remove") && action("delete", "Delete")}
    </div>
  );
}

function WhyItStopped({ row, now }: { readonly row: KeyEntry; readonly now: number }) {
  const limit = useOwner(row.username)?.ceilings?.lifetime_seconds ?? null;
  if (row.revoked_at)
    return (
      <Note tone="bad" title={row.revoked_reason ?? "Revoked"}>
        Revoked <When at={row.revoked_at} now={now} />. Reset makes a new key in its place.
      </Note>
    );
  if (row.paused_at)
    return (
      <Note tone="info" title="Paused">
        Since <When at={row.paused_at} now={now} />. It works again when it is resumed.
      </Note>
    );
  if (row.status === "past_limit")
    return (
      <Note tone="bad" title="Past the longest lifetime of its owner's keys">
        {limit !== null && `Keys owned by ${row.username} live at most ${sayLifetime(limit)}. `}
        It is refused as expired. Reset it, or raise the owner's limit.
      </Note>
    );
  if (row.status === "user_locked")
    return (
      <Note tone="bad" title={`${row.username} is locked`}>
        Every request with this key is refused until its owner is unlocked.
      </Note>
    );
  if (row.status === "no_roles")
    return (
      <Note tone="bad" title={`${row.username} has no role`}>
        Every request with this key is refused until its owner gets a role.
      </Note>
    );
  if (statusOf(row, now) === "expired" && row.expires_at)
    return (
      <Note tone="bad" title="Its time is over">
        It expired <When at={row.expires_at} now={now} />. Edit its expiry to bring the same key back, or
        reset it.
      </Note>
    );
  return null;
}

function Restrictions({ row }: { readonly row: KeyEntry }) {
  const ceilings = useOwner(row.username)?.ceilings ?? null;
  return (
    <dl className="facts">
      <Fact term="Rights">
        {row.roles === null
          ? `All that ${row.username} has`
          : row.roles.length === 0
            ? "For services only, none in Chatelaine"
            : row.roles.map((role) => ROLE_LABELS[role].title).join(", ")}
      </Fact>
      <Fact term="Scopes">
        {row.scopes === null ? `All that ${row.username} has` : <Tags words={row.scopes} none="None" />}
      </Fact>
      <Fact term="Addresses">
        {row.allowed_ips === null ? "From anywhere" : <Tags words={row.allowed_ips} none="None" />}
      </Fact>
      <Fact term="Rate limit">{row.rate_limit === null ? "None" : sayRate(row.rate_limit)}</Fact>
      {row.manages_sign_in && (
        <Fact term="Manages sign-in">
          Sets passwords and gives rights to users who can sign in, and changes settings, whatever limits it
        </Fact>
      )}
      {ceilings !== null && (
        <Fact term="User's limits">
          {sayCeilings(ceilings).map((words) => (
            <div key={words}>{words}</div>
          ))}
        </Fact>
      )}
      <Fact term="Tags">
        <Tags words={row.tags} none="None" />
      </Fact>
    </dl>
  );
}

function Tags({ words, none }: { readonly words: readonly string[]; readonly none: string }) {
  if (words.length === 0) return <span className="muted">{none}</span>;
  return words.map((word) => (
    <span key={word} className="tag" title={word}>
      {word}
    </span>
  ));
}
