/** Real folders, put back as an operator does: promise 10, R24 and R35. */
import { expect, test } from "bun:test";
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readStates } from "../src/store/sqlite/state-file.ts";
import { askDoors } from "./doors.ts";
import { PASSWORD, SYSTEM } from "./installation.ts";
import { auth, fill, RestoredPlace, signIn, writeInto } from "./place.ts";
import { until } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

test("the whole folder put back to before a revocation is in quarantine at every door, until it is accepted", async () => {
  await using place = new RestoredPlace();
  const first = await place.serve();
  const shown = await fill(first);
  const cookie = await signIn(first.urls[0]!);
  await place.stop();
  const copy = place.copy("backup");
  const again = await place.serve();
  await again.app.keys.revoke(SYSTEM, shown.second.id, "stolen");
  expect(await auth(again.urls[0]!, shown.second.text)).toBe(401);
  await place.stop();
  place.putBack(copy);

  const server = await place.serve();
  const url = server.urls[0]!;
  expect(place.said(/older than the last change/)).toMatchObject([
    { level: "error", fields: { lastChange: expect.any(Number), lastKnownChange: expect.any(Number) } },
  ]);
  const { fields } = place.said(/older than the last change/)[0]!;
  expect(Number(fields.lastKnownChange)).toBe(Number(fields.lastChange) + 1);
  const answers = await askDoors(url, { ...shown, cookie });
  for (const [door, answer] of Object.entries(answers))
    expect({ door, answer }).toEqual({ door, answer: expect.stringMatching(REFUSED) });
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);

  // The command line looks and revokes, and says what is the matter.
  const local = await place.local();
  expect((await local.keys.list(local.caller, {})).rows.map(({ name }) => name)).toEqual(["first", "second"]);
  await local.keys.revoke(local.caller, shown.second.id, "stolen, as before");
  expect(await local.restore.accept(local.caller)).toMatchObject({ why: "behind" });
  await server.app.feed.follow();
  expect(await auth(url, shown.key)).toBe(200);
  expect(await auth(url, shown.second.text)).toBe(401);
  expect((await fetch(`${url}/api/v1/keys`, { headers: { Cookie: cookie } })).status).toBe(401);
  expect(await signIn(url)).toContain("=");
  await until(async () => (await fetch(`${url}/readyz`)).status === 200);
  const { rows } = await local.audit.list(local.caller, { where: equals("action", "restore.accept") });
  expect(rows).toMatchObject([{ door: "cli", success: true }]);
  await expect(local.restore.accept(local.caller)).rejects.toMatchObject({ code: "conflict" });
});

const REFUSED = /^503( restore_not_accepted)?$|^-32001 \[EBUSY\] The database was put back/;

function equals(name: string, value: string) {
  return { kind: "test", path: [name], op: "=", fold: false, value } as const;
}

/** An older copy comes into the place of a folder in which a key was revoked since. */
interface Lacking {
  /** Changes that were made in the copy alone. */
  readonly ahead: number;
  /** The state folder with which they were made. */
  readonly state: "none" | "another" | "the original's";
}
const LACKING: Readonly<Record<string, Lacking>> = {
  "an older copy": { ahead: 0, state: "none" },
  "an older copy that commands with another state folder brought to the same number": {
    ahead: 1,
    state: "another",
  },
  "an older copy that commands with another state folder brought further": { ahead: 3, state: "another" },
  "a copy that was served beside it to the same number": { ahead: 1, state: "the original's" },
  "a copy that was served beside it and went further": { ahead: 4, state: "the original's" },
};
for (const [name, { ahead, state }] of Object.entries(LACKING)) {
  test(`${name} lacks the last change that is known, and is in quarantine`, async () => {
    await using place = new RestoredPlace();
    const shown = await fill(await place.serve());
    await place.stop();
    const copy = place.copy("copy");
    const right = place.state;
    const go = async (data: string): Promise<void> => {
      const beside = await place.local(data);
      for (let turn = 0; turn < ahead; turn++)
        await beside.keys.create(beside.caller, { name: `apart-${turn}`, username: "ada" });
      await place.stop();
    };
    if (state === "the original's") await go(copy);
    const server = await place.serve();
    await server.app.keys.revoke(SYSTEM, shown.second.id, "stolen");
    await place.stop();
    const known = readStates(right)[0]!;
    renameSync(place.data, join(place.base, "right"));
    renameSync(copy, place.data);
    place.state = join(place.base, "another");
    if (state === "another") await go(place.data);
    place.state = right;

    for (let turn = 0; turn < 2; turn++) {
      const again = await place.serve();
      expect(await auth(again.urls[0]!, shown.second.text)).toBe(503);
      expect(
        place.said(ahead === 0 ? /is older than the last change/ : /lacks the last change/),
      ).toHaveLength(turn + 1);
      await place.stop();
    }
    expect(readStates(right)).toMatchObject([{ seq: known.seq, record: known.record }]);

    // The right one is known for what it is; what is accepted stays so, and is then what is waited for.
    renameSync(place.data, join(place.base, "apart"));
    place.putBack(join(place.base, "right"));
    const healed = await place.serve();
    expect(await auth(healed.urls[0]!, shown.key)).toBe(200);
    await place.stop();
    rmSync(place.data, { recursive: true });
    renameSync(join(place.base, "apart"), place.data);
    const local = await place.local();
    expect(await local.restore.accept(local.caller)).toMatchObject({ why: ahead === 0 ? "behind" : "apart" });
    await place.stop();
    for (let turn = 0; turn < 2; turn++) {
      const accepted = await place.serve();
      expect(await auth(accepted.urls[0]!, shown.second.text)).toBe(200);
      await place.stop();
    }
    place.putBack(join(place.base, "right"));
    const last = await place.serve();
    expect(await auth(last.urls[0]!, shown.key)).toBe(503);
  });
}

