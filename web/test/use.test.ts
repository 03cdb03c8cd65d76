/** What issue D has on the screens: how a key is used, why it was refused, and what it is held to. */
import { beforeAll, expect, test } from "bun:test";
import { closeAfter } from "./close-after.ts";
import { button, chooseAction, dialog, field, rowOf, takeKey } from "./page.ts";
import { addKey, addUser, openScreens, type Screens } from "./screens.ts";

let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  await addUser(screens, "holder", "KEY_HOLDER");
});

closeAfter(() => screens);

/** As a reverse proxy asks. @returns the status */
async function askAuth(key: string): Promise<number> {
  const headers = {
    Authorization: `Bearer ${key}`,
    "User-Agent": "curl/8.14.1",
    "X-Forwarded-Host": "app.example",
  };
  return (await fetch(`${screens.url}/auth`, { headers })).status;
}

/** As a service asks, for whoever is at the address. @returns the number of the decision where it was refused */
async function askVerify(key: string, ip: string): Promise<string | undefined> {
  const answer = await fetch(`${screens.url}/api/v1/verify`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ key, ip }),
  });
  return ((await answer.json()) as { decision?: string }).decision;
}

test("a key's owner sees its use as a graph and as a table, and why it was refused", async () => {
  const { keys, caller } = screens.local;
  const { id, text } = await addKey(screens, "holder", "counted");
  for (let time = 0; time < 3; time++) expect(await askAuth(text)).toBe(200);
  await keys.update(caller, id, { allowedIps: ["203.0.113.0/24"] });
  const decision = (await askVerify(text, "198.51.100.7")) as string;
  const page = await screens.open("holder");
  const loaded: string[] = [];
  page.on("request", (request) => loaded.push(request.url()));
  await rowOf(page, "counted").waitFor();
  expect(loaded.filter((url) => url.includes("use-chart"))).toEqual([]);
  await page.getByRole("link", { name: "counted", exact: true }).click();
  const details = dialog(page, "counted");
  const picture = details.getByRole("img", { name: /3 allowed, 1 refused: 1 address not allowed/ });
  await picture.locator("path.recharts-rectangle").first().waitFor();
  expect(loaded.filter((url) => url.includes("use-chart"))).toHaveLength(1);
  for (const span of ["48 hours", "2 years"]) {
    await details.getByText(span, { exact: true }).click();
    await picture.locator("path.recharts-rectangle").first().waitFor();
  }
  await details.getByRole("button", { name: "Show as table", exact: true }).click();
  const row = details.getByRole("region", { name: "Requests over time" }).locator("tbody tr");
  expect((await row.allInnerTexts()).map((words) => words.split("\t").slice(1))).toEqual([
    ["3", "1", "1 address not allowed"],
  ]);
  await details.getByText("app.example", { exact: true }).waitFor();
  await details.getByText("curl/8.14.1", { exact: true }).waitFor();
  const refusal = details.getByRole("listitem").filter({ hasText: decision });
  await button(details, "Close details").click();
  await page.getByRole("searchbox", { name: "Search" }).fill(decision);
  await page.getByRole("heading", { name: "Address not allowed" }).waitFor();
  await page.getByRole("link", { name: "Open the key counted" }).click();
  expect(await refusal.innerText()).toMatch(/198\.51\.100\.7 is not in .*\n*just now from 198\.51\.100\.7/);
});

test("the number of a decision about another's key tells nothing", async () => {
  const { id, text } = await addKey(screens, "ada", "of ada");
  const { keys, caller } = screens.local;
  await keys.update(caller, id, { allowedIps: ["203.0.113.0/24"] });
  const decision = await askVerify(text, "198.51.100.7");
  const page = await screens.open("holder", `/keys?q=${decision}`);
  await page.getByRole("heading", { name: "No such decision" }).waitFor();
});

test("a key that was never used says so and loads no graph", async () => {
  const { id } = await addKey(screens, "holder", "idle");
  const page = await screens.open("holder", `/keys?key=${id}`);
  const loaded: string[] = [];
  page.on("request", (request) => loaded.push(request.url()));
  await dialog(page, "idle").getByText("No request with this key in the last 90 days").waitFor();
  expect(loaded.filter((url) => url.includes("use-chart"))).toEqual([]);
});

