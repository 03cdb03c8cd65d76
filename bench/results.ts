/** The machine that measured, statistics, and the file that keeps the figures. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";

const FILE = new URL("./RESULTS.md", import.meta.url).pathname;

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Three significant digits. */
export function figure(value: number, unit: string): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))/g, " ")} ${unit}`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** Puts the suite's section in the place of its last one. */
export function writeSection(suite: string, body: string): void {
  const before = existsSync(FILE)
    ? readFileSync(FILE, "utf8")
    : "# Results\n\nWhat `npm run bench -- SUITE` measured last. Ratios travel between machines, figures do not.\n";
  const { sqlite } = { sqlite: process.versions.sqlite ?? "" };
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB; Bun ${Bun.version}${sqlite && `, SQLite ${sqlite}`}`;
  const section = `## ${suite}\n\n${new Date().toISOString().slice(0, 10)}, ${machine}\n\n${body}\n`;
  const kept = before.split(/(?=^## )/m).filter((part) => !part.startsWith(`## ${suite}\n`));
  writeFileSync(FILE, `${[...kept.map((part) => part.trimEnd()), section.trimEnd()].join("\n\n")}\n`);
}
