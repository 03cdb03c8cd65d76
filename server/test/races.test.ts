import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Local } from "../src/app.ts";
import { errorCode } from "../src/domain/errors.ts";
import type { User } from "../src/domain/user.ts";
import { type Folder, makeInstallation, PASSWORD, SYSTEM } from "./installation.ts";

const ROUNDS = Number(process.env.CHATELAINE_TEST_ROUNDS ?? 10);
const CALLERS = 8;

/** Settles all at once. @returns what won and the codes of what lost */
async function race<T>(works: readonly (() => Promise<T>)[]): Promise<{ won: T[]; lost: string[] }> {
  const settled = await Promise.allSettled(works.map((work) => work()));
  return {
    won: settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : [])),
    lost: settled.flatMap((one) => (one.status === "rejected" ? [errorCode(one.reason)] : [])),
  };
}

describe("what may happen once happens once, between two processes' worth of callers on one folder", () => {
  let folder: Folder;
  let apps: readonly [Local, Local];
  let owner: User;
  beforeAll(async () => {
    folder = await makeInstallation();
    apps = [await folder.open(), await folder.open()];
    owner = await apps[0].users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
  });
  afterAll(() => folder[Symbol.asyncDispose]());

  const callers = <T>(work: (app: Local, place: number) => Promise<T>): (() => Promise<T>)[] =>
    Array.from({ length: CALLERS }, (_, place) => () => work(apps[place % 2]!, place));
  const auditOf = async (action: string, id: number): Promise<number> => {
    const { rows } = await apps[0].store.listAudit({}, { party: null });
    return rows.filter((row) => row.success && row.action === action && row.target?.id === id).length;
  };
  let names = 0;
  const makeKey = async (): Promise<number> =>
    (await apps[0].keys.create(SYSTEM, { name: `race-${names++}`, username: "root" })).key.id;

  test("of resets at one barrier, one wins for each secret that was there, and its secret works", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const id = await makeKey();
      const { version } = await apps[0].keys.get(SYSTEM, id);
      const { won, lost } = await race(callers((app) => app.keys.reset(SYSTEM, id, { version })));
      expect(won).toHaveLength(1);
      expect(lost.every((code) => code === "conflict")).toBe(true);
      expect(await apps[1].verify.verify(won[0]!.secret.text, { origin: null })).toMatchObject({ ok: true });
      expect(await auditOf("key.update", id)).toBe(1);
    }
  });

  test("of a reset and a revocation, the state that stays is the winner's", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const id = await makeKey();
      const { version } = await apps[0].keys.get(SYSTEM, id);
      const [reset, revoke] = await Promise.allSettled([
        apps[0].keys.reset(SYSTEM, id, { version }),
        apps[1].keys.revoke(SYSTEM, id, "race"),
      ]);
      const key = await apps[0].keys.get(SYSTEM, id);
      if (revoke.status === "fulfilled") expect(key.revokedAt).not.toBeNull();
      else expect(errorCode(revoke.reason)).toBe("conflict");
      if (reset.status === "fulfilled") expect(key.resetAt).not.toBeNull();
      else expect(errorCode(reset.reason)).toBe("conflict");
      expect([reset.status, revoke.status]).toContain("fulfilled");
    }
  });

  test("of one name, one key", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const name = `same-${round}`;
      const { won, lost } = await race(callers((app) => app.keys.create(SYSTEM, { name, username: "root" })));
      expect(won).toHaveLength(1);
      expect(lost.every((code) => code === "name_taken")).toBe(true);
      expect(await auditOf("key.create", won[0]!.key.id)).toBe(1);
    }
  });

  test("of revocations, one; the key is dead for every caller after it", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { key, secret } = await apps[0].keys.create(SYSTEM, { name: `dead-${round}`, username: "root" });
      const { won, lost } = await race(callers((app) => app.keys.revoke(SYSTEM, key.id, "race")));
      expect(won).toHaveLength(1);
      expect(lost.every((code) => code === "conflict")).toBe(true);
      for (const app of apps)
        expect(await app.verify.verify(secret.text, { origin: null })).toMatchObject({
          ok: false,
          reason: "revoked",
        });
      expect(await auditOf("key.revoke", key.id)).toBe(1);
    }
  });

  test("of the last two administrators, one stays", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const other = await apps[0].users.create(SYSTEM, {
        username: `admin-${round}`,
        roles: ["FULL_ADMIN"],
      });
      const { won } = await race([
        () => apps[0].users.lock(SYSTEM, owner.id),
        () => apps[1].users.lock(SYSTEM, other.id),
      ]);
      expect(won).toHaveLength(1);
      await apps[0].users.unlock(SYSTEM, owner.id);
      await apps[0].users.remove(SYSTEM, other.id);
    }
  });

  test("of one setup link, one administrator", async () => {
    await using fresh = await makeInstallation();
    const two = [await fresh.open(), await fresh.open()] as const;
    const token = await two[0].setup.makeToken(SYSTEM);
    const { origin } = SYSTEM;
    const { won, lost } = await race(
      Array.from(
        { length: CALLERS },
        (_, place) => () =>
          two[place % 2]!.setup.createFirst(token, { username: `first${place}`, password: PASSWORD }, origin),
      ),
    );
    expect(won).toHaveLength(1);
    expect(lost).toHaveLength(CALLERS - 1);
    expect(await two[1].store.countUsers()).toBe(1);
  });
});
