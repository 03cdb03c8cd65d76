/**
 * A setting that is read before a wait is read again in the transaction: what was allowed when the request came and is not
 * when it is done is refused, and nothing is kept of it. Each request stands in line, for the hash of a password or the
 * derivation of a key, while the setting is narrowed by another process.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { HASHES_AT_ONCE_MAX } from "@chatelaine/contract/limits";
import type { Settings } from "../src/domain/settings.ts";
import { PASSWORD, SYSTEM } from "./installation.ts";
import { type RpcAnswer, RpcClient } from "./rpc-client.ts";
import { NEW_PASSWORD } from "./stale-callers.ts";
import {
  contents,
  fillDerivations,
  fillHashes,
  openWorld,
  request,
  TestGate,
  type TwoServers,
  type Victim,
  watchLines,
} from "./stale-world.ts";

const TEST_MS = 120_000;
const AFAR = { "X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "http" };
const DAY_MS = 86_400_000;

/** By way of a proxy, which says of nobody that they came over TLS. What holds before, and what it is narrowed to. */
const NARROWED = {
  "no keys without an end": [{ nonExpiringKeys: true }, { nonExpiringKeys: false }],
  "keys of a day at most": [{ keyDaysMax: null }, { keyDaysMax: 1 }],
  "nothing in clear text": [
    { insecureTransport: "allow", insecureTransportDialect: "allow" },
    { insecureTransport: "refuse", insecureTransportDialect: "refuse" },
  ],
} as const satisfies Record<string, readonly [Partial<Settings>, Partial<Settings>]>;

interface Row {
  readonly of: string;
  readonly narrowed: keyof typeof NARROWED;
  readonly waitsFor: "hash" | "derivation";
  readonly expected: string;
  start(scene: {
    readonly victim: Victim;
    readonly socket: RpcClient;
    readonly keyId: number;
  }): Promise<string>;
}

const send = (route: string, body: object, headers: Record<string, string>): Promise<string> =>
  request(world.url, route, { headers, body: JSON.stringify(body) }).then(({ status, text }) => {
    const { code, errors } = JSON.parse(text) as { code?: string; errors?: { code: string }[] };
    return [status, errors?.[0]?.code ?? code ?? ""].join(" ").trim();
  });
const outcome = ({ error, result }: RpcAnswer): string =>
  error ? `${error.code} ${error.data?.error} ${error.data?.errname}` : JSON.stringify(result);
const bearer = ({ key }: Victim) => ({ Authorization: `Bearer ${key.text}` });
const far = (): string => new Date(world.clock.now() + 10 * DAY_MS).toISOString();

