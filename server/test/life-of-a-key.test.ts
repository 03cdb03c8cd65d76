/** The life of a key against a model in memory (fast-check commands); a failing run prints its seed and path. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Local } from "../src/app.ts";
import { errorCode } from "../src/domain/errors.ts";
import { type MovedClock, makeInstallation, movedClock, SYSTEM } from "./installation.ts";

const RUNS = Number(process.env.CHATELAINE_TEST_RUNS ?? 25);
const STEPS = 30;
const NAMES = ["a", "b", "c"] as const;
const DAY = 86_400_000;

interface ModelKey {
  name: string;
  text: string;
  dead: string[];
  expiresAt: number | null;
  paused: boolean;
  revoked: boolean;
}

interface Model {
  keys: Map<number, ModelKey>;
  locked: boolean;
  made: number;
}

interface Real {
  app: Local;
  other: Local;
  clock: MovedClock;
  userId: number;
}

type Step = (model: Model, real: Real) => Promise<void>;

/** What the check must say of a key's current text. */
function expected(model: Model, key: ModelKey, now: number): string {
  if (key.revoked) return "revoked";
  if (key.paused) return "paused";
  if (key.expiresAt !== null && key.expiresAt <= now) return "expired";
  return model.locked ? "user_locked" : "ok";
}

async function say(app: Local, text: string): Promise<string> {
  const verdict = await app.verify.verify(text, { origin: null });
  return verdict.ok ? "ok" : verdict.reason;
}

async function checkAll(model: Model, { app, other, clock }: Real): Promise<void> {
  for (const key of model.keys.values()) {
    for (const process of [app, other]) {
      expect(await say(process, key.text)).toBe(expected(model, key, clock.now()));
      for (const text of key.dead) expect(await say(process, text)).toBe("unknown");
    }
  }
  const { rows } = await app.keys.list(SYSTEM, {});
  const listed = rows.map(({ id, name, expiresAt, pausedAt, revokedAt }) => ({
    id,
    name,
    expiresAt,
    paused: pausedAt !== null,
    revoked: revokedAt !== null,
  }));
  const modelled = [...model.keys].map(([id, { name, expiresAt, paused, revoked }]) => ({
    id,
    name,
    expiresAt,
    paused,
    revoked,
  }));
  expect(listed.sort((a, b) => a.id - b.id)).toEqual(modelled.sort((a, b) => a.id - b.id));
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "ok",
    (error: unknown) => errorCode(error),
  );
}

function pick(model: Model, choice: number): [number, ModelKey] | undefined {
  return [...model.keys][choice % Math.max(1, model.keys.size)];
}

const expiry = fc.option(fc.integer({ min: -1, max: 3 }));
const at = (real: Real, days: number | null): number | null =>
  days === null ? null : real.clock.now() + days * DAY;

const create =
  (name: string, days: number | null): Step =>
  async (model, real) => {
    const expiresAt = at(real, days);
    const isTaken = [...model.keys.values()].some((key) => key.name === name);
    const isPast = expiresAt !== null && expiresAt <= real.clock.now();
    const made = real.app.keys.create(SYSTEM, { name, username: "root", expiresAt });
    if (isTaken || isPast) {
      expect(await codeOf(made)).toBe(isTaken ? "name_taken" : "invalid");
      return;
    }
    const { key, secret } = await made;
    expect(key.id).toBeGreaterThan(model.made);
    model.made = key.id;
    model.keys.set(key.id, { name, text: secret.text, dead: [], expiresAt, paused: false, revoked: false });
  };

const rename =
  (choice: number, name: string): Step =>
  async (model, { app }) => {
    const found = pick(model, choice);
    if (!found) return;
    const [id, key] = found;
    const isTaken = [...model.keys].some(([other, one]) => other !== id && one.name === name);
    expect(await codeOf(app.keys.update(SYSTEM, id, { name }))).toBe(isTaken ? "name_taken" : "ok");
    if (!isTaken) key.name = name;
  };

const reset =
  (choice: number, days: number | null | undefined): Step =>
  async (model, real) => {
    const found = pick(model, choice);
    if (!found) return;
    const [id, key] = found;
    const expiresAt = days === undefined ? key.expiresAt : at(real, days);
    const work = real.other.keys.reset(SYSTEM, id, {
      ...(days === undefined ? {} : { expiresAt }),
    });
    if (expiresAt !== null && expiresAt <= real.clock.now()) {
      expect(await codeOf(work)).toBe("invalid");
      return;
    }
    const { secret } = await work;
    key.dead.push(key.text);
    Object.assign(key, { text: secret.text, expiresAt, paused: false, revoked: false });
  };

const change =
  (choice: number, what: "pause" | "resume" | "revoke" | "remove"): Step =>
  async (model, { app }) => {
    const found = pick(model, choice);
    if (!found) {
      expect(await codeOf(app.keys.remove(SYSTEM, 999_999))).toBe("not_found");
      return;
    }
    const [id, key] = found;
    const work = what === "revoke" ? app.keys.revoke(SYSTEM, id, "model") : app.keys[what](SYSTEM, id);
    expect(await codeOf(work)).toBe(what === "revoke" && key.revoked ? "conflict" : "ok");
    if (what === "remove") model.keys.delete(id);
    else if (what === "revoke") key.revoked = true;
    else key.paused = what === "pause";
  };

const lock: Step = async (model, { app, userId }) => {
  const { users } = app;
  await (model.locked ? users.unlock(SYSTEM, userId) : users.lock(SYSTEM, userId));
  model.locked = !model.locked;
};

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constantFrom(...NAMES), expiry).map(([name, days]) => create(name, days)),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(9), fc.constantFrom(...NAMES)).map(([choice, name]) => rename(choice, name)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.nat(9), fc.option(expiry, { nil: undefined }))
      .map(([choice, days]) => reset(choice, days)),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(
        fc.nat(9),
        fc.constantFrom("pause" as const, "resume" as const, "revoke" as const, "remove" as const),
      )
      .map(([choice, what]) => change(choice, what)),
  },
  { weight: 1, arbitrary: fc.constant(lock) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 2 }).map(
      (days): Step =>
        async (_model, { clock }) =>
          clock.advance(days * DAY),
    ),
  },
);

test(
  "a key lives as the model says, for the process that was told and for another one",
  async () => {
    await using folder = await makeInstallation();
    const clock = movedClock();
    const app = await folder.open({ clock });
    const other = await folder.open({ clock });
    await app.users.create(SYSTEM, { username: "spare", roles: ["FULL_ADMIN"] });
    const { id: userId } = await app.users.create(SYSTEM, {
      username: "root",
      roles: ["FULL_ADMIN"],
    });
    const model: Model = { keys: new Map(), locked: false, made: 0 };
    const real = { app, other, clock, userId };
    const run = fc.asyncProperty(fc.array(step, { minLength: STEPS, maxLength: STEPS }), async (steps) => {
      for (const one of steps) await one(model, real);
      await checkAll(model, real);
      for (const id of model.keys.keys()) await app.keys.remove(SYSTEM, id);
      model.keys.clear();
    });
    await fc.assert(run, { numRuns: RUNS, endOnFailure: true });
  },
  { timeout: 300_000 },
);
