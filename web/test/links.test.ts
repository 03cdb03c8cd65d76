/** Addresses hold: what they name is found wherever it stands, what is gone says so, and nothing ends on a bare page. */
import { beforeAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { button, dialog, field, rowOf } from "./page.ts";
import { addKey, addUser, openScreens, type Screens } from "./screens.ts";

const KEYS = 53;
let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
  await addUser(screens, "holder", "KEY_HOLDER");
  for (let at = 0; at < KEYS; at++) await addKey(screens, "ada", `key ${String(at).padStart(2, "0")}`);
});

closeAfter(() => screens);

test("a link to an audit entry opens it by its number, on whatever page of the list it stands", async () => {
  const { rows } = await screens.local.audit.list(screens.local.caller, { limit: 0 });
  const oldest = rows.find(({ description }) => description === "Create user ada");
  const page = await screens.open("ada", `/audit?entry=${oldest?.id}`);
  const details = dialog(page, "Create user ada");
  await details.getByText("user.create").waitFor();
  expect(await page.getByRole("row").filter({ hasText: "Create user ada" }).count()).toBe(0);
  // A filter that leaves it out does not take it away either.
  await page.goto(`${screens.url}/audit?q=nothing+like+this&entry=${oldest?.id}`);
  await details.waitFor();
  await details.getByRole("link", { name: "User ada" }).click();
  await dialog(page, "ada").waitFor();
});

test("an entry, a key, a user and a group that are not there say so in their place", async () => {
  const page = await screens.open("ada", `/audit?entry=${crypto.randomUUID()}`);
  await page.getByText("This entry does not exist").waitFor();
  await button(page, "Close details").click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  for (const [path, words] of [
    ["/keys?key=99999", "This key does not exist"],
    ["/users?user=nobody", "This user does not exist"],
    ["/groups?group=nothing", "This group does not exist"],
    ["/audit?entry=12", "This entry does not exist"],
    [`/audit?entry=${"x".repeat(100)}`, "This entry does not exist"],
    ["/keys?key=9007199254740991", "This key does not exist"],
    [`/users?user=${"y".repeat(60)}`, "This user does not exist"],
    [`/groups?group=${"z".repeat(60)}`, "This group does not exist"],
  ] as const) {
    await page.goto(screens.url + path);
    await page.getByText(words).waitFor();
    expect(await button(page, "Try again").count()).toBe(0);
  }
});

describe("an address of nothing", () => {
  for (const path of ["/nope", "/settings", "/docs", "/keys/none", "/a/b?c=d"])
    test(`${path} is a page in the frame, with a way on`, async () => {
      const page = await screens.open("ada", path);
      await page.getByRole("heading", { level: 1, name: "Page not found" }).waitFor();
      await page.getByRole("navigation", { name: "Main" }).waitFor();
      expect(await page.title()).toBe("Not found · Chatelaine");
      await page.getByRole("link", { name: "Go to the start page" }).click();
      await page.getByRole("heading", { level: 1, name: "User API Keys" }).waitFor();
    });
});

test("no place of the side bar is marked at an address of nothing, and the own one is at its screen", async () => {
  const page = await screens.open("ada", "/keys/none");
  await page.getByRole("heading", { level: 1, name: "Page not found" }).waitFor();
  const marked = page.getByRole("navigation", { name: "Main" }).locator("[aria-current=page]");
  expect(await marked.allInnerTexts()).toEqual([]);
  for (const [path, label] of [
    ["/keys?q=01&page=1", "API Keys"],
    ["/users?q=a", "Users"],
    ["/audit?event=LOGOUT", "Audit"],
    ["/system", "System"],
  ] as const) {
    await page.goto(screens.url + path);
    await marked.waitFor();
    expect(await marked.allInnerTexts()).toEqual([label]);
  }
});

