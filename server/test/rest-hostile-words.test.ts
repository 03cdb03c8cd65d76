/** R18: what people write is words and nothing else, in every answer, export and page of the documentation. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { launchChromium } from "../../scripts/chromium.ts";
import { bearer, openRest, type RestApp } from "./rest-app.ts";

const BEFORE = [
  "",
  '"',
  "'",
  "</title>",
  "</textarea>",
  "</script>",
  "-->",
  "]]>",
  "${",
  "{{",
  "\\",
  "&lt;",
  "%3C",
  "＜",
  "`",
];
const SCRIPTS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  "<iframe srcdoc='<script>alert(1)</script>'>",
  "<a href=javascript:alert(1)>x</a>",
  "<body onload=alert(1)>",
  "<details open ontoggle=alert(1)>",
  "<input autofocus onfocus=alert(1)>",
  "<math><mtext><style><img src onerror=alert(1)>",
  "javascript:alert(1)",
  "<style>@import'//x.example'</style>",
  "<base href=//x.example>",
  "<meta http-equiv=refresh content=0;url=//x.example>",
  "<form action=//x.example><button>x",
  "onmouseover=alert(1) x=",
];
const CELLS = [
  "=",
  "+",
  "-",
  "@",
  "\t=",
  "\r=",
  "\n=",
  "＝1+1",
  "＠SUM(1)",
  "=cmd|' /C calc'!A0",
  "@SUM(1)",
  "+1+1",
  "-2+3",
  "=1;",
  '=HYPERLINK("//x")',
];
const PAYLOADS = [
  ...BEFORE.flatMap((before) => SCRIPTS.map((script) => before + script)),
  ...CELLS.flatMap((cell) => ["", "x", " ", ",", '"', ";"].map((after) => cell + after)),
  "\u202e<b>",
  "\u0000",
  "\r\nSet-Cookie: a=b",
];
const IN_BROWSER = 12;

let rest: RestApp;
let auth: Record<string, string>;
let id: number;

beforeAll(async () => {
  rest = await openRest();
  auth = bearer(await rest.key("ada", "admin"));
  await rest.user("bob", ["KEY_HOLDER"]);
  const key = await rest.key("bob", "target");
  id = Number(key.split("-")[0]);
});
afterAll(() => rest[Symbol.asyncDispose]());

const SAFE_TYPE = /^application\/(problem\+)?json/;

test("there are three hundred of them", () => {
  expect(new Set(PAYLOADS).size).toBeGreaterThanOrEqual(300);
});

describe("hostile words", () => {
  test("in every writable field come back as they are or are refused, in JSON that no browser takes for a page", async () => {
    const fields = (text: string): readonly (readonly [string, object])[] => [
      [`PATCH /keys/${id}`, { name: text.slice(0, 200) || "x" }],
      [`PATCH /keys/${id}`, { description: text }],
      [`PATCH /keys/${id}`, { tags: [text.slice(0, 40)] }],
      [`PATCH /users/bob`, { full_name: text }],
      [`PATCH /users/bob`, { email: text }],
      [`PUT /me/attributes/words`, { value: text }],
      [`PATCH /settings`, { public_url: text }],
    ];
    for (const text of PAYLOADS) {
      for (const [route, body] of fields(text)) {
        const answer = await rest.send(route, { headers: auth, body });
        expect([text, answer.status < 500]).toEqual([text, true]);
        if (answer.status === 204) continue;
        expect(answer.headers.get("content-type")).toMatch(SAFE_TYPE);
        expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      }
    }
    expect((await rest.send("GET /settings", { headers: auth })).json.public_url).toBeNull();
  }, 120_000);

  test("are no formula in the audit's CSV", async () => {
    await rest.app.audit.flush();
    const { text, headers } = await rest.send("GET /audit/export?format=csv", { headers: auth });
    expect(headers.get("content-disposition")).toContain("attachment");
    for (const cell of cellsOf(text))
      expect([cell, /^[=+\-@\t\r\n＝＋－＠]/.test(cell)]).toEqual([cell, false]);
    const lines = await rest.send("GET /audit/export?format=jsonl", { headers: auth });
    for (const line of lines.text.trim().split("\n")) JSON.parse(line);
  });

  test("in the address add nothing to a page of the documentation but text", async () => {
    const shapeOf = async (words: string): Promise<string> => {
      const { text } = await rest.send(`GET /api/docs/current/search?q=${encodeURIComponent(words)}`);
      const names: string[] = [];
      const page = new HTMLRewriter().on("header *, main > h1, main > h1 *, script, iframe, base, meta", {
        element: (one) => {
          names.push(`${one.tagName} ${[...one.attributes].map(([name]) => name).join(" ")}`);
        },
      });
      await page.transform(new Response(text)).text();
      return names.join("\n");
    };
    const plain = await shapeOf("qqq no such words");
    for (const text of PAYLOADS) expect([text, await shapeOf(text)]).toEqual([text, plain]);
    for (const text of PAYLOADS.slice(0, 50)) {
      const { status, text: page } = await rest.send(`GET /api/docs/current/${encodeURIComponent(text)}`);
      expect([status < 500, page.includes("<script>alert")]).toEqual([true, false]);
    }
  }, 60_000);

  test("open no dialog and break no policy in a browser", async () => {
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      const told: string[] = [];
      page.on("dialog", (dialog) => {
        told.push(dialog.message());
        void dialog.dismiss();
      });
      page.on("console", (message) => {
        if (/content security policy/i.test(message.text())) told.push(message.text());
      });
      for (const text of SCRIPTS.slice(0, IN_BROWSER)) {
        await page.goto(`${rest.url}/api/docs/current/search?q=${encodeURIComponent(`"'${text}`)}`);
        await page.goto(`${rest.url}/api/v1/keys/${encodeURIComponent(text)}`);
      }
      await page.goto(`${rest.url}/api/docs/current/my-key`);
      await rest.send(`PATCH /keys/${id}`, { headers: auth, body: { name: SCRIPTS[1] } });
      const named = await rest.key("ada", `${SCRIPTS[0]}${SCRIPTS[1]}`);
      await page.getByRole("textbox", { name: "Key" }).fill(named);
      await page.getByRole("button", { name: "Ask" }).click();
      await page.getByText("<script>alert(1)</script>").waitFor();
      expect(told).toEqual([]);
    } finally {
      await browser.close();
    }
  }, 60_000);
});

/** RFC 4180. */
function cellsOf(csv: string): string[] {
  return [...csv.matchAll(/("(?:[^"]|"")*"|[^,\r\n]*)(?:,|\r\n|$)/g)].map(([, cell = ""]) =>
    cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell,
  );
}
