/** Promise 9: a data folder of schema version 8 (`fixtures/data-schema-8`) opens in today's code, whole. */
import { expect, test } from "bun:test";
import known from "./fixtures/data-schema-8/known.json";
import { SYSTEM } from "./installation.ts";
import { placeFixture, SCHEMA_8 } from "./old-folder.ts";
import { auth, RestoredPlace } from "./place.ts";

const NAMES = [
  "good",
  "of-root",
  "Straße",
  "narrowed",
  "ends-in-2099",
  "expired",
  "paused",
  "revoked",
  "reset",
];

test("a data folder of schema version 8 opens with everything in it, and is searched by its words", async () => {
  await using place = new RestoredPlace();
  placeFixture(place, SCHEMA_8);
  const server = await place.serve();
  const url = server.urls[0]!;
  const answers: Record<string, boolean> = {};
  for (const [name, { text }] of Object.entries(known.keys)) answers[name] = (await auth(url, text)) === 200;
  expect(answers).toEqual({
    ...{ good: true, "of-root": true, Straße: true, "ends-in-2099": true, reset: true },
    // From here it is not in the network that it is held to.
    narrowed: false,
    ...{
      expired: false,
      paused: false,
      revoked: false,
      "before-reset": false,
      deleted: false,
      "of-locked": false,
    },
  });
  const { keys, users, groups, audit } = server.app;
  const { rows } = await keys.list(SYSTEM, {});
  expect(rows.map(({ name }) => name).sort()).toEqual([...NAMES, "of-locked"].sort());
  expect(await keys.get(SYSTEM, known.keys.Straße.id)).toMatchObject({
    description: "Ärger im İstanbul\nzweite Zeile",
    tags: ["Größe", "back\\slash", 'quo"te'],
    username: "ada",
  });
  expect((await groups.get(SYSTEM, "Ops")).members).toEqual(["zoe"]);
  expect((await users.list(SYSTEM, {})).rows.map(({ username }) => username)).toEqual([
    "root",
    "ada",
    "zoe",
    "locked",
  ]);
  expect((await audit.list(SYSTEM, {})).rows.length).toBeGreaterThan(20);

  const signIn = await fetch(`${url}/api/v1/session`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Origin: url },
    body: JSON.stringify({ username: "root", password: known.password }),
  });
  expect(signIn.status).toBe(200);
  const cookie = signIn.headers.get("set-cookie")!.split(";")[0]!;
  const search = async (what: string, q: string): Promise<string[]> => {
    const answer = await fetch(`${url}/api/v1/${what}?q=${encodeURIComponent(q)}`, {
      headers: { Cookie: cookie },
    });
    const { entries } = (await answer.json()) as { entries: { name?: string; username: string }[] };
    return entries.map(({ name, username }) => name ?? username).sort();
  };
  for (const word of ["STRASSE", "straße", "İSTANBUL", "grösse", "back\\", 'o"t', "ZWEITE"])
    expect(`${word}: ${await search("keys", word)}`).toBe(`${word}: Straße`);
  expect(await search("keys", "istanbul")).toEqual([]);
  expect(await search("keys", "plain EU")).toEqual(["good"]);
  expect(await search("users", "GROSSMANN")).toEqual(["zoe"]);
  expect(await search("users", "gROßMANN")).toEqual(["zoe"]);
  expect(await search("users", "LOVE")).toEqual(["ada"]);

  const made = await keys.create(SYSTEM, { name: "after", username: "ada" });
  expect(made.key.id).toBeGreaterThan(known.keys["of-locked"].id);
  expect(await auth(url, made.secret.text)).toBe(200);
  expect(await search("keys", "AFTER")).toEqual(["after"]);
}, 120_000);