test("an administrator holds all keys of a user to limits, which stand wherever his keys do", async () => {
  await addUser(screens, "held", "KEY_HOLDER");
  const page = await screens.open("ada", "/users");
  await chooseAction(page, "held", "Edit");
  const panel = dialog(page, "Edit User");
  const limits = panel.getByRole("group", { name: "Limits on all keys" });
  await field(limits, "Allowed addresses").fill("10.0.0.0/99");
  await field(limits, "Allowed addresses").press("Enter");
  await field(limits, "Rate limit").fill("100");
  await field(limits, "Longest lifetime").fill("2");
  await button(panel, "Save").click();
  await panel.getByText("Expected addresses or CIDR blocks").waitFor();
  await field(limits, "Allowed addresses").press("Backspace");
  await field(limits, "Allowed addresses").fill("10.0.0.0/8");
  await field(limits, "Allowed addresses").press("Enter");
  await button(panel, "Save").click();
  await panel.waitFor({ state: "detached" });
  const { users, caller, keys } = screens.local;
  expect((await users.get(caller, { username: "held" })).ceilings).toEqual({
    allowedIps: ["10.0.0.0/8"],
    rateLimit: { limit: 100, windowSeconds: 60 },
    lifetimeSeconds: 2 * 86_400,
  });
  await page.goto(`${screens.url}/users?user=held`);
  await dialog(page, "held").getByText("Live 2 days at most", { exact: true }).waitFor();

  const theirs = await screens.open("held");
  await button(theirs, "Add").click();
  const add = dialog(theirs, "Add API Key");
  await field(add, "Name").fill("short lived");
  // A key without an end would get that one from the server: so it is shown, and none without is offered.
  const box = add.getByRole("checkbox", {
    name: "Non-expiring",
    exact: true,
    checked: false,
    disabled: true,
  });
  await box.waitFor();
  await add.getByText("Keys of held live 2 days at most.").first().waitFor();
  await field(add, "Expires at").waitFor();
  expect(await button(add, "30 days").count()).toBe(0);
  await button(add, "Save").click();
  await takeKey(theirs);
  const [made] = (await keys.list(caller, {})).rows.filter(({ name }) => name === "short lived");
  expect((made?.expiresAt as number) - (made?.createdAt as number)).toBeGreaterThan(2 * 86_400_000 - 60_000);
  await theirs.goto(`${screens.url}/keys?key=${made?.id}`);
  await dialog(theirs, "short lived").getByText("100 uses a minute, all together").waitFor();
});

test("nobody is offered to set the limits on his own keys", async () => {
  const page = await screens.open("ada", "/users");
  await chooseAction(page, "ada", "Edit");
  await field(dialog(page, "Edit User"), "Full name").waitFor();
  expect(await page.getByRole("group", { name: "Limits on all keys" }).count()).toBe(0);
});

test("a key's limits are set, shown and edited, and one set elsewhere keeps its window", async () => {
  const page = await screens.open("ada");
  await button(page, "Add").click();
  const add = dialog(page, "Add API Key");
  await field(add, "Name").fill("limited");
  await button(add, "Description, rights and limits").click();
  await add.getByRole("radio", { name: "For services only (no rights in Chatelaine)" }).click();
  await add.getByRole("checkbox", { name: "All scopes of ada" }).click();
  for (const [label, value] of [
    ["Scopes", "dns:read"],
    ["Allowed addresses", "192.0.2.0/24"],
  ] as const) {
    await field(add, label).fill(value);
    await field(add, label).press("Enter");
  }
  await field(add, "Rate limit").fill("50");
  await field(add, "Rate limit per").selectOption("an hour");
  await button(add, "Save").click();
  await takeKey(page);
  const { keys, caller } = screens.local;
  const [made] = (await keys.list(caller, {})).rows.filter(({ name }) => name === "limited");
  const { id, roles, scopes, allowedIps, rateLimit } = made as NonNullable<typeof made>;
  expect({ roles, scopes, allowedIps, rateLimit }).toEqual({
    roles: [],
    scopes: ["dns:read"],
    allowedIps: ["192.0.2.0/24"],
    rateLimit: { limit: 50, windowSeconds: 3600 },
  });
  await keys.update(caller, id, { rateLimit: { limit: 50, windowSeconds: 90 } });
  await page.goto(`${screens.url}/keys?key=${id}`);
  const details = dialog(page, "limited");
  for (const words of ["For services only, none in Chatelaine", "192.0.2.0/24", "50 uses in 90 seconds"])
    await details.getByText(words, { exact: true }).first().waitFor();
  await button(details, "Edit").click();
  const edit = dialog(page, "Edit API Key");
  await field(edit, "Rate limit").fill("60");
  await button(edit, "Save").click();
  await edit.waitFor({ state: "detached" });
  expect((await keys.get(caller, id)).rateLimit).toEqual({ limit: 60, windowSeconds: 90 });
});

test("a full administrator lets a key manage sign-in, and its row and details say so; nobody else is offered it", async () => {
  const page = await screens.open("ada");
  await addKey(screens, "ada", "for users");
  await page.reload();
  await chooseAction(page, "for users", "Edit");
  const edit = dialog(page, "Edit API Key");
  await button(edit, "Description, rights and limits").click();
  const box = edit.getByRole("checkbox", { name: "Manages sign-in", exact: true });
  await box.hover();
  const before = await box.boundingBox();
  await page.mouse.down();
  // What moved from under the mouse would take no notice of the press.
  expect(await box.boundingBox()).toEqual(before);
  await page.mouse.up();
  expect(await box.isChecked()).toBe(true);
  await button(edit, "Save").click();
  await edit.waitFor({ state: "detached" });
  const { keys, caller } = screens.local;
  const [made] = (await keys.list(caller, {})).rows.filter(({ name }) => name === "for users");
  expect(made?.managesSignIn).toBe(true);
  await rowOf(page, "for users").getByText("Manages sign-in", { exact: true }).waitFor();
  await page.goto(`${screens.url}/keys?key=${made?.id}`);
  await dialog(page, "for users")
    .getByText("Sets passwords and gives rights to users who can sign in")
    .waitFor();

  const theirs = await screens.open("holder");
  await button(theirs, "Add").click();
  const add = dialog(theirs, "Add API Key");
  await button(add, "Description, rights and limits").click();
  await field(add, "Rate limit").waitFor();
  expect(await add.getByRole("checkbox", { name: "Manages sign-in" }).count()).toBe(0);
});
