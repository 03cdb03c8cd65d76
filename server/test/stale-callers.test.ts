/**
 * R31: whoever is ended while their request waits does nothing any more, and is told so. The table is in
 * `stale-callers.ts`: every operation that writes x both doors x what may end a caller x what is waited for.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { HASHES_AT_ONCE_MAX } from "@chatelaine/contract/limits";
import { type OperationName, operationList } from "@chatelaine/contract/operations/operations";
import { SYSTEM } from "./installation.ts";
import { type RpcAnswer, RpcClient } from "./rpc-client.ts";
import {
  CREDENTIALS,
  type CredentialName,
  doorOf,
  ENDS,
  type End,
  EXPECTED,
  MOMENTS,
  type Moment,
  NO_MOMENT,
  NOT_BY_CALLER,
  REST_ROWS,
  type RestRow,
  RPC_OTHERS,
  RPC_ROWS,
  type RpcRow,
  type Targets,
} from "./stale-callers.ts";
import {
  contents,
  fillDerivations,
  fillHashes,
  HeldRequest,
  holdOpen,
  intercept,
  isBy,
  isByRoot,
  openWorld,
  request,
  routeOf,
  TestGate,
  type TwoServers,
  type Victim,
  watchCallers,
  watchLines,
} from "./stale-world.ts";

const TEST_MS = 120_000;
/** Within what a body may take to come. */
const KEY_LIFE_MS = 10_000;
const LIMITS = {
  allowed_ips: null,
  rate_limit: { limit: 1_000, window_seconds: 60 },
  lifetime_seconds: null,
};

let world: TwoServers;
beforeAll(async () => {
  world = await openWorld();
}, TEST_MS);
afterAll(() => world[Symbol.asyncDispose](), TEST_MS);

/** One act of one caller. */
interface Act {
  readonly name: string;
  readonly credential: CredentialName;
  readonly waitsFor: "hash" | "derivation" | undefined;
  readonly isRead: boolean;
  readonly isAlone: boolean;
  prepare(victim: Victim, targets: Targets): Promise<Prepared>;
}

interface Prepared {
  /** @returns in words of `Expected`, or as it was answered */
  start(): Promise<string>;
  /** The same with its body held back, where it has one. @returns how it goes on */
  hold?(): () => Promise<string>;
}

const ACTS: readonly Act[] = CREDENTIALS.flatMap((credential) =>
  doorOf(credential) === "REST"
    ? REST_ROWS.filter(({ by }) => by === undefined || by === credential).map((row) =>
        restAct(row, credential),
      )
    : RPC_ROWS.filter(({ by }) => by === undefined || by === credential).map((row, place) =>
        rpcAct(row, credential, place),
      ),
);

function restAct(row: RestRow, credential: CredentialName): Act {
  return {
    ...factsOf(row, row.operation),
    credential,
    prepare: async (victim, targets) => {
      const route = routeOf(row.operation, await row.params?.(targets));
      const body = JSON.stringify((await row.body?.(targets)) ?? {});
      const bearer = { Authorization: `Bearer ${victim.key.text}` };
      const headers = credential === "key" ? bearer : victim.browser.headers;
      return {
        start: async () => restOutcome(await request(world.url, route, { headers, body })),
        hold: () => {
          const held = new HeldRequest(world.url, route, { headers, body });
          return async () => restOutcome(await held.finish());
        },
      };
    },
  };
}

function rpcAct(row: RpcRow, credential: CredentialName, place: number): Act {
  return {
    ...factsOf(row, row.method),
    credential,
    prepare: async (victim, targets) => {
      const params = await row.params(targets);
      const sockets = victim.sockets[credential === "socket by key" ? "key" : "password"];
      const socket = sockets[place % sockets.length]!;
      // A session that has ended closes its socket, after its last answers or in their place.
      const closed = ({ message }: Error): string =>
        message.includes("closed before the answer") ? "ended" : message;
      return { start: () => socket.call(row.method, ...params).then(rpcOutcome, closed) };
    },
  };
}

function factsOf(row: RestRow | RpcRow, name: string) {
  const { variant, waitsFor, isRead = false, isAlone = false } = row;
  return { name: variant === undefined ? name : `${name} ${variant}`, waitsFor, isRead, isAlone };
}

function restOutcome({ status, text }: { readonly status: number; readonly text: string }): string {
  const { code, refused } = JSON.parse(text) as { code?: string; refused?: { code: string }[] };
  // Of many keys each has its own answer.
  const said = refused?.[0] ? `403 ${refused[0].code}` : `${status} ${code ?? ""}`.trim();
  if (said === "401 credential_ended") return "ended";
  if (said === "403 forbidden") return "less";
  return status < 300 && !refused?.[0] ? "done" : said;
}

function rpcOutcome({ error }: RpcAnswer): string {
  if (!error) return "done";
  const { code, data } = error;
  const isEnded = data?.error === 207 && data.reason === "[ENOTAUTHENTICATED] Not authenticated";
  if (code === -32001 && isEnded) return "ended";
  if (code === -32001 && data?.error === 13 && data.reason.startsWith("[EACCES]")) return "less";
  return `${code} ${data?.error} ${data?.reason}`;
}

