import { afterEach, beforeEach, expect, test } from "bun:test";
import { ACCOUNT_GUESSES_MAX, GUESS_WINDOW_MS, NETWORK_GUESSES_MAX } from "../src/sign-in/throttle.ts";
import {
  auditOf,
  makeUserWithPassword,
  openTestApp,
  originOf,
  PASSWORD,
  type TestApp,
} from "./accounts-app.ts";

const OWNER = "198.51.100.1";
const ATTACKER = "203.0.113.9";

let app: TestApp;

beforeEach(async () => {
  app = await openTestApp();
  await makeUserWithPassword(app, "alice", ["KEY_HOLDER"]);
});
afterEach(() => app.close());

function signIn(address: string | null, password = PASSWORD, username = "alice", to = app): Promise<string> {
  return to.signIn
    .byPassword(username, password, originOf({ address }))
    .then((result) =>
      result.kind === "refused" ? result.reason : result.kind === "signed_in" ? "in" : result.factor,
    );
}

async function times(count: number, act: (time: number) => Promise<string>): Promise<string[]> {
  const answers = [];
  for (let time = 0; time < count; time++) answers.push(await act(time));
  return answers;
}

test("an account has ten wrong passwords checked in a quarter of an hour, from wherever they come", async () => {
  const wrong = await times(ACCOUNT_GUESSES_MAX, (time) => signIn(`203.0.113.${time}`, "wrong wrong wrong"));
  expect(new Set(wrong)).toEqual(new Set(["unknown"]));
  expect(await signIn("203.0.113.99", "wrong wrong wrong")).toBe("too_many_guesses");
  expect(await signIn("203.0.113.100")).toBe("too_many_guesses");
  app.clock.move(GUESS_WINDOW_MS);
  expect(await signIn("203.0.113.100")).toBe("in");
});

test("many at once have no more than ten checked", async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, time) => signIn(`203.0.113.${time}`, "wrong wrong wrong")),
  );
  expect(answers.filter((answer) => answer === "unknown")).toHaveLength(ACCOUNT_GUESSES_MAX);
  expect(answers.filter((answer) => answer === "too_many_guesses")).toHaveLength(10);
});

test("whoever guesses from elsewhere does not lock the owner out, nor after a restart", async () => {
  expect(await signIn(OWNER)).toBe("in");
  await times(ACCOUNT_GUESSES_MAX + 2, () => signIn(ATTACKER, "wrong wrong wrong"));
  expect(await signIn(ATTACKER)).toBe("too_many_guesses");
  expect(await signIn(OWNER)).toBe("in");
  const restarted = await openTestApp({ beside: app });
  try {
    expect(await signIn(ATTACKER, PASSWORD, "alice", restarted)).toBe("too_many_guesses");
    expect(await signIn(OWNER, PASSWORD, "alice", restarted)).toBe("in");
  } finally {
    await restarted.close();
  }
});

test("a known network is slowed too, in a bucket of its own that a right password empties", async () => {
  expect(await signIn(OWNER)).toBe("in");
  await times(ACCOUNT_GUESSES_MAX - 1, () => signIn(OWNER, "wrong wrong wrong"));
  expect(await signIn(OWNER)).toBe("in");
  await times(ACCOUNT_GUESSES_MAX, () => signIn(OWNER, "wrong wrong wrong"));
  expect(await signIn(OWNER)).toBe("too_many_guesses");
});

test("the owner's own sign-in does not give an attacker more guesses", async () => {
  await times(ACCOUNT_GUESSES_MAX - 1, () => signIn(ATTACKER, "wrong wrong wrong"));
  expect(await signIn(OWNER)).toBe("in");
  expect(await signIn(ATTACKER, "wrong wrong wrong")).toBe("unknown");
  expect(await signIn(ATTACKER, "wrong wrong wrong")).toBe("too_many_guesses");
});

test("one network guesses fifty times at all accounts together, an IPv6 /64 counting as one", async () => {
  const guess = (time: number): Promise<string> =>
    signIn(`2001:db8::${time.toString(16)}`, "wrong wrong wrong", `nobody${time}`);
  const answers = await times(NETWORK_GUESSES_MAX, guess);
  expect(new Set(answers)).toEqual(new Set(["unknown"]));
  expect(await guess(1_000)).toBe("too_many_guesses");
  expect(await signIn("2001:db8:0:1::1")).toBe("in");
}, 30_000);

test("right passwords are no guesses: a whole office signs in behind one address", async () => {
  const answers = await times(NETWORK_GUESSES_MAX + 5, () => signIn(OWNER));
  expect(new Set(answers)).toEqual(new Set(["in"]));
}, 30_000);

test("a name that cannot be one is counted for its network, and neither it nor the password is kept", async () => {
  for (const name of ["", "a long password", "__proto__", "ALICE'--"]) {
    expect(await signIn(ATTACKER, "canary-canary-canary", name)).toBe("unknown");
  }
  const records = await auditOf(app, "LOGIN_PASSWORD");
  expect(records.reduce((sum, { details }) => sum + (details.count as number), 0)).toBe(4);
  expect(JSON.stringify(records)).not.toMatch(/canary|a long password|ALICE/);
});

test("on a unix socket guesses are counted as well", async () => {
  await times(ACCOUNT_GUESSES_MAX, () => signIn(null, "wrong wrong wrong"));
  expect(await signIn(null)).toBe("too_many_guesses");
});
