import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { call } from "../api/call.ts";
import { useMay } from "../api/session.ts";
import { Panel } from "../form/dialog.tsx";
import { Fact } from "../frame/fact.tsx";
import { Note } from "../frame/note.tsx";
import { isGone } from "../keys/what-stops.tsx";
import { FailedState } from "../table/state.tsx";
import { useNow, When } from "../time/instant.tsx";
import { DOORS, Outcome, sayTimes, timesOf } from "./audit-columns.tsx";
import { Differences } from "./differences.tsx";
import type { AuditEntry } from "./entry.ts";

interface EntryDetailsProps {
  readonly id: string;
  /** Where it stands in the list that is shown. */
  readonly known: AuditEntry | undefined;
  readonly onClose: () => void;
}

/** An entry by its number, wherever in the log it stands. */
export function EntryDetails({ id, known, onClose }: EntryDetailsProps) {
  const found = useQuery({
    queryKey: ["audit", "entry", id],
    queryFn: ({ signal }) => call("audit.get", { id }, { signal }),
    enabled: known === undefined,
    // It never changes; it may only go.
    staleTime: Number.POSITIVE_INFINITY,
  });
  const entry = known ?? found.data;
  const wasGone = entry === undefined && isGone(found);
  return (
    <Panel
      title={<span className="break">{entry?.description ?? "Audit entry"}</span>}
      size={520}
      closeLabel="Close details"
      onClose={onClose}
    >
      {entry && <Facts entry={entry} />}
      {!entry && found.isPending && <Skeleton height={240} />}
      {wasGone && (
        <Note tone="bad" title="This entry does not exist" isAlert>
          The address may have been cut. Old sign-ins are dropped from the log after a time.
        </Note>
      )}
      {!entry && found.isError && !wasGone && (
        <FailedState error={found.error} onRetry={() => void found.refetch()} />
      )}
    </Panel>
  );
}

function Facts({ entry }: { readonly entry: AuditEntry }) {
  const now = useNow();
  return (
    <div className="details">
      <div className="details-head">
        <Outcome entry={entry} />
      </div>
      {entry.error && <Note tone="bad">{entry.error}</Note>}
      <dl className="facts">
        <Fact term="When">
          <When at={entry.at} now={now} both />
        </Fact>
        {timesOf(entry) > 1 && (
          <Fact term="How often">
            {sayTimes(timesOf(entry))}, the last <When at={lastAtOf(entry)} now={now} both />
          </Fact>
        )}
        <Fact term="Who">{entry.username ?? "Nobody known"}</Fact>
        <Fact term="Signed in by">{sayCredentials(entry)}</Fact>
        <Fact term="From">
          {entry.address && <span className="mono">{entry.address} </span>}
          <span className="muted">{DOORS[entry.door] ?? entry.door}</span>
        </Fact>
        <Fact term="Action">
          <span className="mono">{entry.action}</span>
        </Fact>
        {entry.target && (
          <Fact term="On">
            <Target target={entry.target} />
          </Fact>
        )}
      </dl>
      <section>
        <h3>What changed</h3>
        <Differences details={entry.details} />
        <Others details={entry.details} />
      </section>
    </div>
  );
}

const CREDENTIALS: Readonly<Record<string, string>> = {
  LOGIN_PASSWORD: "Password",
  LOGIN_TWOFACTOR: "Password and second factor",
  API_KEY: "API key",
  SCRAM: "API key (SCRAM)",
  TOKEN: "Token",
  COMMAND_LINE: "Command line",
  UNIX_SOCKET: "Unix socket",
};

function sayCredentials({ credentials }: AuditEntry): string {
  if (credentials === null) return "–";
  const { api_key: key } = credentials.credentials_data as { api_key?: { id: number; name: string } };
  const kind = CREDENTIALS[credentials.credentials] ?? credentials.credentials;
  return key ? `${kind} ${key.name} (${key.id})` : kind;
}

/** What one may see leads there. */
function Target({ target }: { readonly target: NonNullable<AuditEntry["target"]> }) {
  const may = useMay();
  if (target.kind === "key" && target.id !== null && may("keys.list"))
    return (
      <Link to="/keys" search={{ key: target.id }}>
        Key {target.name}
      </Link>
    );
  if (target.kind === "user" && may("users.list"))
    return (
      <Link to="/users" search={{ user: target.name }}>
        User {target.name}
      </Link>
    );
  if (target.kind === "group" && may("groups.list"))
    return (
      <Link to="/groups" search={{ group: target.name }}>
        Group {target.name}
      </Link>
    );
  return `${target.kind} ${target.name}`;
}

function lastAtOf({ at, details }: AuditEntry): string {
  return typeof details.lastAt === "number" ? new Date(details.lastAt).toISOString() : at;
}

/** What an entry says besides changed fields, as it was recorded. */
function Others({ details }: { readonly details: AuditEntry["details"] }) {
  // The number of those that are alike, and the last of them, stand above.
  const { changes, count, lastAt, ...rest } = details;
  const others = Object.fromEntries(
    Object.entries(rest).filter(([, value]) => value !== false && value !== null),
  );
  const isEmpty = Object.keys(others).length === 0;
  if (isEmpty && (changes === undefined || Object.keys(changes as object).length === 0))
    return <p className="muted">Nothing more was recorded.</p>;
  if (isEmpty) return null;
  return <pre className="code-block wrap">{JSON.stringify(others, null, 2)}</pre>;
}
