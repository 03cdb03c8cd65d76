/** How a key is used: over time, where, and why it was refused. */
import { Button, SegmentedControl, Skeleton } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/call.ts";
import { part } from "../load/part.tsx";
import { When } from "../time/instant.tsx";
import { Refusals } from "./refusals.tsx";
import {
  type Bucket,
  beginOf,
  bucketsOf,
  type KeyUseEntry,
  SPANS,
  type Span,
  sayBucket,
  sayCount,
  sayReasons,
  sumsOf,
} from "./use-buckets.ts";

const UseChart = part(() => import("./use-chart.tsx"), "UseChart", {
  waiting: <div className="use-chart-wait" />,
});
const CHOICES = (Object.keys(SPANS) as Span[]).map((value) => ({ value, label: SPANS[value].label }));
const AGAIN_MS = 15_000;
const HOUR_MS = 3_600_000;

export function KeyUseFacts({ id, now }: { readonly id: number; readonly now: number }) {
  const [span, setSpan] = useState<Span>("days");
  // Cut to the hour, so that one question is asked once.
  const since = beginOf(span, Math.floor(now / HOUR_MS) * HOUR_MS);
  const use = useQuery({
    queryKey: ["key", id, "use", since],
    queryFn: ({ signal }) =>
      call("keys.use", { id, query: { since: new Date(since).toISOString() } }, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: AGAIN_MS,
  });
  return (
    <>
      <section aria-labelledby="use-title">
        <div className="use-head">
          <h3 id="use-title">Use</h3>
          <SegmentedControl
            size="xs"
            aria-label="Span of the graph"
            data={CHOICES}
            value={span}
            onChange={(value) => setSpan(value as Span)}
          />
        </div>
        {use.isPending && <Skeleton height={210} />}
        {use.isError && !use.data && <p className="muted">Its use cannot be read now.</p>}
        {use.data && <OverTime counts={use.data.counts} span={span} now={now} />}
      </section>
      {use.data && use.data.hosts.length > 0 && (
        <section>
          <h3>Used at</h3>
          <Hosts hosts={use.data.hosts} now={now} />
        </section>
      )}
      {use.data && (
        <section>
          <h3>Last refusals</h3>
          <Refusals refusals={use.data.refusals} now={now} />
        </section>
      )}
    </>
  );
}

interface OverTimeProps {
  readonly counts: KeyUseEntry["counts"];
  readonly span: Span;
  readonly now: number;
}

function OverTime({ counts, span, now }: OverTimeProps) {
  const [isTable, setTable] = useState(false);
  const buckets = bucketsOf(counts, span, now);
  const sums = sumsOf(buckets);
  const { words } = SPANS[span];
  if (sums.allowed + sums.refused === 0)
    return <p className="muted use-none">No request with this key in {words}.</p>;
  const why = sums.refused === 0 ? "" : `: ${sayReasons(sums)}`;
  return (
    <>
      <p className="use-sums">
        <span>
          <i className="swatch" data-kind="allowed" aria-hidden />
          <strong>{sayCount(sums.allowed)}</strong> allowed
        </span>
        <span>
          <i className="swatch" data-kind="refused" aria-hidden />
          <strong>{sayCount(sums.refused)}</strong> refused{why}
        </span>
      </p>
      {isTable ? (
        <UseTable buckets={buckets} span={span} />
      ) : (
        <UseChart
          buckets={buckets}
          span={span}
          label={`Requests with this key in ${words}: ${sums.allowed} allowed, ${sums.refused} refused${why}. The table has each ${SPANS[span].size.toLowerCase().split(" ")[0]}.`}
        />
      )}
      <Button size="compact-sm" variant="default" onClick={() => setTable(!isTable)}>
        {isTable ? "Show as graph" : "Show as table"}
      </Button>
    </>
  );
}

/** What scrolls must be reachable by keyboard. */
const SCROLLED = { tabIndex: 0 } as const;

function UseTable({ buckets, span }: { readonly buckets: readonly Bucket[]; readonly span: Span }) {
  const used = buckets.filter(({ allowed, refused }) => allowed + refused > 0).toReversed();
  return (
    // biome-ignore lint/a11y/useSemanticElements: a section is a part of the details
    <div role="region" className="use-table" aria-label="Requests over time" {...SCROLLED}>
      <table>
        <thead>
          <tr>
            <th scope="col">{SPANS[span].size}</th>
            <th scope="col" data-number>
              Allowed
            </th>
            <th scope="col" data-number>
              Refused
            </th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {used.map((bucket) => (
            <tr key={bucket.at}>
              <th scope="row">{sayBucket(bucket.at, span)}</th>
              <td data-number>{sayCount(bucket.allowed)}</td>
              <td data-number>{sayCount(bucket.refused)}</td>
              <td>{sayReasons(sumsOf([bucket])) || "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface HostsProps {
  readonly hosts: KeyUseEntry["hosts"];
  readonly now: number;
}

function Hosts({ hosts, now }: HostsProps) {
  return (
    <ul className="plain-rows">
      {hosts.map(({ host, uses, last_used_at }) => (
        <li key={host} className="use-host">
          <span className={host === "" ? "muted" : "mono break"}>{host === "" ? "Other sites" : host}</span>
          <span className="numbers">
            {uses === 1 ? "once" : `${sayCount(uses)} times`},{" "}
            <span className="muted">
              <When at={last_used_at} now={now} />
            </span>
          </span>
        </li>
      ))}
    </ul>
  );
}
