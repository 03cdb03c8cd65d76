import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Installation, install } from "./chatelaine.ts";

let here: Installation;

beforeAll(async () => {
  here = await install();
});
afterAll(() => here?.remove());

const PASSWORD = "correct horse battery";

test("a user is made with roles, name, mail address and a password from standard input", async () => {
  const args = [
    "user",
    "create",
    "ada",
    "--role",
    "API_KEY_READ",
    "KEY_HOLDER",
    "--full-name",
    "Ada L.",
    "--email",
    "ada@example.org",
  ];
  const made = await here.json([...args, "--password-stdin"], { stdin: `${PASSWORD}\n` });
  expect(made).toMatchObject({
    username: "ada",
    full_name: "Ada L.",
    email: "ada@example.org",
    roles: ["API_KEY_READ", "KEY_HOLDER"],
    locked: false,
    has_password: true,
    groups: [],
    key_ids: [],
  });
  expect(await here.json(["user", "show", "ada"])).toEqual(made);
});

test("without --password-stdin a user has no password, and standard input is left alone", async () => {
  const made = await here.json(["user", "create", "silent", "--role", "KEY_HOLDER"], { stdin: PASSWORD });
  expect(made).toMatchObject({ username: "silent", has_password: false });
  expect(
    await here.json(["user", "set-password", "silent", "--password-stdin"], { stdin: PASSWORD }),
  ).toMatchObject({ has_password: true });
});

test("a refused user is told one fault a line, each with its field", async () => {
  const short = await here.run(["user", "create", "eve", "--role", "KEY_HOLDER", "--password-stdin"], {
    stdin: "short",
  });
  expect(short).toMatchObject({ code: 1, stdout: "" });
  expect(short.stderr).toMatch(/^chatelaine: password: .+\n$/);
  const many = await here.run(
    ["user", "create", "1eve", "--role", "KEY_HOLDER", "--email", "no address", "--password-stdin"],
    { stdin: "" },
  );
  expect(many.code).toBe(1);
  expect(many.stderr.trimEnd().split("\n").length).toBeGreaterThan(1);
  const taken = await here.run(["user", "create", "root", "--role", "KEY_HOLDER"]);
  expect(taken).toMatchObject({ code: 1, stdout: "" });
  const binary = await here.run(["user", "create", "bin", "--role", "KEY_HOLDER", "--password-stdin"], {
    stdin: new Uint8Array([0xff, 0xfe, 0xfd]),
  });
  expect(binary).toMatchObject({ code: 2, stdout: "", stderr: "chatelaine: Standard input is not UTF-8.\n" });
});

test("users are locked and unlocked, get other roles, and go with their keys", async () => {
  await here.json(["user", "create", "temp", "--role", "KEY_HOLDER"]);
  const { id } = await here.json(["key", "create", "--user", "temp", "--name", "temp's"]);
  expect(await here.json(["user", "lock", "temp"])).toMatchObject({
    locked: true,
    locked_at: expect.any(String),
  });
  expect(await here.json(["user", "unlock", "temp"])).toMatchObject({ locked: false, locked_at: null });
  expect(await here.json(["user", "set-roles", "temp", "READONLY_ADMIN", "KEY_HOLDER"])).toMatchObject({
    roles: ["READONLY_ADMIN", "KEY_HOLDER"],
  });
  const gone = await here.run(["user", "delete", "temp"]);
  expect(gone).toMatchObject({ code: 0, stdout: "", stderr: `Deleted temp, and with it the keys ${id}.\n` });
  expect((await here.run(["key", "show", String(id)])).code).toBe(1);
  expect((await here.run(["user", "show", "temp"])).code).toBe(1);
});

test("the last full administrator stays one, unlocked", async () => {
  for (const args of [
    ["lock", "root"],
    ["delete", "root"],
    ["set-roles", "root", "KEY_HOLDER"],
  ]) {
    const { code, stdout, stderr } = await here.run(["user", ...args]);
    expect({ args, code, stdout }).toEqual({ args, code: 1, stdout: "" });
    expect(stderr).toMatch(/^chatelaine: .+\n$/);
  }
});

