import type { OutputOf } from "@chatelaine/contract/operations/operations";
import { useQuery } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { useMay } from "../api/session.ts";

export interface AlertGroup {
  readonly kind: OutputOf<"alerts.list">["kinds"][number]["kind"];
  readonly count: number;
  /** The list that shows what they are about. */
  readonly operation: OutputOf<"alerts.list">["kinds"][number]["mend"]["operation"];
  /** A few of them: keys by name, names that are alike as a sentence. */
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
  const groups = data.kinds.map(({ kind, count, mend }) => ({
    kind,
    count,
    operation: mend.operation,
    names: data.entries.filter((alert) => alert.kind === kind).flatMap(namesOf),
  }));
  return { total: data.total, groups };
}

function namesOf({ kind, key, text }: OutputOf<"alerts.list">["entries"][number]): string[] {
  if (kind === "names_alike") return [text];
  return key ? [key.name] : [];
}
