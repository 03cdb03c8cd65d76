import { describe, expect, test } from "bun:test";
import type { Role } from "@chatelaine/contract/roles";
import { type Caller, type CallerKey, systemCaller } from "./caller.ts";
import type { UserLimits } from "./limits.ts";
import { type MintedKey, type Minting, mayMint } from "./minting.ts";
import { narrowRights, rightsOf } from "./rights.ts";
import type { User } from "./user.ts";

const NOW = Date.UTC(2030, 0, 1);
const HOUR = 3_600_000;
const FREE: CallerKey = {
  id: 1,
  name: "k",
  secret: new Uint8Array(),
  expiresAt: null,
  endsAt: null,
  allowedIps: null,
  rateLimit: null,
  roles: null,
  scopes: null,
  managesSignIn: false,
};
const LIMITS: UserLimits = { allowedIps: ["10.0.0.0/8"], rateLimit: null, lifetimeSeconds: 3_600 };

interface Who {
  readonly key?: Partial<CallerKey>;
  readonly roles?: readonly Role[];
  readonly ceilings?: UserLimits | null;
}

/** The user 1, who has all roles unless it is said otherwise. */
function caller({ key, roles = ["FULL_ADMIN"], ceilings = null }: Who): Caller {
  const mine = key && { ...FREE, endsAt: key.expiresAt ?? null, ...key };
  const rights = narrowRights(rightsOf(roles, []), mine?.roles ?? null, mine?.scopes ?? null);
  const who = { ...systemCaller("command_line"), userId: 1, username: "ada", ceilings, ...rights };
  return { ...who, kind: mine ? "key" : "user", key: mine ?? null };
}

function key(more: Partial<MintedKey> = {}, owner: Partial<MintedKey["owner"]> = {}): MintedKey {
  const { id: _id, name: _name, secret: _secret, endsAt: _endsAt, ...free } = FREE;
  const life = { createdAt: NOW, resetAt: null };
  return {
    ...free,
    ...life,
    userId: 1,
    owner: { roles: ["FULL_ADMIN"], scopes: [], ceilings: null, ...owner },
    ...more,
  };
}

function user(more: Partial<User> = {}): User {
  const granted = { roles: ["KEY_HOLDER"], allRoles: ["KEY_HOLDER"], scopes: [], allScopes: [] } as const;
  const empty = { groups: [], lockedAt: null, hasPassword: false, passwordChangedAt: null, attributes: {} };
  const names = { id: 2, username: "eve", fullName: "", email: null };
  return { ...names, ...granted, ...empty, createdAt: NOW, keyIds: [], ceilings: null, version: 1, ...more };
}

const makes = (after: MintedKey): Minting => ({ what: "key", after });
const changes = (before: User, after: User): Minting => ({ what: "user", before, after, password: "keeps" });

