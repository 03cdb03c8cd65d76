import { describe, expect, test } from "bun:test";
import type { Role } from "@chatelaine/contract/roles";
import { coversRights, rightsOf } from "../domain/rights.ts";
import { rightsColumns } from "./member-rights.ts";
import { planRestore, type Relation, type Secret, type Side } from "./restore-plan.ts";
import type { StoredGroup, StoredKey, StoredUser } from "./restore-rules.ts";

const NOW = 10_000;
const LATER = 9_000;

function user(id: number, more: Partial<StoredUser> = {}): StoredUser {
  const roles = more.roles ?? '["KEY_HOLDER"]';
  const scopes = more.scopes ?? "[]";
  return {
    ...{
      id,
      username: `user${id}`,
      folded_name: `user${id}`,
      full_name: "",
      email: null,
      roles,
      scopes,
      locked_at: null,
    },
    ...rightsColumns(JSON.parse(roles), JSON.parse(scopes), []),
    ...{
      password_hash: "old hash",
      password_changed_at: 1,
      created_at: id,
      attributes: "{}",
      ceilings: null,
      search_text: `user${id}\n\n`,
    },
    ...{ version: 1, ...more },
  };
}

function key(id: number, more: Partial<StoredKey> = {}): StoredKey {
  return {
    ...{ id, name: `key${id}`, user_id: 1, username: "user1", description: "", tags: "[]", hint: "olds" },
    ...{
      created_at: id,
      created_by: "user1",
      reset_at: null,
      expires_at: null,
      expiry_told: 0,
      paused_at: null,
    },
    ...{
      revoked_at: null,
      revoked_reason: null,
      roles: null,
      scopes: null,
      allowed_ips: null,
      rate_limit: null,
      manages_sign_in: 0,
      search_text: `user1\nkey${id}\n`,
    },
    ...{ version: 1, ...more },
  };
}

function group(id: number, more: Partial<StoredGroup> = {}): StoredGroup {
  const name = `group${id}`;
  return { id, name, folded_name: name, roles: "[]", scopes: "[]", created_at: id, version: 1, ...more };
}

function secret(keyId: number, text: string): Secret {
  const bytes = new TextEncoder().encode(text);
  const more = { salt: bytes, iterations: 1, created_at: 1, ends_at: null };
  return { id: keyId, key_id: keyId, digest: bytes, sealed: bytes, ...more };
}

/** As a transaction leaves a user: with what the group of the second one adds. */
function whole(row: StoredUser): StoredUser {
  const [roles, scopes] = [JSON.parse(row.roles), JSON.parse(row.scopes)];
  if (row.id !== 2) return { ...row, ...rightsColumns(roles, scopes, []) };
  return { ...row, ...rightsColumns([...roles, "API_KEY_WRITE"], [...scopes, "backup:run"], ["group1"]) };
}

const BACKUP: Side = {
  users: [user(1, { roles: '["FULL_ADMIN"]' }), whole(user(2, { scopes: '["dns:*","mail:read"]' }))],
  groups: [group(1, { roles: '["API_KEY_WRITE"]', scopes: '["backup:run"]' })],
  members: [{ group_id: 1, user_id: 2 }],
  keys: [key(1), key(2, { user_id: 2, username: "user2", manages_sign_in: 1 })],
  secrets: [secret(1, "one"), secret(2, "two")],
  settings: [],
  numbers: { users: 2, groups: 1, key_ids: 2, changes: 7 },
};

/** The present database: the backup's, changed since. */
function present(change: (side: { -readonly [Name in keyof Side]: Side[Name] }) => void): Side {
  const side = structuredClone(BACKUP) as { -readonly [Name in keyof Side]: Side[Name] };
  side.numbers = { ...side.numbers, changes: 20 };
  change(side);
  return side;
}

const keyed = (id: number, patch: Partial<StoredKey>) =>
  present((side) => {
    side.keys = side.keys.map((row) => (row.id === id ? { ...row, ...patch, version: 5 } : row));
  });
const usered = (id: number, patch: Partial<StoredUser>) =>
  present((side) => {
    side.users = side.users.map((row) => (row.id === id ? whole({ ...row, ...patch, version: 5 }) : row));
  });

const plan = (side: Side | undefined, relation: Relation = "after") =>
  planRestore(BACKUP, side, { relation, now: NOW });
const keyOf = (side: Side, id: number, relation?: Relation) =>
  plan(side, relation).keys.find((row) => row.id === id);
const userOf = (side: Side, id: number, relation?: Relation) =>
  plan(side, relation).users.find((row) => row.id === id);
