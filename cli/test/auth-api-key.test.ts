import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Installation, install } from "./chatelaine.ts";

let here: Installation;

beforeAll(async () => {
  here = await install();
  await here.json(["user", "create", "ada", "--role", "KEY_HOLDER"]);
});
afterAll(() => here?.remove());

const apiKey = (...args: string[]) => here.run(["auth", "api_key", ...args]);

test("create prints the key in the words of the TrueNAS command line", async () => {
  const made = await apiKey("create", "name=ci", "username=root", `expires_at={"$date":4070908800000}`);
  expect(made.stderr).toBe("");
  expect(made.stdout).toMatch(/^API Key: [1-9]\d*-[0-9A-Za-z]{64}\n$/);
  const [entry] = JSON.parse((await apiKey("query", "--json", "WHERE name == 'ci'")).stdout);
  expect(entry).toMatchObject({
    name: "ci",
    username: "root",
    expires_at: "2099-01-01T00:00:00.000Z",
    revoked: false,
  });
});

test("update, get_instance and delete take the id bare or by name", async () => {
  const { id, key } = await here.json(["auth", "api_key", "create", "name=first", "username=ada"]);
  expect((await apiKey("update", String(id), "name=second", "expires_at=null")).stdout).toMatch(
    /^name +second$/m,
  );
  const reset = await apiKey("update", `id=${id}`, "reset=true");
  expect(reset.stdout).toMatch(new RegExp(`^API Key: ${id}-[0-9A-Za-z]{64}\\n$`));
  expect(reset.stdout).not.toContain(String(key));
  expect((await apiKey("get_instance", `id=${id}`)).stdout).toMatch(/^username +ada$/m);
  expect((await apiKey("delete", String(id))).code).toBe(0);
  expect(await apiKey("delete", String(id))).toMatchObject({ code: 1, stdout: "" });
});

test("query shows the fields that are asked for, of the keys that match", async () => {
  await here.json(["auth", "api_key", "create", "name=a b", "username=ada"]);
  const { id } = await here.json(["auth", "api_key", "create", "name=gone", "username=ada"]);
  await here.json(["key", "revoke", String(id), "--reason", "Lost"]);
  const names = async (...words: string[]): Promise<string[]> => {
    const { stdout, stderr } = await apiKey("query", "--json", ...words);
    expect(stderr).toBe("");
    return (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name);
  };
  expect(await names()).toEqual(expect.arrayContaining(["a b", "gone"]));
  expect(await names("id,name WHERE username == 'ada'")).toEqual(["a b", "gone"]);
  expect(await names("id,name", "WHERE", "username", "==", "ada", "and", "revoked", "==", "true")).toEqual([
    "gone",
  ]);
  expect(await names("name", "where", "name", "==", "a b")).toEqual(["a b"]);
  expect(await names(`name WHERE name in ['a b', 'gone'] and not id == ${id}`)).toEqual(["a b"]);
  expect(
    await names("name WHERE name in ['gone'] and created_at > 2020-01-01 and expires_at == null"),
  ).toEqual(["gone"]);
  const { stdout } = await apiKey("query", "id,revoked_reason WHERE name == 'gone'");
  expect(stdout).toMatch(new RegExp(`^id +revoked_reason\\n${id} +Lost\\n$`));
});