describe("a key that makes a key", () => {
  const ACCOUNTS: readonly Role[] = ["ACCOUNT_WRITE", "API_KEY_WRITE"];
  test.each<[string, Who, MintedKey, boolean]>([
    ["without limits makes any", { key: {} }, key(), true],
    ["with an end makes none without", { key: { expiresAt: NOW + HOUR } }, key(), false],
    [
      "with an end makes one that ends then",
      { key: { expiresAt: NOW + HOUR } },
      key({ expiresAt: NOW + HOUR }),
      true,
    ],
    [
      "with an end makes none that ends later",
      { key: { expiresAt: NOW + HOUR } },
      key({ expiresAt: NOW + HOUR + 1 }),
      false,
    ],
    [
      "with an end that manages sign-in makes one that ends by its user's limits",
      { key: { expiresAt: NOW + 2 * HOUR, managesSignIn: true } },
      key({ userId: 2 }, { ceilings: LIMITS }),
      true,
    ],
    [
      "with a rate makes none",
      { key: { rateLimit: { limit: 5, windowSeconds: 60 } } },
      key({ rateLimit: { limit: 1, windowSeconds: 60 } }),
      false,
    ],
    [
      "with addresses makes none elsewhere",
      { key: { allowedIps: ["10.0.0.0/8"] } },
      key({ allowedIps: ["10.0.0.0/7"] }),
      false,
    ],
    [
      "with addresses makes one within",
      { key: { allowedIps: ["10.0.0.0/8"] } },
      key({ allowedIps: ["10.1.0.0/16"] }),
      true,
    ],
    // The same rights today; tomorrow the user may get others.
    [
      "with a list of all roles of its user makes none without a list",
      { roles: ACCOUNTS, key: { roles: ACCOUNTS } },
      key({}, { roles: ACCOUNTS }),
      false,
    ],
    [
      "with a list that manages sign-in makes no key of another that would set passwords",
      { key: { roles: ACCOUNTS, managesSignIn: true } },
      key({ userId: 2 }, { roles: ["ACCOUNT_WRITE"] }),
      false,
    ],
    [
      "with a list that manages sign-in makes one of another that would not",
      { key: { roles: ACCOUNTS, managesSignIn: true } },
      key({ userId: 2 }, { roles: ["KEY_HOLDER"] }),
      true,
    ],
    // It would be that other to every service.
    [
      "with a list makes none of another",
      { key: { roles: ACCOUNTS } },
      key({ userId: 2, roles: [] }, { roles: ["KEY_HOLDER"] }),
      false,
    ],
    ["without limits makes one of another", { key: {} }, key({ userId: 2 }, { roles: ["KEY_HOLDER"] }), true],
    [
      "that manages sign-in does not pass it on",
      { key: { managesSignIn: true } },
      key({ managesSignIn: true }),
      false,
    ],
    [
      "of a user under limits makes none of one without",
      { key: { expiresAt: NOW }, ceilings: LIMITS },
      key({ userId: 2, expiresAt: NOW }),
      false,
    ],
  ])("%s", (_, who, made, isAllowed) => {
    expect(mayMint(caller(who), makes(made))).toBe(isAllowed);
  });

  test("gives the leave to manage sign-in to none, and a full administrator's session to any", () => {
    const wanted: Minting = {
      what: "key",
      before: key({ id: 7 }),
      after: key({ id: 7, managesSignIn: true }),
    };
    expect(mayMint(caller({ key: {} }), wanted)).toBe(false);
    expect(mayMint(caller({ roles: ["ACCOUNT_WRITE", "API_KEY_WRITE"] }), wanted)).toBe(false);
    expect(mayMint(caller({}), wanted)).toBe(true);
    expect(mayMint(systemCaller("command_line"), wanted)).toBe(true);
  });

  test("that manages sign-in is changed by itself and by people, by no other key", () => {
    const standing = key({ id: 7, managesSignIn: true });
    const wanted: Minting = { what: "key", before: standing, after: standing };
    expect(mayMint(caller({ key: { managesSignIn: true } }), wanted)).toBe(false);
    expect(mayMint(caller({ key: { id: 7, managesSignIn: true } }), wanted)).toBe(true);
    expect(mayMint(caller({}), wanted)).toBe(true);
  });
});