const rolesOf = (row: StoredUser | undefined) => JSON.parse(row?.all_roles ?? "null");
const scopesOf = (row: StoredUser | undefined) => JSON.parse(row?.all_scopes ?? "null");

describe("what has ended since stays so", () => {
  const KEYS: readonly [string, Partial<StoredKey>, because: string][] = [
    ["revoked", { revoked_at: LATER, revoked_reason: "lost" }, "revoked"],
    ["paused", { paused_at: LATER }, "paused"],
    ["expired", { expires_at: LATER, expiry_told: 1 }, "an earlier end"],
    ["given an end", { expires_at: NOW + 5 }, "an earlier end"],
    ["narrowed to no role", { roles: "[]" }, "fewer roles"],
    ["narrowed to a scope", { scopes: '["dns:read"]' }, "fewer scopes"],
    ["held to addresses", { allowed_ips: '["192.0.2.0/24"]' }, "addresses"],
    ["held to a rate", { rate_limit: '{"limit":1,"windowSeconds":1}' }, "a rate"],
    ["not let to manage sign-in any more", { manages_sign_in: 0 }, "no sign-in to manage"],
  ];
  for (const [what, patch, because] of KEYS) {
    for (const relation of ["after", "apart"] as const) {
      test(`a key that was ${what} (${relation})`, () => {
        const side = keyed(2, patch);
        expect(keyOf(side, 2, relation)).toMatchObject(patch);
        expect(plan(side, relation).report.keptDead).toEqual([
          { kind: "key", id: 2, name: "key2", because: [because] },
        ]);
        expect(plan(side, relation).report.revived).toEqual([]);
      });
    }
  }

  test("the secret of a key that was reset", () => {
    const side = keyed(2, { reset_at: LATER, hint: "news" });
    const reset = { ...side, secrets: [secret(1, "one"), secret(2, "new")] };
    for (const relation of ["after", "apart"] as const) {
      const { secrets, keys, report } = planRestore(BACKUP, reset, { relation, now: NOW });
      expect(secrets.map(({ digest }) => new TextDecoder().decode(digest))).toEqual(["one", "new"]);
      expect(keys[1]).toMatchObject({ hint: "news", reset_at: LATER });
      expect(report.keptDead).toEqual([{ kind: "key", id: 2, name: "key2", because: ["reset"] }]);
    }
  });

  test("the text of a key that was reset before the backup, where the database is the older one", () => {
    const backup = { ...BACKUP, keys: [key(1), key(2, { reset_at: LATER })] };
    const older = { ...BACKUP, secrets: [secret(1, "one"), secret(2, "leaked")] };
    for (const relation of ["before", "apart"] as const) {
      const { secrets } = planRestore(backup, older, { relation, now: NOW });
      expect(secrets.map(({ digest }) => new TextDecoder().decode(digest)).sort()).toEqual(["one", "two"]);
    }
  });

  test("a key that was deleted, and all keys of a user who was", () => {
    const noKey = present((side) => {
      side.keys = side.keys.filter(({ id }) => id !== 1);
    });
    expect(plan(noKey).keys.map(({ id }) => id)).toEqual([2]);
    expect(plan(noKey).secrets.map(({ key_id }) => key_id)).toEqual([2]);
    expect(plan(noKey).report.keptDead).toEqual([{ kind: "key", id: 1, name: "key1", because: ["deleted"] }]);
    const noUser = present((side) => {
      side.users = side.users.filter(({ id }) => id !== 2);
      side.keys = side.keys.filter(({ id }) => id !== 2);
      side.members = [];
    });
    const { users, keys, members, report } = plan(noUser);
    expect([users.map(({ id }) => id), keys.map(({ id }) => id), members]).toEqual([[1], [1], []]);
    expect(report.keptDead.map(({ kind, id }) => `${kind} ${id}`).sort()).toEqual(["key 2", "user 2"]);
  });

  test("a key whose owner is deleted, though the key is not known to be", () => {
    const side = present((is) => {
      is.users = is.users.filter(({ id }) => id !== 2);
      is.keys = is.keys.filter(({ id }) => id !== 2);
      is.members = [];
      is.numbers = { ...is.numbers, key_ids: 1 };
    });
    expect(plan(side, "apart").keys.map(({ id }) => id)).toEqual([1]);
  });

  const USERS: readonly [string, Partial<StoredUser>, because: string][] = [
    ["locked", { locked_at: LATER }, "locked"],
    ["given a password", { password_hash: "new hash", password_changed_at: LATER }, "another password"],
    ["left without a password", { password_hash: null, password_changed_at: LATER }, "another password"],
    ["given another user name", { username: "trainee" }, "another user name"],
    ["given another full name", { full_name: "Trainee" }, "another full name"],
    ["given an e-mail address", { email: "t@example.com" }, "another e-mail address"],
    ["held to ceilings", { ceilings: '{"allowedIps":["192.0.2.1"]}' }, "limits"],
  ];
  for (const [what, patch, because] of USERS) {
    for (const relation of ["after", "apart"] as const) {
      test(`a user who was ${what} (${relation})`, () => {
        const side = usered(2, patch);
        expect(userOf(side, 2, relation)).toMatchObject(patch);
        expect(plan(side, relation).report.keptDead).toEqual([
          { kind: "user", id: 2, name: patch.username ?? "user2", because: [because] },
        ]);
      });
    }
  }

  test("names that were given up, and given to others: those who have them keep them", () => {
    const side = present((is) => {
      is.users = [user(1, { username: "user2" }), whole(user(2, { username: "user1" }))];
      is.groups = [group(1, { name: "former" })];
    });
    for (const relation of ["after", "apart"] as const) {
      const { users, groups, keys } = plan(side, relation);
      expect(users.map(({ username }) => username)).toEqual(["user2", "user1"]);
      expect(users.map(({ group_names }) => group_names)).toEqual(["[]", '["former"]']);
      expect([keys.map(({ username }) => username), groups[0]?.name]).toEqual([["user2", "user1"], "former"]);
    }
    // Where both went on apart, the backup may have somebody whose name is another's by now.
    const more = { users: [...BACKUP.users, user(3)], keys: [...BACKUP.keys, key(3, { user_id: 3 })] };
    const taken = usered(2, { username: "user3" });
    const { users, keys, report } = planRestore({ ...BACKUP, ...more }, taken, {
      relation: "apart",
      now: NOW,
    });
    expect([users.map(({ username }) => username), keys.length]).toEqual([["user1", "user3"], 2]);
    expect(report.keptDead).toEqual([
      { kind: "user", id: 2, name: "user3", because: ["another user name"] },
      { kind: "user", id: 3, name: "user3", because: ["its name is taken"] },
      { kind: "key", id: 3, name: "key3", because: ["its owner stays away"] },
    ]);
  });

  test("roles and scopes that a user lost, by themselves or included in others", () => {
    expect(rolesOf(userOf(usered(1, { roles: "[]" }), 1))).toEqual([]);
    expect(rolesOf(userOf(usered(1, { roles: '["API_KEY_WRITE"]' }), 1))).toEqual(["API_KEY_WRITE"]);
    const reader = usered(1, { roles: '["READONLY_ADMIN"]' });
    expect(rolesOf(userOf(reader, 1))).toEqual(["READONLY_ADMIN"]);
    expect(userOf(reader, 1)?.is_admin).toBe(0);
    const narrowed = usered(2, { scopes: '["dns:read","mail:*"]' });
    expect(scopesOf(userOf(narrowed, 2))).toEqual(["dns:read", "mail:read", "backup:run"]);
  });

  test("rights of a group that lost them, that was left, or that was deleted", () => {
    const weaker = present((side) => {
      side.groups = [group(1, { roles: '["API_KEY_READ"]', scopes: "[]", version: 3 })];
    });
    expect(rolesOf(userOf(weaker, 2))).toEqual(["KEY_HOLDER", "API_KEY_READ"]);
    expect(scopesOf(userOf(weaker, 2))).toEqual(["dns:*", "mail:read"]);
    const left = present((side) => {
      side.members = [];
    });
    expect(rolesOf(userOf(left, 2))).toEqual(["KEY_HOLDER"]);
    expect(plan(left).report.keptDead).toEqual([
      { kind: "user", id: 2, name: "user2", because: ["left a group"] },
    ]);
    const gone = present((side) => {
      side.groups = [];
      side.members = [];
    });
    expect([plan(gone).groups, rolesOf(userOf(gone, 2))]).toEqual([[], ["KEY_HOLDER"]]);
  });

  test("settings that made something harder, and a webhook and addresses that were replaced", () => {
    const row = (name: string, value: unknown) => ({ name, value: JSON.stringify(value) });
    const backup = {
      ...BACKUP,
      settings: [
        row("insecureTransport", "allow"),
        row("webhookUrl", "https://old.example/x"),
        row("publicUrl", "https://old.example"),
        row("clientCertificate", "X-Old"),
      ],
    };
    const side = {
      ...BACKUP,
      settings: [
        row("docs", "signed_in"),
        row("keyDaysMax", 30),
        row("nonExpiringKeys", false),
        row("publicUrl", "https://new.example"),
      ],
    };
    const { settings } = planRestore(backup, side, { relation: "after", now: NOW });
    const value = (name: string) => JSON.parse(settings.find((one) => one.name === name)?.value ?? '"none"');
    expect(["insecureTransport", "docs", "keyDaysMax", "nonExpiringKeys", "webhookUrl"].map(value)).toEqual([
      ...["refuse", "signed_in", 30, false, null],
    ]);
    expect(["publicUrl", "clientCertificate"].map(value)).toEqual(["https://new.example", null]);
  });

  test("no right is ever more than it is now, whatever both have", () => {
    const lists: Role[][] = [[], ["KEY_HOLDER"], ["API_KEY_WRITE"], ["READONLY_ADMIN"], ["FULL_ADMIN"]];
    const scopes = [[], ["dns:read"], ["dns:*"], ["*"], ["*:read", "mail:send"]];
    for (const was of lists)
      for (const is of lists)
        for (const [place, had] of scopes.entries()) {
          const has = scopes[(place + 2) % scopes.length]!;
          const backup = {
            ...BACKUP,
            users: [user(1, { roles: JSON.stringify(was), scopes: JSON.stringify(had) })],
          };
          const side = {
            ...BACKUP,
            users: [user(1, { roles: JSON.stringify(is), scopes: JSON.stringify(has) })],
          };
          const bare = { keys: [], secrets: [], members: [], groups: [] };
          const result = planRestore(
            { ...backup, ...bare },
            { ...side, ...bare },
            { relation: "after", now: NOW },
          );
          const [after] = result.users;
          const now = rightsOf(is, has);
          const then = rightsOf(rolesOf(after), scopesOf(after));
          expect([was, is, had, has, coversRights(now, then)]).toEqual([was, is, had, has, true]);
          expect(coversRights(rightsOf(was, had), then)).toBe(true);
        }
  });
});

