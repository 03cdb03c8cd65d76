/** In a file of its own, because the charts are loaded only when there is something to draw. */
import { BarChart } from "@mantine/charts";
import { type Bucket, type Span, sayBucket, sayCount, sayReasons, sayTick, sumsOf } from "./use-buckets.ts";

interface UseChartProps {
  readonly buckets: readonly Bucket[];
  readonly span: Span;
  /** What the picture says, for whoever does not see it. */
  readonly label: string;
}

const SERIES = [
  { name: "allowed", color: "var(--good)" },
  { name: "refused", color: "var(--bad)" },
];
const HATCH = "use-chart-refused";

export function UseChart({ buckets, span, label }: UseChartProps) {
  return (
    <div role="img" aria-label={label} className="use-chart">
      <BarChart
        h={168}
        data={buckets as Bucket[]}
        dataKey="at"
        type="stacked"
        series={SERIES}
        // Read out as the picture and the table beside it, not bar by bar.
        accessibilityLayer={false}
        tickLine="none"
        strokeDasharray="0"
        maxBarWidth={18}
        barProps={({ name }) => ({
          isAnimationActive: false,
          ...(name === "refused" && { fill: `url(#${HATCH})`, stroke: "var(--bad)", strokeOpacity: 1 }),
        })}
        barChartProps={{ barCategoryGap: 1 }}
        xAxisProps={{ tickFormatter: (at: number) => sayTick(at, span), minTickGap: 36 }}
        yAxisProps={{ allowDecimals: false, width: 36, tickCount: 4, tickFormatter: sayShort }}
        tooltipProps={{
          content: ({ active, payload }) =>
            active && payload?.[0] ? <Tip bucket={payload[0].payload as Bucket} span={span} /> : null,
        }}
      >
        <defs>
          <pattern
            id={HATCH}
            width="5"
            height="5"
            patternUnits="userSpaceOnUse"
            patternTransform="rotate(45)"
          >
            <rect width="5" height="5" fill="var(--bad-soft)" />
            <rect width="2.4" height="5" fill="var(--bad)" />
          </pattern>
        </defs>
      </BarChart>
    </div>
  );
}

const SHORT = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });

function sayShort(count: number): string {
  return SHORT.format(count);
}

function Tip({ bucket, span }: { readonly bucket: Bucket; readonly span: Span }) {
  const sums = sumsOf([bucket]);
  return (
    <div className="use-tip">
      <strong>
        {span === "weeks" && "Week from "}
        {sayBucket(bucket.at, span)}
      </strong>
      <span>{sayCount(sums.allowed)} allowed</span>
      {sums.refused > 0 && (
        <span>
          {sayCount(sums.refused)} refused: {sayReasons(sums)}
        </span>
      )}
    </div>
  );
}
