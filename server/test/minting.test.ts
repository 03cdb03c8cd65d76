/**
 * Who may mint what (R32): every narrowing of a maker x every way to make or widen a credential x both doors. What is
 * expected stands in `minting.txt`, a mark for each maker; `WRITE_MINTING=1` writes it, for a person to read the
 * difference. What was done is proved not to be wider than its maker, by using it.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { operationList } from "@chatelaine/contract/operations/operations";
import { FACTS } from "../src/truenas/results.ts";
import { ACTS, COMMON, type MintingAct } from "./minting-acts.ts";
import { HOUR_MS, MAKERS } from "./minting-makers.ts";
import { MintingWorld } from "./minting-world.ts";
import { SYSTEM } from "./rest-app.ts";

const FILE = join(import.meta.dir, "minting.txt");
const HEAD = `What each maker is answered. The columns, in pairs for keys, where the second may manage sign-in:
${MAKERS.filter((name) => !name.endsWith("*")).join(", ")}.
+ done, - forbidden, r role missing, i invalid, c conflict.
`;

/** Neither makes nor widens a credential: what reads, ends, takes away or keeps words. */
const MINTS_NOTHING = new Set([
  ...["alerts.list", "webhook.test", "webhook.deliveries", "roles.list", "settings.get"],
  ...[
    "audit.list",
    "audit.get",
    "audit.export",
    "events.stream",
    "decisions.get",
    "keys.verify",
    "setup.get",
  ],
  ...["keys.list", "keys.mine", "keys.get", "keys.clients", "keys.use", "keys.scram", "self.get"],
  ...["keys.pause", "keys.revoke", "keys.revokeMany", "keys.remove", "self.revoke"],
  ...["users.list", "users.get", "users.lock", "users.remove", "me.setAttribute"],
  ...["groups.list", "groups.get", "groups.remove", "groups.removeMember"],
  ...["session.get", "session.remove", "sessions.list", "sessions.remove", "sessions.removeOthers"],
  // Signs in with a password that its holder has: `clear-text.test.ts`, `sign-in.test.ts`.
  ...["session.create", "auth.login_ex", "auth.login_ex_continue", "auth.login", "auth.login_with_api_key"],
  ...["auth.login_with_token", "auth.mechanism_choices", "auth.logout", "auth.me", "auth.set_attribute"],
  ...["auth.generate_onetime_password", "auth.twofactor.config", "auth.twofactor.update"],
  ...["auth.sessions", "auth.terminate_session", "auth.terminate_other_sessions"],
  ...[
    "api_key.query",
    "api_key.get_instance",
    "api_key.my_keys",
    "api_key.delete",
    "api_key.convert_raw_key",
  ],
  ...["user.query", "user.get_instance", "user.delete", "privilege.roles", "audit.query", "alert.list"],
  ...["core.ping", "core.set_options", "core.subscribe", "core.unsubscribe", "core.get_jobs"],
  ...["core.get_methods", "core.get_services"],
]);

const committed = new Map(
  readFileSync(FILE, "utf8")
    .split("\n")
    .map((line) => /^([-+ric ]{30,}) {2}(\S+: .*)$/.exec(line))
    .filter((found) => found !== null)
    .map(([, marks, name]) => [name, marks]),
);
const found = new Map<string, string>();

let world: MintingWorld;
beforeAll(async () => {
  world = await MintingWorld.open();
  await world.rest.app.groups.create(SYSTEM, { name: COMMON, roles: [], scopes: [] });
}, 60_000);
afterAll(() => world.close(), 60_000);

function nameOf({ of, words }: MintingAct): string {
  return `${of}: ${words}`;
}

/** In pairs for keys, the sessions together. */
function rowOf(marks: readonly string[]): string {
  const ends = MAKERS.map((name, at) => (name.endsWith("*") && marks[at + 1] !== undefined ? " " : ""));
  return marks.map((mark, at) => `${mark}${ends[at]}`).join("");
}

describe("who may mint what", () => {
  for (const act of ACTS) {
    test(`${nameOf(act)} is answered to each maker as committed`, async () => {
      const marks: string[] = [];
      for (const name of MAKERS) marks.push(await act.run(world, await world.makers.get(name)));
      const row = rowOf(marks);
      found.set(nameOf(act), row);
      if (!process.env.WRITE_MINTING) expect(row).toBe(committed.get(nameOf(act)) ?? "no row");
    }, 120_000);
  }

  test("is written down for every operation and method that there is, and for no other", () => {
    if (process.env.WRITE_MINTING) {
      const rows = [...found].map(([name, row]) => `${row}  ${name}\n`);
      writeFileSync(FILE, `${HEAD}\n${rows.join("")}`);
    } else expect([...committed.keys()]).toEqual(ACTS.map(nameOf));
    const known = [...new Set(ACTS.map(({ of }) => of)), ...MINTS_NOTHING].sort();
    expect(known).toEqual([...operationList.map(({ name }) => name), ...Object.keys(FACTS)].sort());
  });

  test("and what was made is dead once its maker would be", async () => {
    expect(world.mortal.length).toBeGreaterThan(0);
    const ends = [...new Set(world.mortal.map(({ endsAt }) => endsAt))].sort((a, b) => a - b);
    for (const endsAt of ends) {
      world.clock.advance(Math.max(0, endsAt - world.clock.now()));
      for (const { text, words } of world.mortal.filter((one) => one.endsAt === endsAt)) {
        const { valid, reason } = await world.verify({ key: text, ip: "127.0.0.1", cost: 0 });
        expect([words, valid, reason]).toEqual([words, false, "expired"]);
      }
    }
    expect(ends.length).toBeGreaterThan(1);
    expect(ends[0]).toBeLessThan(world.clock.now() - HOUR_MS);
  }, 60_000);
});
