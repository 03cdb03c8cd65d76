import { useQuery } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { useMay } from "../api/session.ts";
import { unusedFor } from "../keys/keys-search.ts";

export interface Alert {
  readonly id: "revoked" | "expires_soon" | "unused" | "refused";
  readonly count: number;
  /** A few of them. */
  readonly names: readonly string[];
}

const NAMED = 3;
const UNUSED_DAYS = 90;
const DAY_MS = 86_400_000;
const ASKED_EVERY_MS = 60_000;

/** What is wrong now. An alert goes when its cause does. */
export function useAlerts(): readonly Alert[] {
  const may = useMay();
  const seesKeys = may("keys.list");
  const seesAudit = may("audit.list");
  const { data } = useQuery({
    queryKey: ["alerts", seesKeys, seesAudit],
    queryFn: async ({ signal }) => {
      const [keys, refused] = await Promise.all([
        seesKeys ? keyAlerts(signal) : [],
        seesAudit ? refusedAlert(signal) : [],
      ]);
      return [...keys, ...refused].filter(({ count }) => count > 0);
    },
    refetchInterval: ASKED_EVERY_MS,
  });
  return data ?? [];
}

async function keyAlerts(signal: AbortSignal): Promise<Alert[]> {
  const list = async (id: Alert["id"], query: Parameters<typeof call<"keys.list">>[1]): Promise<Alert> => {
    const { entries, total } = await call("keys.list", query, { signal });
    return { id, count: total, names: entries.map(({ name }) => name) };
  };
  return Promise.all([
    list("revoked", { query: { status: ["revoked"], order: "-id", limit: NAMED } }),
    list("expires_soon", { query: { status: ["expires_soon"], order: "expires_at", limit: NAMED } }),
    list("unused", {
      query: { status: ["active"], order: "created_at", limit: NAMED, ...unusedFor(UNUSED_DAYS) },
    }),
  ]);
}

async function refusedAlert(signal: AbortSignal): Promise<Alert[]> {
  const since = new Date(Math.floor((Date.now() - DAY_MS) / 60_000) * 60_000).toISOString();
  const query = { event: ["AUTHENTICATION" as const], success: false, since, limit: 50 };
  const { entries, total } = await call("audit.list", { query }, { signal });
  const names = [...new Set(entries.flatMap(({ username, address }) => username ?? address ?? []))];
  return [{ id: "refused", count: total, names: names.slice(0, NAMED) }];
}