test("older data that is written into the file of a running server ends every session once it is accepted", async () => {
  await using place = new RestoredPlace();
  const shown = await fill(await place.serve());
  await place.stop();
  const old = place.copy("old");
  const server = await place.serve();
  const client = await RpcClient.connect(server.urls[0]!);
  const signIn = { mechanism: "PASSWORD_PLAIN", username: "ada", password: PASSWORD };
  expect((await client.call("auth.login_ex", signIn)).result).toMatchObject({ response_type: "SUCCESS" });
  await server.app.keys.revoke(SYSTEM, shown.second.id, "stolen");
  await server.app.feed.follow();
  writeInto(join(place.data, "chatelaine.db"), join(old, "chatelaine.db"));
  await until(async () => (await auth(server.urls[0]!, shown.key)) === 503);
  const local = await place.local();
  expect(await local.restore.accept(local.caller)).toMatchObject({ why: "behind" });
  await until(async () => (await auth(server.urls[0]!, shown.key)) === 200);
  const asked = client.call("api_key.query", [], {}).then(
    ({ error }) => error?.code,
    () => "closed",
  );
  expect(await asked).not.toBeUndefined();
});

test("what was accepted is not asked for again where the state file could not be written then", async () => {
  await using place = new RestoredPlace();
  const shown = await fill(await place.serve());
  await place.stop();
  const old = place.copy("old");
  const server = await place.serve();
  await server.app.keys.revoke(SYSTEM, shown.second.id, "stolen");
  await place.stop();
  place.putBack(old);
  const { state } = place;
  await place.serve();
  await place.stop();
  place.state = join(place.base, "another");
  const local = await place.local();
  await local.restore.accept(local.caller);
  await place.stop();
  place.state = state;
  const again = await place.serve();
  expect(again.app.store.quarantine()).toBeUndefined();
});

test("two servers and a command that change in turn are no histories apart", async () => {
  await using place = new RestoredPlace();
  const [one, two] = [await place.serve(), await place.serve()];
  await fill(one);
  for (let turn = 0; turn < 3; turn++) {
    await one.app.keys.create(SYSTEM, { name: `one-${turn}`, username: "ada" });
    await two.app.keys.create(SYSTEM, { name: `two-${turn}`, username: "ada" });
    const local = await place.local();
    await local.keys.create(local.caller, { name: `local-${turn}`, username: "ada" });
    await local.close();
  }
  await place.stop();
  const again = await place.serve();
  expect(again.app.store.quarantine()).toBeUndefined();
});

test("a command on data that waits says that its change counts for that data alone, and else does not", async () => {
  await using place = new RestoredPlace();
  const shown = await fill(await place.serve());
  await place.stop();
  const old = place.copy("old");
  const changed = await place.local();
  await changed.keys.revoke(changed.caller, shown.second.id, "stolen");
  await place.stop();
  expect(place.said(/counts for this data alone/)).toEqual([]);
  place.putBack(old);
  const local = await place.local();
  await local.keys.list(local.caller, {});
  expect(place.said(/counts for this data alone/)).toEqual([]);
  await local.keys.revoke(local.caller, shown.second.id, "stolen");
  await local.keys.pause(local.caller, 1);
  expect(place.said(/counts for this data alone/)).toHaveLength(1);
  await place.stop();
  const accepting = await place.local();
  await accepting.restore.accept(accepting.caller);
  await accepting.keys.resume(accepting.caller, 1);
  expect(place.said(/counts for this data alone/)).toHaveLength(1);
});

test("a quarantine holds over restarts and for every process, and what it took the place of is not taken for it", async () => {
  await using place = new RestoredPlace();
  const first = await place.serve();
  const shown = await fill(first);
  await place.stop();
  const old = place.copy("old");
  const second = await place.serve();
  await second.app.keys.revoke(SYSTEM, shown.second.id, "stolen");
  await place.stop();
  const right = place.copy("right");

  place.putBack(old);
  // More changes than are missing do not lift it.
  for (let turn = 0; turn < 3; turn++) {
    const local = await place.local();
    await local.keys.create(local.caller, { name: `later-${turn}`, username: "ada" });
    expect(() => local.verify.verify(shown.key, { origin: null })).toThrow(/put back from an older copy/);
    await place.stop();
  }
  for (let turn = 0; turn < 2; turn++) {
    const [one, two] = [await place.serve(), await place.serve()];
    expect([await auth(one.urls[0]!, shown.key), await auth(two.urls[0]!, shown.key)]).toEqual([503, 503]);
    await place.stop();
  }

  place.putBack(right);
  const healed = await place.serve();
  expect(await auth(healed.urls[0]!, shown.key)).toBe(200);
  expect(await auth(healed.urls[0]!, shown.second.text)).toBe(401);
  await place.stop();

  place.putBack(old);
  const local = await place.local();
  await local.restore.accept(local.caller);
  await place.stop();
  const accepted = await place.serve();
  expect(await auth(accepted.urls[0]!, shown.second.text)).toBe(200);
  await place.stop();
  place.putBack(right);
  const other = await place.serve();
  expect(await auth(other.urls[0]!, shown.key)).toBe(503);
});