/** As the administrator, and answered with a yes: from here on nothing may happen. */
async function asRoot(
  name: OperationName,
  { at = world.url, body, ...params }: { at?: string; body?: unknown; id?: string | number; name?: string },
): Promise<void> {
  const sent = { headers: world.root, body: body === undefined ? null : JSON.stringify(body) };
  const { status, text } = await request(at, routeOf(name, params), sent);
  if (status >= 300) throw new Error(`${name}: ${status} ${text}`);
}

/** Ends the caller, and resolves when that is acknowledged. @param at the server that is asked */
async function bring(end: End, victim: Victim, at: string): Promise<void> {
  const { username: name } = victim;
  const { id } = victim.key;
  switch (end) {
    case "key revoked":
      return asRoot("keys.revoke", { at, id, body: { reason: "left" } });
    case "key paused":
      return asRoot("keys.pause", { at, id });
    case "key expired":
      world.clock.advance(KEY_LIFE_MS);
      return;
    case "key reset":
      return asRoot("keys.reset", { at, id, body: {} });
    case "user locked":
      return asRoot("users.lock", { at, name });
    case "user demoted":
      return asRoot("users.update", { at, name, body: { roles: ["KEY_HOLDER"] } });
    case "user deleted":
      return asRoot("users.remove", { at, name });
    case "user limited":
      return asRoot("users.update", { at, name, body: { ceilings: LIMITS } });
    case "password changed":
      return asRoot("users.setPassword", { at, name, body: { password: "the password of tomorrow" } });
    case "session ended":
      return asRoot("sessions.remove", { at, id: victim.browser.id });
  }
}

/** What is known to the first server alone: its sockets. */
async function endSockets({ id }: Victim): Promise<void> {
  const { sessions } = world.app;
  for (const { id: session } of sessions.list(SYSTEM).filter(({ credential }) => credential.userId === id))
    await asRoot("sessions.remove", { id: session });
}

/** The acts that there are of this moment and end. */
function actsOf(moment: Moment, end: End): readonly Act[] {
  return ACTS.filter((act) => {
    const door = doorOf(act.credential);
    if (typeof EXPECTED[end][act.credential] === "object" || NO_MOMENT[door][moment] !== undefined)
      return false;
    if (moment === "body") return true;
    return moment === "lock" ? !act.isRead : act.waitsFor === moment;
  });
}

interface Playing {
  readonly prepared: readonly Prepared[];
  readonly victim: Victim;
  readonly end: End | undefined;
}

/** Each begins its acts, holds them at its place, ends the caller, and lets them go on. */
const PLAYS: Readonly<Record<Moment, (playing: Playing) => Promise<string[]>>> = {
  body: async ({ prepared, victim, end }) => {
    const judged = new TestGate();
    const restore = watchCallers(world.app, victim, () => judged.arrive());
    const held = prepared.map((act) => act.hold!());
    await judged.holds(prepared.length);
    restore();
    await endAll(end, victim);
    return Promise.all(held.map((finish) => finish()));
  },

  hash: (playing) => playInLine(playing, fillHashes),

  derivation: (playing) => playInLine(playing, fillDerivations),

  lock: async ({ prepared, victim, end }) => {
    const [parked, held] = [new TestGate(), new TestGate()];
    const restore = intercept(world.app, (by, run) => (isBy(by, victim) ? parked.pass().then(run) : run()));
    const answers = prepared.map((act) => act.start());
    await parked.holds(prepared.length);
    await beginEnd(end, victim);
    const release = holdOpen(world.other, isByRoot, held);
    const isCommitted = end !== undefined && end !== "key expired";
    const ending = isCommitted
      ? bring(end, victim, world.otherUrl)
      : world.other.store.transact("command_line", async () => {});
    await held.holds(1);
    if (end === "key expired") await bring(end, victim, world.otherUrl);
    parked.open();
    await new Promise((resolve) => setImmediate(resolve));
    held.open();
    await ending;
    const outcomes = await Promise.all(answers);
    release();
    restore();
    return outcomes;
  },
};

/** Each stands in line for a place before its caller ends, and gets one afterwards. */
async function playInLine(
  { prepared, victim, end }: Playing,
  fill: (app: TwoServers["app"], gate: TestGate) => Promise<void>,
): Promise<string[]> {
  const [fillers, line] = [new TestGate(), new TestGate()];
  const filled = fill(world.app, fillers);
  await fillers.holds(HASHES_AT_ONCE_MAX);
  const restore = watchLines(() => line.arrive());
  const answers = prepared.map((act) => act.start());
  await line.holds(prepared.length);
  restore();
  await endAll(end, victim);
  fillers.open();
  await filled;
  return Promise.all(answers);
}