describe("what comes back", () => {
  test("is what was changed, under versions beyond both", () => {
    const side = keyed(2, { name: "renamed", description: "by mistake", tags: '["x"]' });
    expect(keyOf(side, 2)).toMatchObject({ name: "key2", description: "", tags: "[]", version: 6 });
    expect(plan(side).report.changed).toEqual([
      { kind: "key", id: 2, name: "key2", fields: ["name", "description", "tags"] },
    ]);
  });

  test("is everything where there is no database, and all of it is named", () => {
    const { users, keys, secrets, report } = plan(undefined, "none");
    expect([users.length, keys.length, secrets.length]).toEqual([2, 2, 2]);
    expect(report.revived.map(({ name }) => name)).toEqual(["user1", "user2", "key1", "key2"]);
    expect(report).toMatchObject({ goodKeys: 2, administrators: 1, keptDead: [], gone: [] });
  });

  test("is the backup as it is where it goes on from the database", () => {
    const side = keyed(2, { paused_at: 5 });
    expect(keyOf(side, 2, "before")).toMatchObject({ paused_at: null });
    const fewer = present((is) => {
      is.keys = [];
      is.secrets = [];
    });
    expect(plan(fewer, "before").keys.length).toBe(2);
  });

  test("is a key that the database never gave a number to, where both went on apart", () => {
    const side = present((is) => {
      is.keys = is.keys.filter(({ id }) => id !== 2);
      is.numbers = { ...is.numbers, key_ids: 1 };
    });
    expect(plan(side, "apart").keys.map(({ id }) => id)).toEqual([1, 2]);
  });

  test("is the backup's key where both gave its number to different ones", () => {
    const side = keyed(2, { created_at: 77, name: "another", revoked_at: LATER });
    expect(keyOf(side, 2, "apart")).toMatchObject({ name: "key2", created_at: 2, revoked_at: null });
  });

  test("is not what was made since, which is named", () => {
    const side = present((is) => {
      is.users = [...is.users, user(3)];
      is.keys = [...is.keys, key(3, { user_id: 3 })];
      is.groups = [...is.groups, group(2)];
    });
    expect(plan(side).report.gone.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      ...["user user3", "group group2", "key key3"],
    ]);
  });

  test("a key that was resumed or made good again since is as dead as it was", () => {
    const backup = { ...BACKUP, keys: [key(1, { revoked_at: 3, revoked_reason: "then" })] };
    const result = planRestore(backup, BACKUP, { relation: "after", now: NOW });
    expect(result.keys[0]).toMatchObject({ revoked_at: 3, revoked_reason: "then" });
  });
});
