/** No answer to a browser opens its password box: Chromium says so where one would. */
import { beforeAll, describe, expect, test } from "bun:test";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { closeAfter } from "./close-after.ts";
import { addUser, openScreens, type Screens, theBrowser } from "./screens.ts";

let screens: Screens;

beforeAll(async () => {
  screens = await openScreens();
  await addUser(screens, "ada", "FULL_ADMIN");
});

closeAfter(() => screens);

interface Opened {
  readonly page: Page;
  /** Where somebody would have been asked for a password. */
  readonly boxes: readonly string[];
}

/** The page where one signs in. */
async function open(): Promise<Opened> {
  const page = await screens.open(undefined, "/sign-in", { expected: /401|Failed to load/ });
  await page.getByLabel("Username").waitFor();
  return { page, boxes: await watchBoxes(page) };
}

async function watchBoxes(page: Page): Promise<readonly string[]> {
  const boxes: string[] = [];
  const devtools = await page.context().newCDPSession(page);
  const tell = (...message: Parameters<typeof devtools.send>) =>
    // A request may be over before it is answered.
    void devtools.send(...message).catch(() => undefined);
  devtools.on("Fetch.requestPaused", ({ requestId }) => tell("Fetch.continueRequest", { requestId }));
  devtools.on("Fetch.authRequired", ({ requestId, request }) => {
    boxes.push(new URL(request.url).pathname);
    tell("Fetch.continueWithAuth", { requestId, authChallengeResponse: { response: "CancelAuth" } });
  });
  await devtools.send("Fetch.enable", { handleAuthRequests: true });
  return boxes;
}

/** What the page's own code asks. @returns the status */
const ask = (page: Page, path: string, init: object = {}): Promise<number> =>
  page.evaluate(async ([to, how]) => (await fetch(to, how as RequestInit)).status, [path, init] as const);
async function visit(page: Page, path: string): Promise<number> {
  const answered = page.waitForResponse(screens.url + path);
  // Chromium shows a page of its own for an error without a body.
  await page.goto(screens.url + path).catch(() => undefined);
  return (await answered).status();
}
const signIn = {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ username: "ada", password: "not this one" }),
};

test("where somebody asks for Basic, Chromium says that it would open one", async () => {
  const { page, boxes } = await open();
  expect(await visit(page, "/auth?challenge=basic")).toBe(401);
  expect(boxes).toEqual(["/auth"]);
});

describe("where a site offers Basic and Bearer, Chromium opens one if the field begins with Basic:", () => {
  const [basic, bearer] = ['Basic realm="Chatelaine", charset="UTF-8"', 'Bearer realm="Chatelaine"'];
  for (const [form, offers, opens] of [
    ["one field", [`${basic}, ${bearer}`], true],
    ["a field for each", [basic, bearer], true],
    ["a field for each, Bearer first", [bearer, basic], true],
    ["one field, Bearer first", [`${bearer}, ${basic}`], false],
    ["Bearer alone", [bearer], false],
  ] as const)
    test(form, async () => {
      const page = await (await theBrowser()).newPage();
      const boxes = await watchBoxes(page);
      const site = createServer((_, answer) => {
        answer.writeHead(401, { "WWW-Authenticate": [...offers], "Content-Type": "text/plain" }).end("no");
      });
      await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
      const { port } = site.address() as AddressInfo;
      await page.goto(`http://127.0.0.1:${port}/site`).catch(() => undefined);
      expect(boxes).toEqual(opens ? ["/site"] : []);
      await page.close();
      site.close();
      site.closeAllConnections();
    });
});

const WAYS: readonly (readonly [string, number, (page: Page) => Promise<number>])[] = [
  ["a screen, without a session", 200, (page) => visit(page, "/keys")],
  ["an address of the REST API", 401, (page) => visit(page, "/api/v1/keys")],
  ["the guard", 401, (page) => visit(page, "/auth")],
  ["a call of a page", 401, (page) => ask(page, "/api/v1/keys")],
  ["a call with a wrong key", 401, (page) => ask(page, "/api/v1/keys", { headers: { "X-API-Key": "1-no" } })],
  ["a sign-in with a wrong password", 401, (page) => ask(page, "/api/v1/session", signIn)],
];

for (const [words, status, run] of WAYS)
  test(`not by ${words}`, async () => {
    const { page, boxes } = await open();
    expect(await run(page)).toBe(status);
    expect(boxes).toEqual([]);
  });

test("not by the documentation, where it is for those who are signed in", async () => {
  await screens.local.settings.change(screens.local.caller, { docs: "signed_in" });
  const { page, boxes } = await open();
  expect(await visit(page, "/api/docs/current/rest")).toBe(401);
  expect(boxes).toEqual([]);
});