describe("a key that is held to anything", () => {
  const HELD: readonly (readonly [string, Partial<CallerKey>])[] = [
    ["an end", { expiresAt: NOW + HOUR }],
    ["addresses", { allowedIps: ["10.0.0.0/8"] }],
    ["a rate", { rateLimit: { limit: 5, windowSeconds: 60 } }],
    ["roles", { roles: ["ACCOUNT_WRITE", "API_KEY_WRITE"] }],
  ];
  const person = user({ hasPassword: true });
  const more = { roles: ["KEY_HOLDER", "ACCOUNT_READ"], allRoles: ["KEY_HOLDER", "ACCOUNT_READ"] } as const;
  const GIFTS: readonly (readonly [string, Minting])[] = [
    ["sets a password", { what: "user", before: user(), after: user(), password: "sets" }],
    ["makes a user with one", { what: "user", after: person, password: "sets" }],
    ["gives a role", changes(person, { ...person, ...more })],
    ["gives a role to one with a key", changes(user({ keyIds: [9] }), user({ keyIds: [9], ...more }))],
    [
      "gives for good the role that a group gives",
      changes(
        { ...person, groups: ["ops"], ...more, roles: ["KEY_HOLDER"] },
        { ...person, groups: ["ops"], ...more },
      ),
    ],
    ["gives a group", changes(person, { ...person, groups: ["ops"] })],
    [
      "gives a name with the password taken away",
      changes(person, { ...person, username: "root", hasPassword: false }),
    ],
    ["takes a lock off", changes({ ...person, lockedAt: NOW }, person)],
    ["gives a name", changes(person, { ...person, username: "root" })],
    ["gives an address", changes(person, { ...person, email: "root@example.org" })],
    ["lifts limits", changes({ ...person, ceilings: LIMITS }, person)],
    [
      "gives a group's members a role",
      {
        what: "group",
        before: { name: "ops", roles: [], scopes: [] },
        after: { name: "ops", roles: ["ACCOUNT_READ"], scopes: [] },
        members: [{ canSignIn: true, ceilings: null }],
      },
    ],
  ];

  for (const [limit, held] of HELD) {
    test.each(GIFTS)(`such as ${limit}, %s only where it manages sign-in`, (_, gift) => {
      expect(mayMint(caller({ key: held }), gift)).toBe(false);
      expect(mayMint(caller({ key: { ...held, managesSignIn: true } }), gift)).toBe(true);
      expect(mayMint(caller({ key: {} }), gift)).toBe(true);
    });
  }

  test("gives for good no scope that a full administrator has only as such", () => {
    const held = caller({ key: { expiresAt: NOW + HOUR } });
    const full = { roles: ["FULL_ADMIN"], allRoles: ["FULL_ADMIN"] } as const;
    const every = { scopes: ["*"], allScopes: ["*"] } as const;
    const chief = { ...person, ...full };
    expect(mayMint(held, changes(chief, { ...chief, ...every }))).toBe(false);
    expect(mayMint(held, changes({ ...chief, ...every }, { ...chief, ...every }))).toBe(true);
    expect(mayMint(held, changes(chief, person))).toBe(true);
    const group = { name: "ops", roles: ["FULL_ADMIN"], scopes: [] } as const;
    const members = [{ canSignIn: true, ceilings: null }];
    const widened: Minting = { what: "group", before: group, after: { ...group, scopes: ["*"] }, members };
    expect(mayMint(held, widened)).toBe(false);
    expect(mayMint(caller({ key: {} }), widened)).toBe(true);
  });

  test("gives to those who have no way in, and takes from everybody", () => {
    const held = caller({ key: { expiresAt: NOW + HOUR } });
    expect(mayMint(held, changes(user(), user(more)))).toBe(true);
    expect(mayMint(held, { what: "user", after: user(), password: "keeps" })).toBe(true);
    expect(mayMint(held, changes({ ...person, ...more }, person))).toBe(true);
    expect(mayMint(held, changes(person, { ...person, lockedAt: NOW }))).toBe(true);
    expect(mayMint(held, { what: "user", before: person, password: "keeps" })).toBe(true);
  });

  test("is not freed by rights that its user loses, nor held by lists of everything", () => {
    const sets: Minting = { what: "user", before: user(), after: user(), password: "sets" };
    const listed = { roles: ["ACCOUNT_WRITE", "KEY_HOLDER"] } as const;
    expect(mayMint(caller({ ...listed, key: listed }), sets)).toBe(false);
    expect(mayMint(caller({ key: { roles: ["FULL_ADMIN"], scopes: ["*"] } }), sets)).toBe(true);
  });
});

describe("a user's own password and limits", () => {
  const own = user({ id: 1, hasPassword: true });
  test("the password is changed by a person who has just proved it, and by no key", () => {
    const sets: Minting = { what: "user", before: own, after: own, password: "sets" };
    expect(mayMint(caller({}), sets)).toBe(false);
    expect(mayMint(caller({}), { ...sets, isProven: true })).toBe(true);
    expect(mayMint(caller({ key: {} }), { ...sets, isProven: true })).toBe(false);
    expect(mayMint(caller({}), { ...sets, password: "takes_away" })).toBe(false);
  });

  test("nobody sets their own limits, and a user under limits widens none and acts for none who is held to less", () => {
    const limited = caller({ ceilings: LIMITS });
    const held = user({ ceilings: LIMITS });
    expect(mayMint(caller({}), { ...changes(own, own), setsLimits: true } as Minting)).toBe(false);
    expect(mayMint(limited, { ...changes(held, user()), setsLimits: true } as Minting)).toBe(false);
    expect(mayMint(limited, { what: "user", before: user(), after: user(), password: "sets" })).toBe(false);
    expect(mayMint(limited, { what: "user", before: held, after: held, password: "sets" })).toBe(true);
    expect(mayMint(limited, { what: "user", after: user(), password: "keeps" })).toBe(false);
    expect(mayMint(limited, { what: "user", after: held, password: "keeps" })).toBe(true);
    expect(mayMint(limited, makes(key({ userId: 2 })))).toBe(false);
  });
});

test("a setup link is made by the machine alone", () => {
  expect(mayMint(systemCaller("setup_link"), { what: "setup_link" })).toBe(true);
  expect(mayMint(caller({}), { what: "setup_link" })).toBe(false);
});
