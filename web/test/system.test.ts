/** Audit, system settings and the webhook, as an administrator meets them. */
import { Database } from "bun:sqlite";
import { beforeAll, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RpcClient } from "../../server/test/rpc-client.ts";
import { closeAfter } from "./close-after.ts";
import { button, chooseAction, dialog, field } from "./page.ts";
import { addKey, addUser, openScreens, type Screens } from "./screens.ts";

const SECRET = "a secret of sixteen or more";
let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  await addUser(screens, "grace", "READONLY_ADMIN");
});

closeAfter(() => screens);

test("the webhook is set, tested against a real receiver, and its deliveries are shown", async () => {
  const got: { body: string; headers: Headers }[] = [];
  using receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (req) => {
      got.push({ body: await req.text(), headers: req.headers });
      return new Response(null, { status: 204 });
    },
  });
  const page = await screens.open("ada", "/system");
  const card = page.getByRole("group", { name: "Webhook for alerts" });
  await field(card, "Webhook address").fill(`http://127.0.0.1:${receiver.port}/alerts`);
  await field(card, "Secret").fill(SECRET);
  await button(card, "Save").click();
  await page.getByText("Settings saved.").waitFor();
  await card.getByText("There is one. Type another to replace it.").waitFor();
  expect(await field(card, "Secret").inputValue()).toBe("");
  await button(page, "Send Test").click();
  await page.getByText("The receiver took the test message.").waitFor();
  const list = page.getByRole("table", { name: "Webhook deliveries" });
  await list.getByRole("row").filter({ hasText: "Test" }).getByText("Delivered").waitFor();
  const [sent] = got;
  expect(JSON.parse(sent?.body ?? "")).toMatchObject({ type: "test" });
  const signed = `${sent?.headers.get("Chatelaine-Timestamp")}.${sent?.body}`;
  const mac = createHmac("sha256", SECRET).update(signed).digest("hex");
  expect(sent?.headers.get("Chatelaine-Signature")).toBe(`v1=${mac}`);
});

test("a receiver that refuses is told as what it is", async () => {
  using receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response("no", { status: 500 }),
  });
  await screens.local.settings.change(screens.local.caller, {
    webhookUrl: `http://127.0.0.1:${receiver.port}/`,
  });
  const page = await screens.open("ada", "/system");
  await button(page, "Send Test").click();
  await page.getByText("The receiver did not take the test message").waitFor();
});

test("refusals of strangers that are alike are one entry, which says how many there were", async () => {
  const { audit } = screens.local;
  const refused = { event: "AUTHENTICATION", action: "API_KEY", door: "rest", reason: "unknown" } as const;
  for (let time = 0; time < 7; time++)
    audit.refuse({ ...refused, address: "203.0.113.7" }, () => ({
      description: "Sign in by key",
      error: "Invalid API key",
      details: { reason: "unknown" },
    }));
  await audit.flush();
  const page = await screens.open("ada", "/audit?q=Invalid");
  const row = page.getByRole("row").filter({ hasText: "Refused 7 times" });
  await row.waitFor();
  await row.getByRole("button").first().click();
  const entry = dialog(page, "Sign in by key");
  expect(await entry.innerText()).toMatch(/How often\s*7 times, the last/i);
  expect(await entry.innerText()).not.toContain("lastAt");
});

test("the audit is filtered, its entries are read as differences, and what is left is exported", async () => {
  const { keys, caller } = screens.local;
  const { id } = await addKey(screens, "ada", "audited");
  await keys.update(caller, id, { name: "audited anew", rateLimit: { limit: 5, windowSeconds: 60 } });
  const page = await screens.open("ada", "/audit");
  await page.getByRole("searchbox", { name: "Search" }).fill("Update API key audited");
  const row = page.getByRole("row").filter({ hasText: "Update API key audited anew" });
  await row.waitFor();
  await page.getByRole("row").filter({ hasText: "Create API key" }).first().waitFor({ state: "detached" });
  await row.getByRole("button").first().click();
  const entry = dialog(page, "Update API key audited anew");
  expect(await entry.locator(".differences").innerText()).toMatch(
    /Name\s*audited → audited anew[\s\S]*Rate limit\s*5 uses a minute/,
  );
  await button(entry, "Close details").click();
  await entry.waitFor({ state: "detached" });
  await button(page, "Export").click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("menuitem", { name: "JSON Lines" }).click(),
  ]);
  const lines = readFileSync(await download.path(), "utf8")
    .trim()
    .split("\n");
  expect(lines.map((line) => JSON.parse(line).description)).toEqual(["Update API key audited anew"]);
});

test("refused sign-ins are an alert that leads to who tried", async () => {
  const failed = await fetch(`${screens.url}/api/v1/session`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Origin: screens.url },
    body: JSON.stringify({ username: "ada", password: "certainly not this" }),
  });
  expect(failed.status).toBe(401);
  const page = await screens.open("ada");
  await page.getByRole("button", { name: /^Alerts: / }).click();
  await page.getByText(/refused sign-in/).click();
  await page.getByRole("heading", { level: 1, name: "Audit" }).waitFor();
  await page
    .getByRole("row")
    .filter({ hasText: "Sign in by password" })
    .getByText("Refused")
    .first()
    .waitFor();
});

