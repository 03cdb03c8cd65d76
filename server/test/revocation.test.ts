import { expect, test } from "bun:test";
import { openCheck } from "./check-app.ts";
import { SYSTEM } from "./installation.ts";
import { startSecond } from "./second-server.ts";

/** The long run takes 10 000. */
const ROUNDS = Number(process.env.CHATELAINE_REVOCATIONS ?? 500);
const KEYS_IN_HAND = 50;

test(
  "under load the first request that begins after a revocation has returned is refused, in both processes on the data",
  async () => {
    await using check = await openCheck();
    const second = await startSecond(check.folder.path);
    let isDone = false;
    let accepted = 0;
    const urls = [check.url, second.url];
    const status = async (url: string, text: string) =>
      (await fetch(`${url}/auth`, { headers: { Authorization: `Bearer ${text}` } })).status;
    try {
      const quiet = await check.key("load");
      const load = urls.flatMap((url) =>
        Array.from({ length: 4 }, async () => {
          while (!isDone) if ((await status(url, quiet.text)) === 200) accepted++;
        }),
      );
      let wrong = 0;
      for (let round = 0; round < ROUNDS; round += KEYS_IN_HAND) {
        const keys = await Promise.all(
          Array.from({ length: Math.min(KEYS_IN_HAND, ROUNDS - round) }, (_, place) =>
            check.key(`k${round + place}`),
          ),
        );
        for (const { id, text } of keys) {
          for (const url of urls) expect(await status(url, text)).toBe(200);
          await check.app.keys.revoke(SYSTEM, id, "test");
          const after = await Promise.all(urls.map((url) => status(url, text)));
          wrong += after.filter((each) => each !== 401).length;
        }
        for (const { id } of keys) await check.app.keys.remove(SYSTEM, id);
      }
      isDone = true;
      await Promise.all(load);
      expect(wrong).toBe(0);
      expect(accepted).toBeGreaterThan(0);
    } finally {
      isDone = true;
      await second.stop();
    }
  },
  Math.max(600_000, ROUNDS * 1_000),
);

test("a key that was made invalid behind the server's back, by hand in the database, is refused too", async () => {
  const { Database } = await import("bun:sqlite");
  await using check = await openCheck();
  const { id, text } = await check.key("ci");
  expect((await check.auth(text)).status).toBe(200);
  const hand = new Database(`${check.folder.path}/chatelaine.db`);
  hand.run("UPDATE keys SET revoked_at = 1 WHERE id = ?", [id]);
  expect((await check.auth(text)).status).toBe(401);
  hand.run("UPDATE keys SET revoked_at = NULL WHERE id = ?", [id]);
  expect((await check.auth(text)).status).toBe(200);
  hand.run("DELETE FROM secrets WHERE key_id = ?", [id]);
  expect((await check.auth(text)).status).toBe(401);
  hand.close();
});
