/**
 * R15: does the time of an answer tell which ids exist, or that a secret was right? Kinds of refusal, interleaved at
 * random on one connection, beside a negative control (the same kind twice) and a positive one (a kind that must differ).
 */
import { openLocal } from "@chatelaine/server/app";
import { install } from "./installation.ts";
import { dropFolder, makeFolder, placeIn, startNode } from "./node.ts";
import { figure, median, table } from "./results.ts";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 4_000);
const AIM_US = 100;
const WRONG = "a".repeat(64);

/** @returns a table for RESULTS.md */
export async function run(): Promise<string> {
  const folder = makeFolder();
  try {
    await install(folder);
    const kinds = await makeKinds(folder);
    const node = await startNode(folder);
    try {
      const times = await interleave(`${node.url}/auth`, kinds);
      const of = (name: string): number => median(times.get(name)!);
      const control = of("unknown id, again (negative control)");
      const rows = [...times.keys()].map((name) => [
        name,
        figure(of(name) * 1000, "us"),
        figure(Math.abs(of(name) - control) * 1000, "us"),
      ]);
      const refused = [...times.keys()].filter((name) => !name.includes("positive"));
      const worst = Math.max(...refused.map((name) => Math.abs(of(name) - control) * 1000));
      return `${ROUNDS} requests of each kind, interleaved at random. Aim: within ${AIM_US} us of the negative control; the farthest is ${figure(worst, "us")} from it: ${worst <= AIM_US ? "met" : "missed"}.\n\n${table(["kind", "median", "from the negative control"], rows)}`;
    } finally {
      await node.stop();
    }
  } finally {
    dropFolder(folder);
  }
}

async function makeKinds(folder: string): Promise<ReadonlyMap<string, string>> {
  const local = await openLocal(placeIn(folder));
  try {
    const make = async (name: string) => local.keys.create(local.caller, { name, username: "root" });
    const [good, revoked, paused] = [await make("good"), await make("revoked"), await make("paused")];
    const expired = await makeExpired(folder);
    await local.keys.revoke(local.caller, revoked.key.id, "bench");
    await local.keys.pause(local.caller, paused.key.id);
    return new Map([
      ["unknown id", `999999-${WRONG}`],
      ["unknown id, again (negative control)", `999998-${WRONG}`],
      ["wrong secret", `${good.key.id}-${WRONG}`],
      ["wrong secret of a revoked key", `${revoked.key.id}-${WRONG}`],
      ["revoked", revoked.secret.text],
      ["paused", paused.secret.text],
      ["expired", expired],
      ["malformed (positive control)", "nonsense"],
    ]);
  } finally {
    await local.close();
  }
}

/** One that ended an hour ago. */
async function makeExpired(folder: string): Promise<string> {
  const hour = 3_600_000;
  const now = (): number => Date.now() - 2 * hour;
  const before = await openLocal(placeIn(folder), { clock: { now, monotonic: () => performance.now() } });
  try {
    const input = { name: "expired", username: "root", expiresAt: now() + hour };
    return (await before.keys.create(before.caller, input)).secret.text;
  } finally {
    await before.close();
  }
}

async function interleave(url: string, kinds: ReadonlyMap<string, string>): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>([...kinds.keys()].map((name) => [name, []]));
  const turns = [...kinds].flatMap((kind) => Array.from({ length: ROUNDS }, () => kind));
  for (let at = turns.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1));
    [turns[at], turns[other]] = [turns[other]!, turns[at]!];
  }
  for (const [name, text] of turns) {
    const began = performance.now();
    const response = await fetch(url, { headers: { Authorization: `Bearer ${text}` } });
    await response.arrayBuffer();
    times.get(name)!.push(performance.now() - began);
  }
  return times;
}
