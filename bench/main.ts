/** `npm run bench -- SUITE`: measurements beside a yardstick, in one run, written to RESULTS.md as medians. */
import { writeSection } from "./results.ts";

const SUITES: Readonly<Record<string, () => Promise<{ run(): Promise<string> }>>> = {
  core: () => import("./core.ts"),
  verify: () => import("./verify.ts"),
  timing: () => import("./timing.ts"),
  rest: () => import("./rest.ts"),
  memory: () => import("./memory.ts"),
  web: () => import("./web.ts"),
};

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(SUITES, name));
if (names.length === 0 || unknown.length > 0) {
  process.stderr.write(`usage: npm run bench -- ${Object.keys(SUITES).join("|")}\n`);
  process.exit(2);
}
for (const name of names) {
  const suite = await SUITES[name]!();
  const table = await suite.run();
  process.stdout.write(`${table}\n`);
  writeSection(name, table);
}
process.exit(0);
