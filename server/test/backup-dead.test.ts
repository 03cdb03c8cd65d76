/** R24: what ended since a backup does not come back with it, asked of a real server on the restored folder. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync } from "node:fs";
import { join } from "node:path";
import type { App } from "../src/app.ts";
import type { Key } from "../src/domain/key.ts";
import type { Server } from "../src/server.ts";
import type { Relation } from "../src/store/restore-plan.ts";
import {
  ask,
  backup,
  type Made,
  made,
  makeTemplate,
  removeAll,
  restore,
  scratchFolder,
  signIn,
} from "./backup-app.ts";
import { type Folder, movedClock, PASSWORD, SYSTEM } from "./installation.ts";

setDefaultTimeout(30_000);
const scratch = scratchFolder();
beforeAll(() => makeTemplate(scratch));
afterAll(() => removeAll(scratch));

/** Whether a key is good for a scope, from an address. */
async function verify(server: Server, key: string, more: object = {}): Promise<boolean> {
  const answer = await fetch(`${server.urls[0]}/api/v1/verify`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ key, ip: "198.51.100.7", ...more }),
  });
  return ((await answer.json()) as { valid: boolean }).valid;
}

/** What services are told of the user of a key. */
async function told(server: Server, key: string, header: string): Promise<string | null> {
  const { headers } = await fetch(`${server.urls[0]}/auth`, { headers: { Authorization: `Bearer ${key}` } });
  return headers.get(header);
}

async function accept(folder: Folder): Promise<void> {
  const app = await folder.open();
  await app.restore.accept(SYSTEM);
  await app.close();
}

describe("what ended since the backup does not come back", () => {
  const NOT_AGAIN = "another long password";
  const ada = async (app: App) =>
    (await app.users.list(SYSTEM, {})).rows.find((one) => one.username === "ada")!;
  const change = async (app: App, patch: Parameters<App["users"]["update"]>[2]) =>
    app.users.update(SYSTEM, (await ada(app)).id, patch);

  interface Case {
    readonly what: string;
    readonly end: (app: App, key: Key) => Promise<unknown>;
    /** Whether what the key or user could do before is refused afterwards. */
    readonly isDead: (server: Server, text: string) => Promise<boolean>;
    /** How much later it is asked. */
    readonly laterMs?: number;
  }
  const keyIsDead = async (server: Server, text: string) => (await ask(server, text)) >= 401;
  const CASES: readonly Case[] = [
    { what: "revoked", end: (app, { id }) => app.keys.revoke(SYSTEM, id, "lost"), isDead: keyIsDead },
    { what: "paused", end: (app, { id }) => app.keys.pause(SYSTEM, id), isDead: keyIsDead },
    { what: "reset", end: (app, { id }) => app.keys.reset(SYSTEM, id), isDead: keyIsDead },
    { what: "deleted", end: (app, { id }) => app.keys.remove(SYSTEM, id), isDead: keyIsDead },
    {
      what: "given an end that has passed",
      end: (app, { id }) => app.keys.update(SYSTEM, id, { expiresAt: app.clock.now() + 60_000 }),
      isDead: keyIsDead,
      laterMs: 60_001,
    },
    {
      what: "held to addresses",
      end: (app, { id }) => app.keys.update(SYSTEM, id, { allowedIps: ["192.0.2.0/24"] }),
      isDead: async (server, text) =>
        !(await verify(server, text)) && verify(server, text, { ip: "192.0.2.9" }),
    },
    {
      what: "held to a rate",
      end: (app, { id }) => app.keys.update(SYSTEM, id, { rateLimit: { limit: 1, windowSeconds: 86_400 } }),
      isDead: async (server, text) => (await verify(server, text)) && !(await verify(server, text)),
    },
    {
      what: "narrowed in scopes",
      end: (app, { id }) => app.keys.update(SYSTEM, id, { scopes: ["web:read"] }),
      isDead: async (server, text) => !(await verify(server, text, { scope: "dns:read" })),
    },
    {
      what: "narrowed in roles",
      end: (app, { id }) => app.keys.update(SYSTEM, id, { roles: [] }),
      isDead: async (server, text) => (await ask(server, text, "?role=KEY_HOLDER")) === 403,
    },
    {
      what: "of a user who was locked",
      end: (app) => change(app, { locked: true }),
      isDead: async (server, text) =>
        (await keyIsDead(server, text)) && (await signIn(server, "ada", PASSWORD)) >= 401,
    },
    {
      what: "of a user who was deleted",
      end: async (app) => app.users.remove(SYSTEM, (await ada(app)).id),
      isDead: keyIsDead,
    },
    {
      what: "of a user who lost a role",
      end: (app) => change(app, { roles: ["KEY_HOLDER"] }),
      isDead: async (server, text) => (await ask(server, text, "?role=ACCOUNT_WRITE")) === 403,
    },
    {
      what: "of a user who lost a scope",
      end: (app) => change(app, { scopes: [] }),
      isDead: async (server, text) => !(await verify(server, text, { scope: "web:read" })),
    },
    {
      what: "of a user who left a group",
      end: (app) => change(app, { groups: [] }),
      isDead: async (server, text) => (await ask(server, text, "?role=API_KEY_WRITE")) === 403,
    },
    {
      what: "of a group that lost its rights",
      end: (app) => app.groups.update(SYSTEM, "ops", { roles: [], scopes: [] }),
      isDead: async (server, text) =>
        (await ask(server, text, "?role=API_KEY_WRITE")) === 403 &&
        !(await verify(server, text, { scope: "dns:read" })),
    },
    {
      what: "of a group that was deleted",
      end: (app) => app.groups.remove(SYSTEM, "ops"),
      isDead: async (server, text) => !(await verify(server, text, { scope: "dns:read" })),
    },
    {
      what: "of a user who is held to ceilings",
      end: (app) =>
        change(app, { ceilings: { allowedIps: ["192.0.2.0/24"], rateLimit: null, lifetimeSeconds: null } }),
      isDead: async (server, text) => !(await verify(server, text)),
    },
    {
      what: "the user name that was given up",
      end: (app) => change(app, { username: "ada-the-trainee" }),
      isDead: async (server, text) => (await told(server, text, "Remote-User")) === "ada-the-trainee",
    },
    {
      what: "the full name that was given up",
      end: (app) => change(app, { fullName: "Ada" }),
      isDead: async (server, text) => (await told(server, text, "Remote-Name")) === "Ada",
    },
    {
      what: "the e-mail address that was given up",
      end: (app) => change(app, { email: "ada@example.com" }),
      isDead: async (server, text) => (await told(server, text, "Remote-Email")) === "ada@example.com",
    },
    {
      what: "the name of a group that was given up",
      end: async (app) => {
        await app.groups.update(SYSTEM, "ops", { name: "former-ops" });
        await app.groups.create(SYSTEM, { name: "ops", roles: [], scopes: [] });
      },
      isDead: async (server, text) => (await told(server, text, "Remote-Groups")) === "former-ops",
    },
    {
      what: "the password that was changed",
      end: (app) => change(app, { password: NOT_AGAIN }),
      isDead: async (server) =>
        (await signIn(server, "ada", PASSWORD)) === 401 && (await signIn(server, "ada", NOT_AGAIN)) < 300,
    },
  ];

  for (const { what, end, isDead, laterMs = 1 } of CASES) {
    test(`${what}`, async () => {
      const clock = movedClock(Date.now());
      const { folder, key, text, file } = await made();
      await using _ = folder;
      const before = await folder.serve({}, { clock });
      // Else what is dead afterwards was never alive.
      expect([await ask(before, text), await isDead(before, text)]).toEqual([200, false]);
      await end(before.app, key);
      await before.close();
      const result = await restore(folder, file, { now: clock.now() });
      expect(result).toMatchObject({ relation: "after", isQuarantined: false });
      expect(result.report.revived).toEqual([]);
      expect(result.report.keptDead.length).toBeGreaterThan(0);
      clock.advance(laterMs);
      const after = await folder.serve({}, { clock });
      expect([what, await isDead(after, text)]).toEqual([what, true]);
      expect(await signIn(after, "root", PASSWORD)).toBeLessThan(300);
    });
  }
});

