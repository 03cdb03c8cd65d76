import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { call } from "../api/call.ts";
import { useNow, When } from "../time/instant.tsx";
import { Differences } from "./differences.tsx";

const SHOWN = 20;

/** What was done to one thing, newest first. */
export function History({ kind, id }: { readonly kind: "key" | "user" | "group"; readonly id: number }) {
  const now = useNow();
  const { data, isPending, isError } = useQuery({
    queryKey: ["audit", "history", kind, id],
    queryFn: ({ signal }) =>
      call("audit.list", { query: { target_kind: kind, target_id: id, limit: SHOWN } }, { signal }),
  });
  if (isPending) return <Skeleton height={80} />;
  if (isError) return <p className="muted">The history cannot be read now.</p>;
  if (data.entries.length === 0) return <p className="muted">Nothing yet.</p>;
  return (
    <>
      <ol className="history">
        {data.entries.map((entry) => (
          <li key={entry.id} data-failed={!entry.success || undefined}>
            <div>
              <span className="break">{entry.description}</span>
              {!entry.success && (
                <span className="muted"> was refused{entry.error ? `: ${entry.error}` : ""}</span>
              )}
            </div>
            <div className="muted small">
              <When at={entry.at} now={now} /> by {entry.username ?? "nobody known"}
              {entry.address && ` from ${entry.address}`}
            </div>
            <Differences details={entry.details} />
          </li>
        ))}
      </ol>
      {data.total > SHOWN && (
        <Link to="/audit" search={{ kind, id: String(id) }}>
          All {data.total} entries
        </Link>
      )}
    </>
  );
}