const ROWS: readonly Row[] = [
  {
    of: "keys.create",
    narrowed: "no keys without an end",
    waitsFor: "derivation",
    expected: "422 policy",
    start: ({ victim }) =>
      send("POST /api/v1/keys", { name: "late", username: victim.username }, bearer(victim)),
  },
  {
    of: "keys.create",
    narrowed: "keys of a day at most",
    waitsFor: "derivation",
    expected: "422 policy",
    start: ({ victim }) =>
      send(
        "POST /api/v1/keys",
        { name: "late", username: victim.username, expires_at: far() },
        bearer(victim),
      ),
  },
  {
    of: "keys.reset",
    narrowed: "no keys without an end",
    waitsFor: "derivation",
    expected: "422 policy",
    start: ({ victim, keyId }) => send(`POST /api/v1/keys/${keyId}/reset`, {}, bearer(victim)),
  },
  {
    of: "self.reset",
    narrowed: "no keys without an end",
    waitsFor: "derivation",
    expected: "422 policy",
    start: ({ victim }) => send("POST /api/v1/keys/self/reset", {}, bearer(victim)),
  },
  {
    of: "api_key.create",
    narrowed: "no keys without an end",
    waitsFor: "derivation",
    expected: "-32602 22 EINVAL",
    start: ({ victim }) =>
      victim.sockets.key[0]!.call("api_key.create", { name: "late", username: victim.username }).then(
        outcome,
      ),
  },
  {
    of: "api_key.update",
    narrowed: "keys of a day at most",
    waitsFor: "derivation",
    expected: "-32602 22 EINVAL",
    start: ({ victim, keyId }) =>
      victim.sockets.key[0]!.call("api_key.update", keyId, {
        reset: true,
        expires_at: { $date: world.clock.now() + 10 * DAY_MS },
      }).then(outcome),
  },
  {
    of: "keys.create",
    narrowed: "nothing in clear text",
    waitsFor: "derivation",
    expected: "403 insecure_transport",
    start: ({ victim }) =>
      send("POST /api/v1/keys", { name: "late", username: victim.username }, { ...bearer(victim), ...AFAR }),
  },
  {
    of: "self.reset",
    narrowed: "nothing in clear text",
    waitsFor: "derivation",
    expected: "403 insecure_transport",
    start: ({ victim }) => send("POST /api/v1/keys/self/reset", {}, { ...bearer(victim), ...AFAR }),
  },
  {
    of: "api_key.create",
    narrowed: "nothing in clear text",
    waitsFor: "derivation",
    expected: "-32001 207 ENOTAUTHENTICATED",
    start: async ({ victim, socket }) => {
      await socket.signIn(victim.username, victim.key.text);
      return outcome(await socket.call("api_key.create", { name: "late", username: victim.username }));
    },
  },
  {
    of: "users.create",
    narrowed: "nothing in clear text",
    waitsFor: "hash",
    expected: "403 insecure_transport",
    start: ({ victim }) =>
      send(
        "POST /api/v1/users",
        { username: "late", password: NEW_PASSWORD },
        { ...bearer(victim), ...AFAR },
      ),
  },
  {
    of: "users.setPassword",
    narrowed: "nothing in clear text",
    waitsFor: "hash",
    expected: "403 insecure_transport",
    start: ({ victim }) =>
      send("PUT /api/v1/users/other/password", { password: NEW_PASSWORD }, { ...bearer(victim), ...AFAR }),
  },
  {
    of: "session.create",
    narrowed: "nothing in clear text",
    waitsFor: "hash",
    expected: "403 insecure_transport",
    start: ({ victim: { username } }) => send("POST /api/v1/session", { username, password: PASSWORD }, AFAR),
  },
  {
    of: "auth.login",
    narrowed: "nothing in clear text",
    waitsFor: "hash",
    expected: "-32001 95 EOPNOTSUPP",
    start: ({ victim: { username }, socket }) => socket.call("auth.login", username, PASSWORD).then(outcome),
  },
  {
    of: "user.create",
    narrowed: "nothing in clear text",
    waitsFor: "hash",
    expected: "-32001 207 ENOTAUTHENTICATED",
    start: async ({ victim, socket }) => {
      await socket.signIn(victim.username, victim.key.text);
      const input = { username: "late", full_name: "Late", roles: ["KEY_HOLDER"], password: NEW_PASSWORD };
      return outcome(await socket.call("user.create", input));
    },
  },
  {
    of: "user.set_password",
    narrowed: "nothing in clear text",
    waitsFor: "hash",
    expected: "-32001 207 ENOTAUTHENTICATED",
    start: async ({ victim, socket }) => {
      await socket.signIn(victim.username, victim.key.text);
      return outcome(
        await socket.call("user.set_password", { username: "other", new_password: NEW_PASSWORD }),
      );
    },
  },
];

let world: TwoServers;
beforeAll(async () => {
  world = await openWorld({ trustedProxy: ["127.0.0.1"] });
}, TEST_MS);
beforeEach(async () => {
  for (const [wide] of Object.values(NARROWED)) await world.app.settings.change(SYSTEM, wide);
});
afterAll(() => world[Symbol.asyncDispose](), TEST_MS);

/** What is kept, but for the settings and what they were changed by. */
function kept(victim: Victim): Record<string, unknown[]> {
  const { settings: _, ...others } = contents(world.database, victim);
  return others;
}

describe("a setting that is narrowed while a request waits", () => {
  for (const { of, narrowed, waitsFor, expected, start } of ROWS) {
    test(
      `holds for ${of}: ${narrowed}`,
      async () => {
        const victim = await world.victim();
        const { key } = await world.app.keys.create(SYSTEM, {
          name: `${victim.username} other`,
          username: victim.username,
        });
        const socket = await RpcClient.connect(world.url, { headers: AFAR });
        const before = kept(victim);
        const [fillers, line] = [new TestGate(), new TestGate()];
        const filled = (waitsFor === "hash" ? fillHashes : fillDerivations)(world.app, fillers);
        await fillers.holds(HASHES_AT_ONCE_MAX);
        const restore = watchLines(() => line.arrive());
        const answer = start({ victim, socket, keyId: key.id });
        await line.holds(1);
        restore();
        await world.other.settings.change(SYSTEM, NARROWED[narrowed][1]);
        fillers.open();
        await filled;
        expect(await answer).toBe(expected);
        expect(kept(victim)).toEqual(before);
        socket.close();
      },
      TEST_MS,
    );
  }

  test("and so do the limits of the owner of a key", async () => {
    const victim = await world.victim();
    const fillers = new TestGate();
    const line = new TestGate();
    const filled = fillDerivations(world.app, fillers);
    await fillers.holds(HASHES_AT_ONCE_MAX);
    const restore = watchLines(() => line.arrive());
    const answer = send(
      "POST /api/v1/keys",
      { name: "late", username: "other", expires_at: far() },
      bearer(victim),
    );
    await line.holds(1);
    restore();
    const { users } = world.other;
    const { id } = await users.get(SYSTEM, { username: "other" });
    const ceilings = { allowedIps: null, rateLimit: null, lifetimeSeconds: 60 };
    await users.update(SYSTEM, id, { ceilings });
    fillers.open();
    await filled;
    expect(await answer).toBe("422 policy");
    await users.update(SYSTEM, id, { ceilings: null });
  });
});
