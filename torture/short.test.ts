/**
 * Each attack for a moment, on a real server: nobody honest is shut out, and what is recorded is bounded. Times are not looked at;
 * `npm run torture` measures them.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { ATTACKS } from "./attacks.ts";
import { watch } from "./bystanders.ts";
import { openTarget, type Target } from "./target.ts";

const ATTACK_MS = 300;
const MIB = 2 ** 20;
/** Folds of a minute, sign-ins of the honest, and the pages and logs that SQLite takes ahead. */
const DATABASES_MAX = 8 * MIB;
/** Ten lines a second for each network at the most, while it lasts. */
const LOG_MAX = MIB;
/** Of which most is what the engine has not given back yet. */
const RESIDENT_MAX = 500 * MIB;

let target: Target;
let stop: AbortController;

beforeAll(async () => {
  target = await openTarget(2_000);
});
afterAll(async () => {
  stop?.abort();
  await target?.[Symbol.asyncDispose]();
});

test.each(Object.entries(ATTACKS))("%s shuts nobody out and fills nothing", async (_name, attack) => {
  const before = target.sizes();
  stop = new AbortController();
  const attacking = attack(target.credentials, stop.signal);
  const seen = await watch(target.credentials, ATTACK_MS);
  stop.abort();
  await attacking;
  const after = target.sizes();
  expect(seen.refused).toEqual([]);
  expect(seen.checks.length).toBeGreaterThan(0);
  expect(seen.allowed).toBeGreaterThan(seen.checks.length);
  expect(after.databases - before.databases).toBeLessThan(DATABASES_MAX);
  expect(after.log - before.log).toBeLessThan(LOG_MAX);
  if (process.platform === "linux") expect(after.resident - before.resident).toBeLessThan(RESIDENT_MAX);
});
