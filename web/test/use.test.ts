/** What issue D has on the screens: how a key is used, why it was refused, and what it is held to. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { dialog, rowOf } from "./page.ts";
import { addKey, addUser, closeBrowser, openScreens, type Screens } from "./screens.ts";

let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  await addUser(screens, "holder", "KEY_HOLDER");
});

afterAll(async () => {
  await screens[Symbol.asyncDispose]();
  await closeBrowser();
});

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
  expect(await refusal.innerText()).toMatch(/198\.51\.100\.7 is not in .*\n*just now from 198\.51\.100\.7/);
});

test("a key that was never used says so and loads no graph", async () => {
  const { id } = await addKey(screens, "holder", "idle");
  const page = await screens.open("holder", `/keys?key=${id}`);
  const loaded: string[] = [];
  page.on("request", (request) => loaded.push(request.url()));
  await dialog(page, "idle").getByText("Not one request with this key in the last 90 days").waitFor();
  expect(loaded.filter((url) => url.includes("use-chart"))).toEqual([]);
});
