/** Numbers of keys are drawn in ranges, and none is given twice. */
import { expect, test } from "bun:test";
import { makeInstallation, SYSTEM } from "./installation.ts";

test("two servers on one folder give no number twice, and none that was given before a restart", async () => {
  await using installation = await makeInstallation();
  const given: number[] = [];
  for (let round = 0; round < 2; round++) {
    const servers = [await installation.serve(), await installation.serve()];
    const stores = servers.map(({ app }) => app.store);
    const ids = await Promise.all(
      Array.from({ length: 100 }, (_, at) => stores[at % stores.length]!.reserveKeyId()),
    );
    expect(ids.every((id) => id > 0)).toBe(true);
    given.push(...ids);
    await Promise.all(servers.map((server) => server.close()));
  }
  expect(new Set(given).size).toBe(200);
  expect(Math.min(...given.slice(100))).toBeGreaterThan(Math.max(...given.slice(0, 100)));
});

test("a server draws many at once, and keys follow each other", async () => {
  await using installation = await makeInstallation();
  const { app } = await installation.serve();
  await app.users.create(SYSTEM, { username: "ada", roles: ["KEY_HOLDER"] });
  const ids: number[] = [];
  for (let at = 0; at < 40; at++)
    ids.push((await app.keys.create(SYSTEM, { name: `key ${at}`, username: "ada" })).key.id);
  expect(ids).toEqual(Array.from({ length: 40 }, (_, at) => at + 1));
});