describe("an order that there is not is the list's own:", () => {
  for (const [path, title, sort] of [
    ["/keys", "Created", "descending"],
    ["/users", "Username", "ascending"],
    ["/audit", "When", "descending"],
  ] as const)
    for (const order of ["bogus", "-nothing", "name,,", "-"])
      test(`${path}?order=${order}`, async () => {
        const page = await screens.open("ada", `${path}?order=${encodeURIComponent(order)}`);
        await page.getByRole("row").nth(1).waitFor();
        const column = page.getByRole("columnheader", { name: title });
        expect(await column.getAttribute("aria-sort")).toBe(sort);
        expect(await button(page, "Try again").count()).toBe(0);
      });
});

describe("what no list has is no failure:", () => {
  for (const path of [
    "/keys?page=1e300",
    "/keys?page=300000",
    "/keys?page=-1",
    "/keys?page=1.5",
    "/keys?unused=99999999999",
    "/keys?status=bogus",
    "/users?page=1e15",
    "/users?page=1e300",
    "/audit?page=99999999999",
    "/audit?since=99999999999999",
    "/audit?since=40000",
    "/audit?since=yesterday+2020",
    "/audit?success=perhaps",
    "/users?user=",
  ])
    test(path, async () => {
      const page = await screens.open("ada", path);
      await page.locator("tbody tr:not(.skeleton)").first().waitFor();
      expect(await page.getByRole("alert").count()).toBe(0);
    });

  for (const path of ["/keys", "/users", "/audit"])
    test(`${path} with more to search for than can be searched for`, async () => {
      const page = await screens.open("ada", `${path}?q=${"z".repeat(500)}`);
      await page
        .getByRole("heading", { name: /^(No key matches|No user matches|Nothing is recorded)/ })
        .waitFor();
    });
});

test("a page past the last one never says that there is nothing", async () => {
  const page = await screens.open("ada", "/guide");
  for (const [path, words] of [
    ["/keys?page=999", "No keys yet"],
    ["/users?page=999", "No users yet"],
    ["/audit?page=999", "Nothing is recorded here"],
  ] as const) {
    await page.addInitScript((wanted) => {
      new MutationObserver(() => {
        if (document.body?.textContent?.includes(wanted)) document.documentElement.dataset.seen = wanted;
      }).observe(document, { childList: true, subtree: true, characterData: true });
    }, words);
    await page.goto(screens.url + path);
    await page.getByRole("row").nth(1).waitFor();
    expect(await page.locator("html").getAttribute("data-seen")).toBeNull();
  }
});

describe("a page past the last one goes to the last:", () => {
  test("keys", async () => {
    const page = await screens.open("ada", "/keys?page=999&order=name");
    await rowOf(page, `key ${KEYS - 1}`).waitFor();
    await page.getByText(`51–${KEYS} of ${KEYS} keys`).waitFor();
    expect(new URL(page.url()).searchParams.get("page")).toBe("2");
    await page.goto(`${screens.url}/keys?q=key+01&page=7`);
    await rowOf(page, "key 01").waitFor();
    expect(new URL(page.url()).searchParams.has("page")).toBe(false);
  });

  test("users and audit", async () => {
    const page = await screens.open("ada", "/users?page=40");
    await button(page, "ada").waitFor();
    expect(new URL(page.url()).searchParams.has("page")).toBe(false);
    await page.goto(`${screens.url}/audit?page=4000`);
    await page.getByRole("row").nth(1).waitFor();
    const wanted = Number(new URL(page.url()).searchParams.get("page"));
    expect([wanted > 1, wanted < 10]).toEqual([true, true]);
  });

  test("after the keys of the last page were deleted together", async () => {
    const page = await screens.open("ada", "/keys?order=name&page=2");
    await rowOf(page, "key 52").waitFor();
    await page.getByRole("checkbox", { name: "Select all on this page" }).click();
    await button(page.getByRole("group", { name: "Selected keys" }), "Delete").click();
    const ask = dialog(page, "Delete API Keys");
    await ask.getByRole("checkbox", { name: "Confirm", exact: true }).click();
    await button(ask, "Delete").click();
    await rowOf(page, "key 49").waitFor();
    await page.getByText("50 keys", { exact: true }).waitFor();
    expect(await page.getByText("No key matches").count()).toBe(0);
    expect(new URL(page.url()).searchParams.has("page")).toBe(false);
  });
});

