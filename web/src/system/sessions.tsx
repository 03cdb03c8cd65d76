import type { OutputOf } from "@chatelaine/contract/operations/operations";
import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { useMay } from "../api/session.ts";
import { showDone, showProblem } from "../form/faults.ts";
import { type DataColumn, DataTable } from "../table/data-table.tsx";
import { FailedState } from "../table/state.tsx";
import { useNow, When } from "../time/instant.tsx";

type Session = OutputOf<"sessions.list">["entries"][number];

/** Who is signed in now, and tokens by which somebody still may be. */
export function Sessions() {
  const now = useNow();
  const may = useMay();
  const queries = useQueryClient();
  const list = useQuery({
    queryKey: ["sessions"],
    queryFn: ({ signal }) => call("sessions.list", {}, { signal }),
  });
  const end = useMutation({
    mutationFn: (session: Session) => call("sessions.remove", { id: session.id }),
    onSuccess: (_, session) => {
      void queries.invalidateQueries({ queryKey: ["sessions"] });
      const what = session.kind === "token" ? "token" : "session";
      showDone(`The ${what} of ${session.username} has ended.`);
    },
    onError: showProblem,
  });
  return (
    <section>
      <h2 className="section-title">Sessions</h2>
      <DataTable
        label="Sessions"
        columns={sessionColumns(now)}
        rows={list.data?.entries}
        idOf={(session) => session.id}
        nameOf={(session) => session.username}
        state={
          list.isError && !list.data ? (
            <FailedState error={list.error} onRetry={() => void list.refetch()} />
          ) : undefined
        }
        actions={
          may("sessions.remove")
            ? (session) =>
                session.current ? null : (
                  <Button
                    size="compact-sm"
                    variant="default"
                    aria-label={`End ${session.kind === "token" ? "token" : "session"} of ${session.username}`}
                    onClick={() => end.mutate(session)}
                  >
                    End
                  </Button>
                )
            : undefined
        }
      />
    </section>
  );
}

/** What somebody signed in by who did so without a key. */
const KINDS: Readonly<Record<Session["kind"], string>> = {
  browser: "Browser",
  connection: "Connection",
  token: "Password",
};

function sessionColumns(now: number): readonly DataColumn<Session>[] {
  return [
    {
      id: "username",
      title: "User",
      isLead: true,
      cell: (session) => (
        <span>
          <strong>{session.username}</strong> {session.current && <span className="tag">this one</span>}
        </span>
      ),
    },
    {
      id: "by",
      title: "By",
      cell: (session) => (
        <span className="cell-text">
          {session.key ? `Key ${session.key.name}` : KINDS[session.kind]}
          {session.kind === "token" && <span className="tag">token, waiting</span>}
        </span>
      ),
    },
    {
      id: "address",
      title: "From",
      cell: (session) => <span className="mono">{session.address ?? "–"}</span>,
    },
    {
      id: "client",
      title: "Client",
      cell: (session) => (
        <span className="cell-text" title={session.client ?? ""}>
          {sayClient(session.client)}
        </span>
      ),
    },
    { id: "since", title: "Since", cell: (session) => <When at={session.created_at} now={now} /> },
  ];
}

/** The last name in a browser's chain of names is the most telling one. */
function sayClient(client: string | null): string {
  if (client === null) return "–";
  const found = /(Edg|OPR|Firefox|HeadlessChrome|Chrome|Version)\/(\d+)/.exec(client);
  if (!client.startsWith("Mozilla/") || found === null) return client;
  const names: Record<string, string> = {
    Edg: "Edge",
    OPR: "Opera",
    Version: "Safari",
    HeadlessChrome: "Chromium",
  };
  return `${names[found[1] ?? ""] ?? found[1]} ${found[2]}`;
}
