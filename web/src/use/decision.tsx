/** A number that a refused caller got, typed into the search: which key it was about, and why. */
import { Skeleton } from "@mantine/core";
import { IconGavel, IconSearchOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { call } from "../api/call.ts";
import { problemOf } from "../api/problem.ts";
import { FailedState, State } from "../table/state.tsx";
import { useNow, When } from "../time/instant.tsx";
import { sayOutcome } from "./use-buckets.ts";

export function DecisionState({ id }: { readonly id: string }) {
  const now = useNow();
  const found = useQuery({
    queryKey: ["decision", id],
    queryFn: ({ signal }) => call("decisions.get", { id }, { signal }),
    retry: false,
  });
  if (found.isPending) return <Skeleton height={160} />;
  if (found.data === undefined && problemOf(found.error).code !== "not_found")
    return <FailedState error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined)
    return (
      <State icon={<IconSearchOff size={40} stroke={1.3} aria-hidden />} title="No such decision">
        <p>
          Of each key that you may see, the last 100 refusals are kept, and only of requests whose secret was
          right.
        </p>
      </State>
    );
  const { key, reason, rule, at, address, host } = found.data;
  return (
    <State icon={<IconGavel size={40} stroke={1.3} aria-hidden />} title={sayOutcome(reason)}>
      <p className="break">{rule}</p>
      <p className="muted break">
        <When at={at} now={now} />
        {address !== null && ` from ${address}`}
        {host !== null && ` at ${host}`}
      </p>
      <p>
        <Link to="/keys" search={{ key: key.id }}>
          Open the key {key.name}
        </Link>
      </p>
    </State>
  );
}
