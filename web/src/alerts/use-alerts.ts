import type { OutputOf } from "@chatelaine/contract/operations/operations";
import { useQuery } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { useMay } from "../api/session.ts";

export interface AlertGroup {
  readonly kind: OutputOf<"alerts.list">["kinds"][number]["kind"];
  readonly count: number;
  /** A few of them: keys by name, refused sign-ins as a sentence. */
  readonly names: readonly string[];
}

const NAMED = 3;
/** Time alone makes some of them. */
const ASKED_EVERY_MS = 60_000;

/** What is wrong now. An alert goes when its cause does. */
export function useAlerts(): { readonly total: number; readonly groups: readonly AlertGroup[] } {
  const may = useMay();
  const { data } = useQuery({
    queryKey: ["alerts"],
    queryFn: ({ signal }) => call("alerts.list", { query: { limit: NAMED } }, { signal }),
    enabled: may("alerts.list"),
    refetchInterval: ASKED_EVERY_MS,
  });
  if (data === undefined) return { total: 0, groups: [] };
  const groups = data.kinds.map(({ kind, count }) => ({
    kind,
    count,
    names: data.entries.flatMap((alert) => (alert.kind === kind && alert.key ? [alert.key.name] : [])),
  }));
  return { total: data.total, groups };
}