/** What comes before the end itself: sockets are known to the first server alone, and a key has an end before it expires. */
async function beginEnd(end: End | undefined, victim: Victim): Promise<void> {
  if (end === "session ended") await endSockets(victim);
  const expires_at = new Date(world.clock.now() + KEY_LIFE_MS).toISOString();
  if (end === "key expired") await asRoot("keys.update", { id: victim.key.id, body: { expires_at } });
}

/** By the other server, whose gates are free. */
async function endAll(end: End | undefined, victim: Victim): Promise<void> {
  await beginEnd(end, victim);
  if (end !== undefined) await bring(end, victim, world.otherUrl);
}

interface Played {
  readonly outcomes: readonly string[];
  readonly before: Record<string, unknown[]>;
  readonly after: Record<string, unknown[]>;
}

async function play(
  moment: Moment,
  end: End | undefined,
  acts: readonly Act[],
  areOwn: boolean,
): Promise<Played> {
  const victim = await world.victim();
  const prepared: Prepared[] = [];
  for (const act of acts) prepared.push(await act.prepare(victim, world.targets(victim, areOwn)));
  // Keys of those who were ended before are noted as expired by the clockwork, whenever that comes to it.
  await world.app.keys.sweepExpired();
  const before = contents(world.database, victim);
  const outcomes = await PLAYS[moment]({ prepared, victim, end });
  return { outcomes, before, after: contents(world.database, victim) };
}

/** Cells that are not as expected. */
function wrong(acts: readonly Act[], outcomes: readonly string[], expected: (act: Act) => string): string[] {
  return acts.flatMap((act, place) =>
    outcomes[place] === expected(act) ? [] : [`${act.name} by ${act.credential}: ${outcomes[place]}`],
  );
}

/** Those that end what others come by go on one by one. */
async function playAll(moment: Moment, end: End | undefined, acts: readonly Act[]): Promise<string[]> {
  const together = acts.filter(({ isAlone }) => !isAlone);
  const groups = [together, ...acts.filter(({ isAlone }) => isAlone).map((act) => [act])];
  const found: string[] = [];
  for (const group of groups.filter(({ length }) => length > 0)) {
    const { outcomes } = await play(moment, end, group, true);
    found.push(...wrong(group, outcomes, () => "done"));
  }
  return found;
}

describe("the table", () => {
  test("has a row for each operation that changes something, and no other", () => {
    const rows = [...REST_ROWS.map(({ operation }) => operation), ...Object.keys(NOT_BY_CALLER)];
    const changing = operationList.filter(({ method }) => method !== "GET").map(({ name }) => name);
    expect([...new Set(rows)].sort()).toEqual(changing.sort());
  });

  test("has a row for each method of every version, or says why it needs none", async () => {
    const { key } = await world.victim();
    const known = new Set([...RPC_ROWS.map(({ method }) => method), ...Object.keys(RPC_OTHERS)]);
    const versions = (await (await fetch(`${world.url}/api/versions`)).json()) as string[];
    const methods = new Set<string>();
    for (const version of versions) {
      const socket = await RpcClient.connect(world.url, { path: `/api/${version}` });
      await socket.result("auth.login_with_api_key", key.text);
      for (const name of Object.keys(await socket.result<object>("core.get_methods"))) methods.add(name);
      socket.close();
    }
    expect([...methods].sort()).toEqual([...known].sort());
  });

  test("has at each moment, door and end an act, or says why there is none", () => {
    for (const end of ENDS)
      for (const credential of CREDENTIALS) {
        const expected = EXPECTED[end][credential];
        if (typeof expected === "object") expect(expected.none).not.toBe("");
        for (const moment of Object.keys(MOMENTS) as Moment[]) {
          const count = actsOf(moment, end).filter((act) => act.credential === credential).length;
          const isThere = typeof expected !== "object" && NO_MOMENT[doorOf(credential)][moment] === undefined;
          expect([end, credential, moment, count > 0]).toEqual([end, credential, moment, isThere]);
        }
      }
  });
});

describe.each(Object.entries(MOMENTS) as [Moment, string][])(
  "at the moment %s: while a request waits for %s",
  (moment) => {
    test(
      "every operation is done where nobody is ended",
      async () => {
        const acts = ACTS.filter((act) => actsOf(moment, "user locked").includes(act));
        for (const credential of CREDENTIALS) {
          const some = acts.filter((act) => act.credential === credential);
          expect(await playAll(moment, undefined, some)).toEqual([]);
        }
      },
      TEST_MS,
    );

    test.each(ENDS)(
      "%s: nothing is done after that is acknowledged",
      async (end) => {
        const acts = actsOf(moment, end);
        const ended = acts.filter(({ credential }) => EXPECTED[end][credential] !== "done");
        const { outcomes, before, after } = await play(moment, end, ended, false);
        expect(wrong(ended, outcomes, ({ credential }) => EXPECTED[end][credential] as string)).toEqual([]);
        expect(after).toEqual(before);
        const goOn = acts.filter(({ credential }) => EXPECTED[end][credential] === "done");
        expect(await playAll(moment, end, goOn)).toEqual([]);
      },
      TEST_MS,
    );
  },
);
