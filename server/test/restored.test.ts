/** Real folders, put back as an operator does: promise 10, R24 and R35. */
import { expect, test } from "bun:test";
import { askDoors } from "./doors.ts";
import { SYSTEM } from "./installation.ts";
import { auth, fill, Place, signIn } from "./place.ts";
import { until } from "./rest-app.ts";

test("the whole folder put back to before a revocation is in quarantine at every door, until it is accepted", async () => {
  await using place = new Place();
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

test("a quarantine holds over restarts and for every process, and what it took the place of is not taken for it", async () => {
  await using place = new Place();
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
