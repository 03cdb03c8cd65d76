import { expect, test } from "bun:test";
import { makeInstallation, movedClock, SYSTEM } from "./installation.ts";

const DAY = 86_400_000;

test("an expired key stays expired when the clock steps back, until it is reset", async () => {
  await using folder = await makeInstallation();
  const clock = movedClock();
  const app = await folder.open({ clock });
  const other = await folder.open({ clock });
  await app.accounts.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
  const { key, secret } = await app.keys.create(SYSTEM, {
    name: "ends",
    username: "root",
    expiresAt: clock.now() + DAY,
  });
  const said = async (text: string): Promise<string[]> => {
    const verdicts = await Promise.all(
      [app, other].flatMap(({ verify }) => [
        verify.verify(text, { origin: null }),
        verify.check(text, { origin: null }),
      ]),
    );
    return [...new Set(verdicts.map((verdict) => (verdict.ok ? "ok" : verdict.reason)))];
  };
  expect(await said(secret.text)).toEqual(["ok"]);
  clock.advance(2 * DAY);
  expect(await said(secret.text)).toEqual(["expired"]);
  expect(await app.keys.sweepExpired()).toBe(1);
  clock.advance(-2 * DAY);
  expect(await said(secret.text)).toEqual(["expired"]);
  const renewed = await app.keys.update(SYSTEM, key.id, { reset: true, expiresAt: clock.now() + 3 * DAY });
  expect(await said(renewed.secret!.text)).toEqual(["ok"]);
  clock.advance(4 * DAY);
  expect(await said(renewed.secret!.text)).toEqual(["expired"]);
  expect(await app.keys.sweepExpired()).toBe(1);
});

test.each([
  ["the end of 32-bit seconds", Date.UTC(2038, 0, 19, 3, 14, 7)],
  ["a leap day", Date.UTC(2032, 1, 29)],
  ["the last year that can be written", Date.UTC(9999, 11, 31, 23, 59, 58)],
])("a key that ends at %s works before it and not after", async (_name, end) => {
  await using folder = await makeInstallation();
  const clock = movedClock(end - 2_000);
  const app = await folder.open({ clock });
  await app.accounts.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
  const { secret, key } = await app.keys.create(SYSTEM, { name: "ends", username: "root", expiresAt: end });
  expect(key.expiresAt).toBe(end);
  expect((await app.verify.verify(secret.text, { origin: null })).ok).toBe(true);
  clock.advance(2_000);
  expect(await app.verify.verify(secret.text, { origin: null })).toMatchObject({
    ok: false,
    reason: "expired",
  });
});