test("users are listed by name, as a table or as JSON", async () => {
  const users = await here.json<{ username: string }[]>(["user", "list"]);
  expect(users.map(({ username }) => username)).toEqual(users.map(({ username }) => username).toSorted());
  expect((await here.run(["user", "list"])).stdout).toMatch(/^ID +NAME +ROLES +GROUPS +KEYS +LOCKED\n/);
});

test("a group gives its roles and scopes to its members", async () => {
  await here.json(["user", "create", "member", "--role", "KEY_HOLDER"]);
  expect(
    await here.json([
      "group",
      "create",
      "dns",
      "--role",
      "API_KEY_READ",
      "--scope",
      "dns:read",
      "--scope",
      "dns:write",
    ]),
  ).toMatchObject({
    name: "dns",
    roles: ["API_KEY_READ"],
    scopes: ["dns:read", "dns:write"],
    members: [],
  });
  expect(await here.json(["group", "add", "dns", "member"])).toMatchObject({ members: ["member"] });
  expect(await here.json(["user", "show", "member"])).toMatchObject({
    groups: ["dns"],
    roles: ["KEY_HOLDER"],
    all_roles: expect.arrayContaining(["API_KEY_READ", "KEY_HOLDER"]),
    all_scopes: expect.arrayContaining(["dns:read", "dns:write"]),
  });
  expect(
    await here.json(["group", "edit", "dns", "--name", "names", "--no-roles", "--scope", "dns:read"]),
  ).toMatchObject({ name: "names", roles: [], scopes: ["dns:read"] });
  expect(await here.json<object[]>(["group", "list"])).toHaveLength(1);
  expect((await here.run(["group", "list"])).stdout).toMatch(
    /^ID +NAME +ROLES +SCOPES +MEMBERS\n\d+ +names +- +dns:read +member\n$/,
  );
  expect(await here.json(["group", "remove", "names", "member"])).toMatchObject({ members: [] });
  expect((await here.run(["group", "delete", "names"])).code).toBe(0);
  expect((await here.run(["group", "delete", "names"])).code).toBe(1);
  expect((await here.run(["group", "create", "bad", "--scope", "no scope"])).code).toBe(1);
});

test("settings are shown and set by their names", async () => {
  expect(await here.json(["settings", "show"])).toMatchObject({
    insecure_transport: "refuse",
    insecure_transport_dialect: "close",
  });
  expect(await here.json(["settings", "set", "insecure_transport_dialect", "refuse"])).toMatchObject({
    insecure_transport_dialect: "refuse",
  });
  expect((await here.run(["settings", "show"])).stdout).toMatch(/^insecure_transport_dialect +refuse$/m);
  expect(await here.run(["settings", "set", "insecure_transport", "maybe"])).toMatchObject({
    code: 1,
    stdout: "",
  });
  expect(await here.json(["settings", "set", "key_days_max", "365"])).toMatchObject({ key_days_max: 365 });
  expect(
    await here.json(["settings", "set", "non_expiring_roles", "FULL_ADMIN,API_KEY_WRITE"]),
  ).toMatchObject({
    non_expiring_roles: ["FULL_ADMIN", "API_KEY_WRITE"],
  });
  expect(await here.json(["settings", "set", "key_days_max", "none"])).toMatchObject({ key_days_max: null });
  const secret = await here.run(["settings", "set", "webhook_secret", "a secret in the arguments"]);
  expect([secret.code, secret.stdout]).toEqual([2, ""]);
  const unknown = await here.run(["settings", "set", "nothing", "refuse"]);
  expect(unknown).toMatchObject({ code: 2, stdout: "" });
  expect(unknown.stderr).toContain("insecure_transport");
});
