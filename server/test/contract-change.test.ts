/**
 * A change of a schema in `contract/` is a change of everything: made in a copy of the sources, in one folder, it shows in
 * what REST and JSON-RPC take, in both documents, on both pages and in the client's types.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launchChromium } from "../../scripts/chromium.ts";
import { RpcClient } from "./rpc-client.ts";

const ROOT = join(import.meta.dir, "../..");
const WORDS = "What the screens paint it in.";
const NAMED = "What people call it.";
const CHANGES: readonly [file: string, before: string, after: string][] = [
  ["limits.ts", "KEY_NAME_CHARS_MAX = 200", "KEY_NAME_CHARS_MAX = 123"],
  [
    "operations/key-entry.ts",
    "  description: z.string().max(KEY_WORDS_BYTES_MAX).optional(),\n",
    `  description: z.string().max(KEY_WORDS_BYTES_MAX).optional(),\n  colour: z.enum(["amber", "teal"]).optional().describe("${WORDS}"),\n`,
  ],
  [
    "operations/key-entry.ts",
    '.describe("Unique over all users. Kept in Unicode NFC, without a blank at either end.")',
    `.describe("${NAMED}")`,
  ],
];
const SERVE = `import { openRest } from "./server/test/rest-app.ts";
const rest = await openRest();
console.log(JSON.stringify({ url: rest.url, key: await rest.key("ada", "caller") }));
await Bun.stdin.text();
await rest[Symbol.asyncDispose]();`;

let copy: string;
let child: Bun.Subprocess<"pipe", "pipe", "inherit">;
let url: string;
let key: string;

beforeAll(async () => {
  copy = mkdtempSync(join(tmpdir(), "chatelaine-contract-"));
  for (const folder of ["contract", "server", "client"])
    cpSync(join(ROOT, folder), join(copy, folder), { recursive: true, verbatimSymlinks: true });
  for (const file of ["package.json", "tsconfig.json"]) cpSync(join(ROOT, file), join(copy, file));
  for (const folder of ["node_modules", "web"]) symlinkSync(join(ROOT, folder), join(copy, folder));
  for (const [file, before, after] of CHANGES) {
    const path = join(copy, "contract/src", file);
    const text = readFileSync(path, "utf8");
    if (!text.includes(before)) throw new Error(`${file} does not say ${before}`);
    writeFileSync(path, text.replace(before, after));
  }
  writeFileSync(join(copy, "serve.ts"), SERVE);
  child = Bun.spawn([process.execPath, "serve.ts"], {
    cwd: copy,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await child.stdout.getReader().read();
  ({ url, key } = JSON.parse(new TextDecoder().decode(value)));
}, 60_000);
afterAll(async () => {
  await child.stdin.end();
  await child.exited;
  rmSync(copy, { recursive: true, force: true });
});

async function read(path: string): Promise<string> {
  const answer = await fetch(url + path);
  expect([path, answer.status]).toEqual([path, 200]);
  return answer.text();
}

describe("a change of a schema in contract/", () => {
  test("shows in what REST takes", async () => {
    const make = async (more: object) => {
      const answer = await fetch(`${url}/api/v1/keys`, {
        method: "POST",
        headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
        body: JSON.stringify({ name: crypto.randomUUID(), username: "ada", ...more }),
      });
      const { errors = [] } = (await answer.json()) as { errors?: { path: string }[] };
      return [answer.status, ...errors.map(({ path }) => path)];
    };
    expect(await make({ colour: "teal", name: "n".repeat(123) })).toEqual([201]);
    expect(await make({ colour: "mauve" })).toEqual([422, "colour"]);
    expect(await make({ name: "n".repeat(124) })).toEqual([422, "name"]);
  });

  test("shows in what JSON-RPC takes", async () => {
    const socket = await RpcClient.connect(url);
    await socket.signIn("ada", key);
    const make = async (name: string) =>
      (await socket.call("api_key.create", { name, username: "ada" })).error?.data?.extra;
    expect(await make("m".repeat(123))).toBeUndefined();
    expect(await make("m".repeat(124))).toEqual([
      ["api_key_create.name", "String should have at most 123 characters", 22],
    ]);
    socket.close();
  });

  test("shows in both documents", async () => {
    const { components } = JSON.parse(await read("/api/openapi.json"));
    const { name, colour } = components.schemas.KeyCreate.properties;
    expect([name.maxLength, name.description]).toEqual([123, NAMED]);
    expect([colour.enum, colour.description]).toEqual([["amber", "teal"], WORDS]);
    const { methods } = JSON.parse(await read("/api/openrpc.json"));
    const create = methods.find((one: { name: string }) => one.name === "api_key.create");
    const { maxLength, description } = create.params[0].schema.properties.name;
    expect([maxLength, description]).toEqual([123, NAMED]);
  });

  test("shows on both pages, and is found by the search", async () => {
    const method = await read("/api/docs/current/methods/api_key.create");
    expect(method).toContain("1 to 123 characters");
    expect(method).toContain(NAMED);
    expect(await read("/api/docs/current/search?q=colour")).toContain("rest#tag/keys/POST/keys");
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      await page.goto(`${url}/api/docs/current/rest#tag/keys/POST/keys`);
      const section = page.locator('[id$="tag/keys/POST/keys"]');
      await section.getByText(WORDS).first().waitFor({ timeout: 30_000 });
      expect(await section.textContent()).toContain(NAMED);
    } finally {
      await browser.close();
    }
  }, 60_000);

  test("shows in the client's types", async () => {
    const compile = async (colour: string): Promise<string> => {
      const probe = `import { createClient } from "./client/src/client.ts";
void createClient().keys.create({ body: { name: "n", username: "u", colour: "${colour}" } });`;
      writeFileSync(join(copy, "probe.ts"), probe);
      writeFileSync(join(copy, "probe.json"), '{ "extends": "./tsconfig.json", "include": ["probe.ts"] }');
      const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
      const run = Bun.spawn([process.execPath, compiler, "-p", "probe.json"], { cwd: copy, stdout: "pipe" });
      return new Response(run.stdout).text();
    };
    expect(await compile("teal")).toBe("");
    expect(await compile("mauve")).toContain(`Type '"mauve"' is not assignable to type '"amber" | "teal"`);
  }, 60_000);
});
