/**
 * `npm run torture [-- WORD]`: each attack on a real server beside ordinary traffic, or those whose name has the word.
 *
 * For each it prints what honest people from other networks saw: how long `/auth` took idle and under the attack, in the same run, with
 * the ratio (aim: at most 3 at p99), whom of them was refused; and how much databases, log and memory have grown. A run
 * ends by itself in under three minutes, and ends its processes also where it fails. Figures go to RESULTS.md; `short.test.ts`
 * is the same in little, without times.
 */
import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { ATTACKS } from "./attacks.ts";
import { type BystanderCounts, watch } from "./bystanders.ts";
import { openTarget, type Sizes, type Target } from "./target.ts";

const AUDIT_RECORDS = 85_000;
const IDLE_MS = 3_000;
const BEFORE_MS = 1_000;
const UNDER_MS = 4_000;
const RATIO_MAX = 3;
const FILE = new URL("./RESULTS.md", import.meta.url).pathname;
const attackers = new Set<Bun.Subprocess>();
let opened: Target | undefined;

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function times({ checks }: BystanderCounts): string {
  return `${quantile(checks, 0.5).toFixed(1)} / ${quantile(checks, 0.99).toFixed(1)}`;
}

async function underAttack(name: string, target: Target): Promise<{ row: string[]; isGood: boolean }> {
  const { credentials } = target;
  const idle = await watch(credentials, IDLE_MS);
  const before = target.sizes();
  const began = performance.now();
  const script = new URL("./attacker.ts", import.meta.url).pathname;
  const attacker = Bun.spawn([process.execPath, script, name, JSON.stringify(credentials)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  attackers.add(attacker);
  try {
    await Bun.sleep(BEFORE_MS);
    const seen = await watch(credentials, UNDER_MS);
    const after = target.sizes();
    const ratio = quantile(seen.checks, 0.99) / quantile(idle.checks, 0.99);
    for (const refused of new Set(seen.refused)) process.stdout.write(`  refused: ${refused}\n`);
    const busy = (after.processor - before.processor) / ((performance.now() - began) / 1_000);
    const grown = (size: keyof Sizes): string => ((after[size] - before[size]) / 2 ** 20).toFixed(1);
    const people = `${seen.allowed} / ${seen.refused.length}`;
    return {
      row: [
        name,
        times(idle),
        times(seen),
        ratio.toFixed(1),
        people,
        busy.toFixed(2),
        grown("databases"),
        grown("log"),
        grown("resident"),
      ],
      isGood: ratio <= RATIO_MAX && seen.refused.length === 0,
    };
  } finally {
    attacker.kill("SIGKILL");
    await attacker.exited;
    attackers.delete(attacker);
  }
}

const HEAD = [
  "attack",
  "`/auth` idle, p50 / p99 ms",
  "under attack",
  "ratio of p99",
  "honest: allowed / refused",
  "server's processors",
  "databases, MiB",
  "log, MiB",
  "resident, MiB",
];

async function run(word: string): Promise<boolean> {
  await using target = await openTarget(AUDIT_RECORDS);
  opened = target;
  await watch(target.credentials, BEFORE_MS);
  const load = loadavg()[0]!.toFixed(1);
  const rows = [HEAD, HEAD.map(() => "---")];
  let isGood = true;
  for (const name of Object.keys(ATTACKS).filter((one) => one.includes(word))) {
    const { row, isGood: isThisGood } = await underAttack(name, target);
    process.stdout.write(`${row.join(" | ")}\n`);
    rows.push(row);
    isGood &&= isThisGood;
  }
  if (word !== "") return isGood;
  const date = new Date().toISOString().slice(0, 10);
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? "unknown"}, shared with other work: load ${load} at the start`;
  const table = rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
  const isOverloaded = Number(load) > cpus().length;
  const words = [
    "What `npm run torture` measured last. What is attacked, who attacks and who measures share one machine; the ratio travels, figures do not.",
    ...(isOverloaded
      ? [
          "The machine was overloaded, so that the server waited for a processor: such ratios say no promise is kept or broken. Measure again.",
        ]
      : []),
  ].join("\n\n");
  writeFileSync(
    FILE,
    `# Results\n\n${words}\n\n${date}, ${machine}; Bun ${Bun.version}; ${AUDIT_RECORDS} audit records\n\n${table}\n`,
  );
  return isGood;
}

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    for (const attacker of attackers) attacker.kill("SIGKILL");
    void Promise.resolve(opened?.[Symbol.asyncDispose]()).finally(() => process.exit(130));
  });
const isGood = await run(process.argv[2] ?? "");
process.stdout.write(
  isGood ? "All held.\n" : `Not all held: a ratio above ${RATIO_MAX}, or somebody honest was refused.\n`,
);
process.exit(isGood ? 0 : 1);
