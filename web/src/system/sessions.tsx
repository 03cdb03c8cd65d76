import type { OutputOf } from "@chatelaine/contract/operations/operations";
import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/call.ts";
import { problemOf } from "../api/problem.ts";
import { useMay } from "../api/session.ts";
import { EndDialog } from "../form/end-dialog.tsx";
import { useChange } from "../form/use-change.ts";
import { showDone } from "../notices/notices.ts";
import type { DataColumn } from "../table/column.ts";
import { DataTable } from "../table/data-table.tsx";
import { FailedState } from "../table/state.tsx";
import { useNow, When } from "../time/instant.tsx";

type Session = OutputOf<"sessions.list">["entries"][number];

/** Who is signed in now, and tokens by which somebody still may be. */
export function Sessions() {
  const now = useNow();
  const may = useMay();
  const [ending, setEnding] = useState<Session>();
  const list = useQuery({
    queryKey: ["sessions"],
    queryFn: ({ signal }) => call("sessions.list", {}, { signal }),
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
                    aria-label={`End ${nounOf(session)} of ${session.username}`}
                    onClick={() => setEnding(session)}
                  >
                    End
                  </Button>
                )
            : undefined
        }
      />
      {ending && <EndSession session={ending} onClose={() => setEnding(undefined)} />}
    </section>
  );
}

/** What somebody signed in by who did so without a key. */
const KINDS: Readonly<Record<Session["kind"], string>> = {
  browser: "Browser",
  connection: "Connection",
  token: "Password",
};

function nounOf({ kind }: Session): string {
  return kind === "token" ? "token" : "session";
}

/** Somebody who is signed in loses what they have open, so it is asked. */
function EndSession({ session, onClose }: { readonly session: Session; readonly onClose: () => void }) {
  const queries = useQueryClient();
  const now = useNow();
  const end = useChange({
    tried: "do",
    run: (id: string, { signal }) =>
      call("sessions.remove", { id }, { signal }).catch((error: unknown) => {
        // It has ended by itself meanwhile: it is as it should be.
        if (problemOf(error).code !== "not_found") throw error;
      }),
    onDone: () => {
      void queries.invalidateQueries({ queryKey: ["sessions"] });
      showDone(`The ${nounOf(session)} of ${session.username} has ended.`);
      onClose();
    },
  });
  return (
    <EndDialog
      title={session.kind === "token" ? "End Token" : "End Session"}
      verb="End"
      change={end}
      isTold
      onClose={onClose}
      onConfirm={() => end.send(session.id)}
    >
      <p>
        End this {nounOf(session)} of <strong>{session.username}</strong>? They are signed out immediately
        {session.key ? ` where key ${session.key.name} is connected` : ""}.
      </p>
      <p className="muted break">
        {[session.address, sayClient(session.client)].filter((one) => one !== null && one !== "–").join(" ")},
        since <When at={session.created_at} now={now} />
      </p>
    </EndDialog>
  );
}

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
