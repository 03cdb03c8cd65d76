/** R15 without a clock: a key that is not known and one whose secret is wrong cost the same work, whatever memory holds. Times are measured by `npm run bench -- timing`. */
import { expect, test } from "bun:test";
import { deriveSecrets } from "../src/crypto.ts";
import { createVerify } from "../src/verify/verify.ts";
import { openCheck } from "./check-app.ts";
import { SYSTEM } from "./installation.ts";

test("an unknown id and a wrong secret cost the same digests and reads, and junk costs none", async () => {
  await using check = await openCheck();
  const { store, clock } = check.app;
  const good = await check.key("good");
  const revoked = await check.key("revoked");
  await check.app.keys.revoke(SYSTEM, revoked.id, "test");
  const work = { digests: 0, reads: 0 };
  const secrets = deriveSecrets(new Uint8Array(32));
  const verify = createVerify({
    clock,
    secrets: {
      digestKey: (key) => {
        work.digests++;
        return secrets.digestKey(key);
      },
    },
    store: {
      ...store,
      findHot: (id) => {
        work.reads++;
        return store.findHot(id);
      },
    },
  });
  const costOf = async (text: string, door: "check" | "verify" = "check") => {
    const before = { ...work };
    await verify[door](text, { origin: null });
    return { digests: work.digests - before.digests, reads: work.reads - before.reads };
  };
  const wrong = "a".repeat(64);
  for (let turn = 0; turn < 3; turn++) {
    const one = { digests: 1, reads: 1 };
    for (const door of ["check", "verify"] as const)
      for (const id of [good.id, revoked.id, 999_999])
        expect(await costOf(`${id}-${wrong}`, door)).toEqual(one);
    await check.app.verify.check(good.text, { origin: null });
    expect(await costOf("nonsense")).toEqual({ digests: 0, reads: 0 });
    expect((await costOf(`${good.text.slice(0, -1)}!`)).reads).toBe(0);
  }
});