/** The server as it is while it is away: nothing is answered. */
async function cut(page: Page, what: RegExp): Promise<() => Promise<void>> {
  await page.route(what, (route) => route.abort());
  return () => page.unroute(what);
}

test("a server that is away before it has said who is signed in: another try keeps the page, and shows it when it is back", async () => {
  const context = (await screens.open("ada", "/sign-in")).context();
  const page = await context.newPage();
  const mend = await cut(page, /\/api\/v1\/session$/);
  await page.goto(`${screens.url}/keys`);
  const away = page.getByRole("heading", { name: "The server does not answer" });
  await away.waitFor();
  const mendAll = await cut(page, /.*/);
  await button(page, "Try again").click();
  await away.waitFor();
  await mendAll();
  await mend();
  await button(page, "Try again").click();
  await rowOf(page, "key 52").or(rowOf(page, "key 01")).first().waitFor();
});

describe("a part that cannot be loaded", () => {
  for (const name of ["Users", "Audit", "System"])
    test(`leaves the frame as it is and comes by itself: ${name}`, async () => {
      const context = (await screens.open("ada", "/sign-in")).context();
      const page = await context.newPage();
      const mend = await cut(page, /\/assets\/(users|groups|audit|system|guide)-/);
      await page.goto(`${screens.url}/keys`);
      await rowOf(page, "key 01").waitFor();
      await page.getByRole("link", { name, exact: true }).click();
      const missing = page.getByText("This part of the screens could not be loaded");
      await missing.waitFor();
      await page.getByRole("navigation", { name: "Main" }).waitFor();
      await mend();
      await missing.waitFor({ state: "detached" });
      await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
    });

  test("loses nothing that was typed beside it: the calendar", async () => {
    const context = (await screens.open("ada", "/sign-in")).context();
    const page = await context.newPage();
    const mend = await cut(page, /\/assets\/expiry-field-/);
    await page.goto(`${screens.url}/keys`);
    await button(page, "Add").click();
    const panel = dialog(page, "Add API Key");
    await field(panel, "Name").fill("typed");
    await panel.getByRole("checkbox", { name: "Non-expiring", exact: true }).click();
    await panel.getByText("This part of the screens could not be loaded").waitFor();
    expect(await field(panel, "Name").inputValue()).toBe("typed");
    await mend();
    await field(panel, "Expires at").waitFor();
    expect(await field(panel, "Name").inputValue()).toBe("typed");
  });

  test("of a version that is gone makes the page load again, at the same address", async () => {
    const context = (await screens.open("ada", "/sign-in")).context();
    const page = await context.newPage();
    await page.route(/\/assets\/(users|groups|audit|system|guide)-/, (route) =>
      route.fulfill({ status: 404, body: "Not found\n" }),
    );
    await page.goto(`${screens.url}/keys`);
    await rowOf(page, "key 01").waitFor();
    // The server has another version now: its page names another program.
    const fresh = await (await fetch(`${screens.url}/`)).text();
    let isAsked = false;
    await page.route(`${screens.url}/`, (route) => {
      isAsked = true;
      return route.fulfill({
        contentType: "text/html",
        body: fresh.replaceAll(/main-[\w-]+\.js/g, "main-next.js"),
      });
    });
    await page.evaluate(() => {
      (window as { isOld?: boolean }).isOld = true;
    });
    await page.getByRole("link", { name: "Users", exact: true }).click();
    await page.waitForFunction(() => (window as { isOld?: boolean }).isOld === undefined);
    expect(isAsked).toBe(true);
    expect(new URL(page.url()).pathname).toBe("/users");
  });
});
