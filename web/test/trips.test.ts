/** Where users of the original trip, and what is done instead: the rows of the table in screens.md that other files do not hold. */
import { beforeAll, expect, test } from "bun:test";
import { request } from "node:http";
import { closeAfter } from "./close-after.ts";
import { button, chooseAction, dialog, field, rowOf } from "./page.ts";
import { addKey, addUser, openScreens, type Screens, tryKey } from "./screens.ts";

const DAY_MS = 86_400_000;
/** Of the server's clock before the machine's, until a test moves it up: a key that ends between is over for both then. */
const BEHIND_MS = 10 * 60_000;
let screens: Screens;

beforeAll(async () => {
  // Another address of this machine stands for the proxy that clients come through.
  screens = await openScreens({ trustedProxy: ["127.0.0.2"] }, -BEHIND_MS);
  await addUser(screens, "ada", "FULL_ADMIN");
  await addUser(screens, "holder", "KEY_HOLDER");
});

closeAfter(() => screens);

/** A call by a client at the address who came to the proxy in clear. */
function callInClear(key: string, address: string): Promise<number> {
  const headers = {
    Authorization: `Bearer ${key}`,
    "X-Forwarded-For": address,
    "X-Forwarded-Proto": "http",
  };
  return new Promise((resolve, reject) => {
    const sent = request(
      `${screens.url}/api/v1/keys/self`,
      { headers, localAddress: "127.0.0.2" },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    );
    sent.on("error", reject).end();
  });
}

test("a key that came over plain http says when, from where and why, and Reset is one click away", async () => {
  await screens.local.settings.change(screens.local.caller, { insecureTransport: "revoke" });
  const { id, text } = await addKey(screens, "holder", "in clear");
  expect(await callInClear(text, "198.51.100.7")).toBeGreaterThanOrEqual(401);
  expect(await tryKey(screens, text)).toBe(401);
  const page = await screens.open("holder");
  await rowOf(page, "in clear").getByText("Revoked").waitFor();
  await page.goto(`${screens.url}/keys?key=${id}`);
  const details = dialog(page, "in clear");
  await details.getByText("Attempt to use over an insecure transport").waitFor();
  await details
    .getByRole("listitem")
    .filter({ hasText: "Over plain http" })
    .getByText(/from 198\.51\.100\.7/)
    .waitFor();
  await button(details, "Reset").click();
  await button(dialog(page, "Edit API Key"), "Save").click();
  const next = await field(dialog(page, "API Key"), "Key").inputValue();
  expect(await tryKey(screens, next)).toBe(200);
});

test("an expired key is offered its former lifetime from now, and says that it is the old string again", async () => {
  const expiresAt = screens.clock.now() + BEHIND_MS / 2;
  const { id, text } = await addKey(screens, "ada", "was over", { expiresAt });
  screens.clock.move(BEHIND_MS);
  const page = await screens.open("ada");
  await rowOf(page, "was over").getByText("Expired").waitFor();
  await chooseAction(page, "was over", "Edit");
  const panel = dialog(page, "Edit API Key");
  await panel.getByText("This key expired").waitFor();
  await panel.getByRole("button", { name: /As long again: until/ }).click();
  await panel.getByText("The old key will work again").waitFor();
  await button(panel, "1 year").click();
  await button(panel, "Save").click();
  await panel.waitFor({ state: "detached" });
  expect(await tryKey(screens, text)).toBe(200);
  const later = await screens.local.keys.get(screens.local.caller, id);
  expect(Math.round(((later.expiresAt as number) - Date.now()) / DAY_MS)).toBeGreaterThanOrEqual(365);
});

test("My keys is a filter by owner, and a key just made is in view whatever is filtered", async () => {
  await addKey(screens, "holder", "another's");
  const page = await screens.open("ada");
  await rowOf(page, "another's").waitFor();
  await page.getByText("My keys", { exact: true }).click();
  await rowOf(page, "another's").waitFor({ state: "detached" });
  expect(new URL(page.url()).search).toBe("?owner=me");
  await page.getByText("All keys", { exact: true }).click();
  await page.getByRole("searchbox", { name: "Search" }).fill("nothing like it");
  await page.getByText("No key matches").waitFor();
  await button(page, "Add").click();
  const panel = dialog(page, "Add API Key");
  await field(panel, "Name").fill("made now");
  await button(panel, "Save").click();
  await button(dialog(page, "API Key"), "Copy to Clipboard").click();
  await button(dialog(page, "API Key"), "Close").click();
  await rowOf(page, "made now").waitFor();
});