describe("of two secrets the newer counts, whichever side has it", () => {
  const NEWER = "another long password";
  interface Case {
    readonly what: string;
    /** What the operator does after the reset, with the backup of before it. @returns what is restored at last */
    readonly restored: (one: Made, newer: () => Promise<string>) => Promise<string>;
    readonly relation: Relation;
  }
  const asItWas = async ({ folder, file }: Made): Promise<string> => {
    const { before } = await restore(folder, file, { asItWas: true });
    await accept(folder);
    return before!;
  };
  const CASES: readonly Case[] = [
    { what: "the backup of what a restore as it was replaced", restored: asItWas, relation: "after" },
    {
      what: "a backup that went on after a restore as it was, onto a folder of before that",
      restored: async (one, newer) => {
        const copy = join(scratch, "copy-of-newer");
        removeAll(copy);
        cpSync(one.folder.path, copy, { recursive: true });
        await asItWas(one);
        const file = await newer();
        removeAll(one.folder.path);
        cpSync(copy, one.folder.path, { recursive: true });
        return file;
      },
      relation: "before",
    },
    {
      what: "the newer backup, where the folder went on from an older one by itself",
      restored: async (one, newer) => {
        const file = await newer();
        removeAll(join(one.folder.path, "chatelaine.db"));
        await restore(one.folder, one.file);
        await accept(one.folder);
        return file;
      },
      relation: "apart",
    },
    {
      what: "the older backup, under a clock that was set back",
      restored: async (one) => one.file,
      relation: "after",
    },
  ];
  for (const { what, restored, relation } of CASES) {
    test(`${what}`, async () => {
      const one = await made();
      const { folder, key, text } = one;
      await using _ = folder;
      const clock = movedClock(Date.now() + (what.includes("set back") ? -86_400_000 : 10_000));
      const app = await folder.open({ clock });
      const ada = (await app.users.list(SYSTEM, {})).rows.find((row) => row.username === "ada")!;
      const { secret } = await app.keys.reset(SYSTEM, key.id);
      await app.users.update(SYSTEM, ada.id, { password: NEWER });
      await app.close();
      const newer = async (): Promise<string> => {
        const now = await folder.open({ clock });
        const file = await backup(now, join(scratch, "newer-secrets.backup"));
        await now.close();
        return file;
      };
      const result = await restore(folder, await restored(one, newer));
      expect([what, result.relation]).toEqual([what, relation]);
      if (result.isQuarantined) await accept(folder);
      const server = await folder.serve();
      expect([await ask(server, text), await ask(server, secret.text)]).toEqual([401, 200]);
      expect(await signIn(server, "ada", PASSWORD)).toBe(401);
      expect(await signIn(server, "ada", NEWER)).toBeLessThan(300);
    });
  }
});