test("names that differ in case alone are an alert that leads to the users and ends when one is renamed", async () => {
  await using fresh = await openScreens();
  for (const [username, role] of [
    ["ada", "FULL_ADMIN"],
    ["bob", "KEY_HOLDER"],
    ["bobby", "KEY_HOLDER"],
  ] as const)
    await addUser(fresh, username, role);
  // As an older version let them be made.
  const file = new Database(join(fresh.folder, "chatelaine.db"));
  file.run("UPDATE users SET folded_name = NULL WHERE username IN ('bob', 'bobby')");
  file.run("UPDATE users SET username = 'Bob' WHERE username = 'bobby'");
  file.close();
  const page = await fresh.open("ada");
  await button(page, "Alerts: 1").click();
  await page.getByText("the users Bob and bob. Rename all but one of each.").waitFor();
  await page.getByText("Names that differ in case alone", { exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "Users" }).waitFor();
  const { users } = fresh.local;
  const { id } = await users.get(fresh.local.caller, { username: "Bob" });
  await users.update(fresh.local.caller, id, { username: "bobby" });
  await button(page, "Alerts").waitFor();
});

test("an administrator ends a session, and its page says so", async () => {
  const theirs = await screens.open("grace");
  await theirs.getByRole("heading", { level: 1, name: "User API Keys" }).waitFor();
  const page = await screens.open("ada", "/system");
  await button(page, "End session of grace").first().click();
  const ask = dialog(page, "End Session");
  await ask.getByRole("checkbox", { name: "Confirm", exact: true }).click();
  await button(ask, "End").click();
  await theirs.getByRole("heading", { name: "Your session has ended" }).waitFor();
});

test("a token that waits is among the sessions, says so, and is ended there", async () => {
  const { text } = await addKey(screens, "grace", "grace's");
  const rpc = await RpcClient.connect(screens.url);
  await rpc.signIn("grace", text);
  const page = await screens.open("ada", "/system");
  const token = await rpc.result<string>("auth.generate_token", 600, {}, false, false);
  rpc.close();
  const row = page
    .getByRole("table", { name: "Sessions" })
    .getByRole("row")
    .filter({ hasText: "token, waiting" });
  await row.getByText("Key grace's").waitFor();
  await button(row, "End token of grace").click();
  const ask = dialog(page, "End Token");
  await ask.getByRole("checkbox", { name: "Confirm", exact: true }).click();
  await button(ask, "End").click();
  await page.getByText("The token of grace has ended.").waitFor();
  await row.waitFor({ state: "detached" });
  const again = await RpcClient.connect(screens.url);
  expect(await again.result<boolean>("auth.login_with_token", token)).toBe(false);
  again.close();
});

test("a group's form puts in and takes out only whom it changed: who came or went meanwhile stays so", async () => {
  const { groups, users, caller } = screens.local;
  await groups.create(caller, { name: "shift", roles: [], scopes: [] });
  await groups.addMember(caller, { name: "shift", username: "grace" });
  const page = await screens.open("ada", "/groups");
  await chooseAction(page, "shift", "Edit");
  const panel = dialog(page, "Edit Group");
  await panel.getByText("grace", { exact: true }).waitFor();
  await groups.removeMember(caller, { name: "shift", username: "grace" });
  await groups.addMember(caller, { name: "shift", username: "ada" });
  await field(panel, "Name").fill("shift2");
  await button(panel, "Save").click();
  await panel.getByText("Changed: members.").waitFor();
  await button(panel, "Take their changes, keep mine").click();
  await button(panel, "Save").click();
  await panel.waitFor({ state: "detached" });
  const ada = await users.get(caller, { username: "ada" });
  const grace = await users.get(caller, { username: "grace" });
  expect([ada?.groups.includes("shift2"), grace?.groups.includes("shift2")]).toEqual([true, false]);
  await groups.remove(caller, "shift2");
});

test("a group is edited and deleted, and says who loses what", async () => {
  const { groups, caller } = screens.local;
  await groups.create(caller, { name: "ops", roles: [], scopes: ["dns:read"] });
  await groups.addMember(caller, { name: "ops", username: "grace" });
  const page = await screens.open("ada", "/groups");
  await chooseAction(page, "ops", "Edit");
  const panel = dialog(page, "Edit Group");
  await field(panel, "Scopes").fill("dns:write");
  await field(panel, "Scopes").press("Enter");
  await button(panel, "Save").click();
  await panel.waitFor({ state: "detached" });
  await page.getByText("dns:write").waitFor();
  await chooseAction(page, "ops", "Delete");
  const ask = dialog(page, "Delete Group");
  await ask.getByText(/and their keys lose .*dns:write.*, unless they have it in another way too/).waitFor();
  await ask.getByRole("checkbox", { name: "Confirm", exact: true }).click();
  await button(ask, "Delete").click();
  await button(page, "Actions for ops").waitFor({ state: "detached" });
});