test("characters of regular expressions are searched as they are", async () => {
  await addKey(screens, "ada", "a.*[b");
  await addKey(screens, "ada", "a-xx-b");
  const page = await screens.open("ada", "/keys?q=a.*%5Bb");
  await rowOf(page, "a.*[b").waitFor();
  expect(await page.locator("tbody tr").count()).toBe(1);
});

test("before a reset the panel says who used the key in the last hour, as a list to copy", async () => {
  const { text } = await addKey(screens, "ada", "in use");
  for (const client of ["curl/8.14.1", "backup/2"])
    await fetch(`${screens.url}/auth`, {
      headers: { Authorization: `Bearer ${text}`, "User-Agent": client },
    });
  const page = await screens.open("ada");
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await chooseAction(page, "in use", "Reset");
  const panel = dialog(page, "Edit API Key");
  await panel.getByText("Anything still using the old key will stop working").waitFor();
  await button(panel, "Copy list").click();
  await button(panel, "Copied").waitFor();
  const list = (await page.evaluate(() => navigator.clipboard.readText())).split("\n").toSorted();
  expect(list.map((line) => line.split(" ").at(-1))).toEqual(["backup/2", "curl/8.14.1"]);
});

test("a key is paused and resumed from its row, and revoked with a reason that its details show", async () => {
  const { text } = await addKey(screens, "ada", "held up");
  const page = await screens.open("ada");
  await chooseAction(page, "held up", "Pause");
  await rowOf(page, "held up").getByText("Paused").waitFor();
  expect(await tryKey(screens, text)).toBe(403);
  await chooseAction(page, "held up", "Resume");
  await rowOf(page, "held up").getByText("Active").waitFor();
  expect(await tryKey(screens, text)).toBe(200);
  await chooseAction(page, "held up", "Revoke");
  const ask = dialog(page, "Revoke API Key");
  await field(ask, "Reason").fill("Left on a train");
  await ask.getByRole("checkbox", { name: "Confirm", exact: true }).click();
  await button(ask, "Revoke").click();
  await rowOf(page, "held up").getByText("Revoked").waitFor();
  await page.getByRole("link", { name: "held up", exact: true }).click();
  await dialog(page, "held up").getByText("Left on a train").first().waitFor();
});

test("the form keeps to the server's policy: no key without an end, and none that lives too long", async () => {
  const { settings, caller } = screens.local;
  await settings.change(caller, { keyDaysMax: 60, nonExpiringKeys: false });
  const page = await screens.open("ada");
  await button(page, "Add").click();
  const panel = dialog(page, "Add API Key");
  const box = panel.getByRole("checkbox", { name: "Non-expiring", exact: true });
  expect([await box.isChecked(), await box.isDisabled()]).toEqual([false, true]);
  await panel.getByText("Server policy requires an expiry date.").waitFor();
  await panel.getByText("Keys live 60 days at most here").waitFor();
  expect(await button(panel, "90 days").count()).toBe(0);
  await field(panel, "Name").fill("by the policy");
  await button(panel, "The longest allowed").click();
  await button(panel, "Save").click();
  await dialog(page, "API Key").waitFor();
  await settings.change(caller, { keyDaysMax: null, nonExpiringKeys: true });
});

test("of several words that are refused the one that is wrong is named, also one that was no chip yet", async () => {
  const page = await screens.open("ada", "/keys", { mayAsk: true });
  await button(page, "Add").click();
  const panel = dialog(page, "Add API Key");
  await field(panel, "Name").fill("from afar");
  await button(panel, "Description, rights and limits").click();
  const addresses = field(panel, "Allowed addresses");
  await addresses.pressSequentially("10.0.0.0/8,10.0.0.999,10.1.1.1");
  await button(panel, "Save").press("Enter");
  await panel.getByText(/^10\.0\.0\.999: /).waitFor();
  expect(await addresses.evaluate((one) => one === document.activeElement)).toBe(true);
});
