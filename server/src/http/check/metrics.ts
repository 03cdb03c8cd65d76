/** `/metrics` in the text format of Prometheus: open to this machine, and to keys with SYSTEM_AUDIT_READ. */
import { maskText } from "../../domain/masking.ts";
import { type CheckFigures, LATENCY_BOUNDS } from "./stats.ts";

export interface MetricsDeps {
  readonly stats: CheckFigures;
  readonly countSessions: () => number;
  /** Bytes of the two databases. */
  readonly storeBytes: () => Readonly<Record<string, number>>;
  readonly version: string;
  /** Of a server that writes backups by itself. */
  readonly backup: () => { ageSeconds(): number | null; failures(): number } | null;
}

export function metricsText({ stats, countSessions, storeBytes, version, backup }: MetricsDeps): string {
  const { count, sumMicroseconds } = stats.timed();
  const seconds = (microseconds: number): string => String(microseconds / 1e6);
  const lines = [
    "# HELP chatelaine_info The version that runs.",
    "# TYPE chatelaine_info gauge",
    `chatelaine_info{version="${version}"} 1`,
    "# HELP chatelaine_checks_total Checks of keys since the start.",
    "# TYPE chatelaine_checks_total counter",
    ...[...stats.counts].map(([labels, total]) => `chatelaine_checks_total{${labels}} ${total}`),
    "# HELP chatelaine_check_seconds How long a check takes inside; every 64th is timed.",
    "# TYPE chatelaine_check_seconds histogram",
    ...LATENCY_BOUNDS.map(
      (bound, place) => `chatelaine_check_seconds_bucket{le="${seconds(bound)}"} ${stats.buckets[place]}`,
    ),
    `chatelaine_check_seconds_bucket{le="+Inf"} ${count}`,
    `chatelaine_check_seconds_sum ${seconds(sumMicroseconds)}`,
    `chatelaine_check_seconds_count ${count}`,
    "# HELP chatelaine_sessions Sessions that are open here.",
    "# TYPE chatelaine_sessions gauge",
    `chatelaine_sessions ${countSessions()}`,
    "# HELP chatelaine_store_bytes Size of the databases.",
    "# TYPE chatelaine_store_bytes gauge",
    ...Object.entries(storeBytes()).map(([file, bytes]) => `chatelaine_store_bytes{file="${file}"} ${bytes}`),
    ...backupLines(backup()),
    "# HELP process_resident_memory_bytes Resident memory.",
    "# TYPE process_resident_memory_bytes gauge",
    `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
  ];
  return maskText(`${lines.join("\n")}\n`);
}

function backupLines(backup: ReturnType<MetricsDeps["backup"]>): string[] {
  if (backup === null) return [];
  const age = backup.ageSeconds();
  const lines = [
    "# HELP chatelaine_backup_failures_total Backups that failed since the start.",
    "# TYPE chatelaine_backup_failures_total counter",
    `chatelaine_backup_failures_total ${backup.failures()}`,
  ];
  if (age === null) return lines;
  return [
    "# HELP chatelaine_backup_age_seconds How old the last backup of --backup-to is; missing where there is none.",
    "# TYPE chatelaine_backup_age_seconds gauge",
    `chatelaine_backup_age_seconds ${age}`,
    ...lines,
  ];
}
