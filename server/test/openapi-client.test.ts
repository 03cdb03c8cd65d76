import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openRest, type RestApp } from "./rest-app.ts";

const FOLDER = join(import.meta.dir, "../../conformance/openapi-client");
let rest: RestApp;
let folder: string;

beforeAll(async () => {
  rest = await openRest();
  folder = mkdtempSync(join(FOLDER, ".generated-"));
  copyFileSync(join(FOLDER, "keys.ts"), join(folder, "keys.ts"));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await rest[Symbol.asyncDispose]();
});

async function run(...command: string[]): Promise<{ exit: number; output: string }> {
  const child = Bun.spawn([process.execPath, ...command], { cwd: folder, stdout: "pipe", stderr: "pipe" });
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exit: await child.exited, output: output || errors };
}

test("an unmodified generator makes a client from the document, which compiles and makes and deletes a key", async () => {
  const key = await rest.key("ada", "generator's");
  const document = await rest.send("GET /api/openapi.json");
  writeFileSync(join(folder, "openapi.json"), document.text);
  const generator = join(FOLDER, "node_modules/openapi-typescript/bin/cli.js");
  const generated = await run(generator, "openapi.json", "-o", "schema.d.ts");
  expect(generated).toMatchObject({ exit: 0 });
  const compiler = join(FOLDER, "node_modules/typescript/bin/tsc");
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--target", "esnext", "--module", "nodenext"];
  const typed = await run(compiler, ...options, "--typeRoots", folder, "keys.ts");
  expect(typed.output).toBe("");
  const used = await run("keys.ts", rest.url, key);
  expect(JSON.parse(used.output)).toMatchObject({
    key: expect.stringMatching(/^\d+-CK1/),
    code: "not_found",
  });
}, 120_000);
