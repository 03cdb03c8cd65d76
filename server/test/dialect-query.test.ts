import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { matches } from "../src/domain/filter-match.ts";
import { parseFilters } from "../src/truenas/query-filters.ts";
import { type Folder, makeInstallation, movedClock, SYSTEM } from "./installation.ts";
import { RpcClient } from "./rpc-client.ts";

type Entry = Record<string, unknown> & { id: number };

let folder: Folder;
let rpc: RpcClient;
let keys: readonly Entry[];
let users: readonly Entry[];

beforeAll(async () => {
  folder = await makeInstallation();
  const clock = movedClock();
  const server = await folder.serve({}, { clock });
  const { app } = server;
  await app.groups.create(SYSTEM, { name: "ops", roles: ["API_KEY_READ"], scopes: [] });
  await app.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"], groups: ["ops"] });
  await app.users.create(SYSTEM, {
    username: "anna",
    fullName: "Anna",
    email: "anna@example.org",
    roles: ["KEY_HOLDER"],
  });
  const bert = await app.users.create(SYSTEM, {
    username: "bert",
    password: "a long and lovely password",
  });
  await app.users.lock(SYSTEM, bert.id);
  for (let at = 0; at < 12; at++) {
    const expiresAt = at % 3 === 0 ? undefined : clock.now() + at * 1e6;
    const { key } = await app.keys.create(SYSTEM, {
      name: `key ${at}`,
      username: at % 2 ? "root" : "anna",
      expiresAt,
    });
    if (at % 4 === 1) await app.keys.pause(SYSTEM, key.id);
    if (at % 5 === 1) await app.keys.revoke(SYSTEM, key.id, at === 6 ? "Paused" : "Seen in a log");
    clock.advance(1_000);
  }
  // Read by somebody for whom secrets are masked, which is how filters judge them.
  await app.users.create(SYSTEM, { username: "zoe", roles: ["READONLY_ADMIN"] });
  const { secret } = await app.keys.create(SYSTEM, { name: "zoe", username: "zoe" });
  rpc = await RpcClient.connect(server.urls[0]!);
  await rpc.signIn("zoe", secret.text);
  keys = await rpc.result<Entry[]>("api_key.query");
  users = await rpc.result<Entry[]>("user.query");
});

afterAll(() => folder[Symbol.asyncDispose]());

/** As filters judge an entry: instants are Date. */
function decoded(entry: Entry): object {
  return JSON.parse(JSON.stringify(entry), (_, value: unknown) => {
    const at = (value as { $date?: unknown } | null)?.$date;
    return typeof at === "number" ? new Date(at) : value;
  }) as object;
}

function valuesOf(entries: readonly Entry[], field: string): unknown[] {
  return entries.map((entry) =>
    field.split(".").reduce<unknown>((value, step) => (value as Entry)?.[step], entry),
  );
}

const OPERATORS = [
  "=",
  "!=",
  ">",
  ">=",
  "<",
  "<=",
  "in",
  "nin",
  "rin",
  "rnin",
  "^",
  "!^",
  "$",
  "!$",
  "~",
  "C=",
  "Cin",
];

/** A test of a field against a value that some entry has there, or against anything. */
function filterOf(entries: () => readonly Entry[], fields: readonly string[]): fc.Arbitrary<unknown[]> {
  return fc
    .tuple(
      fc.constantFrom(...fields, "nothing", "name.more"),
      fc.constantFrom(...OPERATORS),
      fc.nat(50),
      fc.boolean(),
    )
    .map(([field, op, at, isOdd]) => {
      const known = valuesOf(entries(), field);
      const odd = [null, true, false, 0, 1, "", "key", "Paused", "********", []];
      const value = isOdd ? odd[at % odd.length] : (known[at % known.length] ?? null);
      if (op === "in" || op === "nin" || op === "Cin") return [field, op, [value, null]];
      return [field, op, value];
    });
}

async function compare(method: string, entries: readonly Entry[], filters: unknown[]): Promise<void> {
  let expected: unknown;
  try {
    const condition = parseFilters(filters);
    expected = entries.filter((entry) => matches(condition, decoded(entry))).map(({ id }) => id);
  } catch {
    expect((await rpc.call(method, filters)).error?.code).toBe(-32602);
    return;
  }
  const found = await rpc.result<Entry[]>(method, filters, { select: ["id"], order_by: ["id"] });
  expect(found.map(({ id }) => id)).toEqual(expected as number[]);
}

const KEY_FIELDS = [
  "id",
  "name",
  "username",
  "user_identifier",
  "iterations",
  "salt",
  "server_key",
  "created_at",
  "expires_at",
  "local",
  "revoked",
  "revoked_reason",
];
const USER_FIELDS = [
  "id",
  "uid",
  "username",
  "full_name",
  "email",
  "locked",
  "password_disabled",
  "last_password_change",
  "roles",
  "groups",
  "api_keys",
  "group.bsdgrp_group",
  "group.bsdgrp_gid",
  "group.bsdgrp_smb",
  "home",
  "builtin",
  "sudo_commands",
];

const CASES = [
  ["api_key.query", KEY_FIELDS, () => keys],
  ["user.query", USER_FIELDS, () => users],
] as const;

for (const [method, fields, entries] of CASES) {
  test(`${method} finds exactly the entries that pass, whatever is asked`, async () => {
    const filter = filterOf(entries, fields);
    const branches = fc.array(fc.oneof(filter, fc.array(filter, { minLength: 1, maxLength: 2 })), {
      minLength: 1,
      maxLength: 3,
    });
    const filters = fc.array(
      fc.oneof(
        filter,
        branches.map((of) => ["OR", of]),
      ),
      { maxLength: 3 },
    );
    await fc.assert(
      fc.asyncProperty(filters, (asked) => compare(method, entries(), asked)),
      { numRuns: 400 },
    );
  }, 60_000);

  test(`${method} orders by every field as the entries show it`, async () => {
    for (const field of fields.filter((name) => !name.includes("."))) {
      const shown = await rpc.result<Entry[]>(method, [], { order_by: [field, "id"] });
      const reverse = await rpc.result<Entry[]>(method, [], {
        order_by: [`-${field}`, "-id"],
        offset: 1,
        limit: 3,
      });
      expect(shown.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(
        entries()
          .map(({ id }) => id)
          .toSorted((a, b) => a - b),
      );
      expect(reverse.map(({ id }) => id)).toEqual(
        shown
          .map(({ id }) => id)
          .reverse()
          .slice(1, 4),
      );
    }
  });
}

test("members that are not asked for are not read, and come in the shape that was asked for", async () => {
  const [first] = await rpc.result<Entry[]>("api_key.query", [], {
    select: ["name", ["created_at", "at"]],
    limit: 1,
  });
  expect(first).toEqual({ name: "key 0", at: keys[0]!.created_at } as never);
});
