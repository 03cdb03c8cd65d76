import { expect, test } from "bun:test";
import { errorCode } from "../src/domain/errors.ts";
import { openCheck } from "./check-app.ts";
import { callerOf, movedClock, SYSTEM } from "./installation.ts";

const NONE = { allowedIps: null, rateLimit: null, lifetimeSeconds: null };

test("ceilings of a user hold for all his keys at once, and go when they are lifted", async () => {
  const clock = movedClock();
  await using check = await openCheck({}, { clock });
  const { users } = check.app;
  const ada = await users.get(SYSTEM, { username: "ada" });
  const set = (ceilings: object | null) =>
    users.update(SYSTEM, ada.id, { ceilings: ceilings && { ...NONE, ...ceilings } });
  const one = await check.key("one", { allowedIps: ["10.0.0.0/8", "192.0.2.0/24"] });
  const two = await check.key("two");
  const ask = async (key: { text: string }, ip = "192.0.2.1") => {
    const answer = await check.verify({ key: key.text, ip });
    return answer.reason ?? answer.valid;
  };
  await set({ allowedIps: ["192.0.2.0/25"] });
  expect([await ask(one), await ask(two), await ask(one, "10.0.0.1"), await ask(two, "192.0.2.200")]).toEqual(
    [true, true, "address_not_allowed", "address_not_allowed"],
  );
  await set({ rateLimit: { limit: 3, windowSeconds: 60 } });
  expect([await ask(one), await ask(two), await ask(one), await ask(two), await ask(one)]).toEqual([
    true,
    true,
    true,
    "rate_limited",
    "rate_limited",
  ]);
  await set({ lifetimeSeconds: 3_600 });
  expect(await ask(one)).toBe(true);
  clock.advance(3_600_000);
  expect(await ask(one)).toBe("expired");
  await check.app.keys.reset(SYSTEM, two.id);
  await set(null);
  expect(await ask(one)).toBe(true);
});

test("a refusal by the user's limit gives back what the key's own had spent", async () => {
  await using check = await openCheck();
  const { users } = check.app;
  const { id } = await users.get(SYSTEM, { username: "ada" });
  await users.update(SYSTEM, id, { ceilings: { ...NONE, rateLimit: { limit: 1, windowSeconds: 3_600 } } });
  const { text } = await check.key("one", { rateLimit: { limit: 5, windowSeconds: 3_600 } });
  expect(await check.verify({ key: text })).toMatchObject({ valid: true });
  expect(await check.verify({ key: text })).toMatchObject({ reason: "rate_limited" });
  await users.update(SYSTEM, id, { ceilings: null });
  expect(await check.verify({ key: text, cost: 0 })).toMatchObject({ rate_limit: { remaining: 4 } });
});

test("a new key ends with its owner's ceiling, and nobody makes or edits one that ends later", async () => {
  const clock = movedClock();
  await using check = await openCheck({}, { clock });
  const { users } = check.app;
  const ada = await users.get(SYSTEM, { username: "ada" });
  await users.update(SYSTEM, ada.id, { ceilings: { ...NONE, lifetimeSeconds: 3_600 } });
  const { id } = await check.key("one");
  const key = await check.app.keys.get(SYSTEM, id);
  expect(key.expiresAt).toBe(key.createdAt + 3_600_000);
  const late = clock.now() + 7_200_000;
  await expect(check.key("two", { expiresAt: late })).rejects.toMatchObject({ code: "invalid" });
  for (const expiresAt of [late, null])
    await expect(check.app.keys.update(SYSTEM, id, { expiresAt })).rejects.toMatchObject({ code: "invalid" });
});

test("nobody lifts his own ceilings, whatever his role", async () => {
  await using check = await openCheck();
  const { users } = check.app;
  const root = await users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"], scopes: [] });
  const ada = await users.get(SYSTEM, { username: "ada" });
  const [asRoot, asAda] = [await callerOf(check.app.store, root), await callerOf(check.app.store, ada)];
  expect(await refusalOf(users.update(asRoot, root.id, { ceilings: null }))).toBe("forbidden");
  expect(await refusalOf(users.update(asAda, ada.id, { ceilings: null }))).toBe("role_missing");
  const held = await users.update(asRoot, ada.id, { ceilings: { ...NONE, lifetimeSeconds: 60 } });
  expect(held.ceilings).toEqual({ ...NONE, lifetimeSeconds: 60 });
});

/** Not by `rejects`, which blocks the loop that the store's threads answer to. */
function refusalOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "ok",
    (error: unknown) => errorCode(error),
  );
}
