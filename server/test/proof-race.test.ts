/** A text is proven, then the key is read with its words: nothing that is committed in between lends an old text anything. */
import { expect, test } from "bun:test";
import { createVerify } from "../src/verify/verify.ts";
import { openCheck } from "./check-app.ts";
import { SYSTEM } from "./installation.ts";

for (const [name, stampOf] of [
  ["with a stamp", (stamp: number | undefined) => stamp],
  ["without a stamp", () => undefined],
] as const)
  test(`a revoked secret is not good where its key is reset between the reads, ${name}`, async () => {
    await using check = await openCheck();
    const { store, clock, keys, secrets } = check.app;
    const { id, text } = await check.key("ci");
    let between: (() => Promise<unknown>) | undefined;
    const verify = createVerify({
      clock,
      secrets,
      store: {
        ...store,
        stamp: () => stampOf(store.stamp()),
        findCheck: async (keyId) => {
          await between?.();
          return store.findCheck(keyId);
        },
      },
    });
    const isGood = async (shown: string) => (await verify.verify(shown, { origin: null })).ok;
    expect(await isGood(text)).toBe(true);
    between = () => keys.update(SYSTEM, id, { description: "changed meanwhile" });
    expect(await isGood(text)).toBe(true);
    await keys.revoke(SYSTEM, id, "test");
    let fresh = "";
    between = async () => {
      between = undefined;
      fresh = (await keys.reset(SYSTEM, id)).secret.text;
    };
    expect(await isGood(text)).toBe(false);
    expect(fresh).not.toBe("");
    expect([await isGood(text), await isGood(fresh)]).toEqual([false, true]);
  });
