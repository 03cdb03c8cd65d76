import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildClientPackage } from "../../scripts/client-package.ts";
import { openCheck } from "../../server/test/check-app.ts";
import { findRuntime, RUNTIMES, temporaryFolder } from "./runtimes.ts";

const PROGRAM = `
import { createServer } from "node:http";
import { createVerifier } from "@chatelaine/client/verify";
import { chatelaine, identityOf } from "@chatelaine/client/express";
import "@chatelaine/client/hono";
import "@chatelaine/client/fastify";
import "@chatelaine/client/assertion";
import { ChatelaineError, createClient } from "@chatelaine/client/client";

const [url = "", key = ""] = process.argv.slice(2);
const answer = await createVerifier({ url }).verify(key, { scope: "dns:read" });
const client = createClient({ url, key });
const self = await client.self.get<{ name: string }>();
const missing = await client.keys.get({ id: 987_654 }).catch((error) => error);
if (!(missing instanceof ChatelaineError) || missing.code !== "not_found") throw missing;
const guard = chatelaine({ url });
const server = createServer((req, res) => {
  void guard(req, res, () => res.end(identityOf(req)?.user.username));
});
server.listen(0, "127.0.0.1", async () => {
  const { port } = server.address() as { port: number };
  const asked = await fetch("http://127.0.0.1:" + port, { headers: { Authorization: "Bearer " + key } });
  console.log(answer.valid && answer.user.username, await asked.text(), self.name);
  server.closeAllConnections();
  server.close();
});
`;

test("a stranger installs the built package, has its types, and runs it on Node and Bun without anything else", async () => {
  await using check = await openCheck();
  const { text } = await check.key("ci");
  const folder = temporaryFolder();
  try {
    const installed = join(folder, "node_modules/@chatelaine/client");
    mkdirSync(installed, { recursive: true });
    buildClientPackage(installed);
    const { dependencies, exports } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    expect([dependencies, Object.keys(exports)]).toEqual([
      undefined,
      ["./verify", "./hono", "./express", "./fastify", "./assertion", "./guard", "./client"],
    ]);
    const said = readdirSync(installed)
      .filter((name) => /\.(d\.ts|js)$/.test(name))
      .map((name) => readFileSync(join(installed, name), "utf8"))
      .join("\n");
    expect(said).not.toMatch(/@chatelaine\/contract|\bfrom "(?!\.\/)|\bBuffer\b|\bprocess\b|\bBun\./);
    writeFileSync(join(folder, "program.mts"), PROGRAM);
    const root = join(import.meta.dir, "../..");
    const flags = [
      "--strict",
      "--target",
      "es2022",
      "--module",
      "nodenext",
      "--types",
      "bun",
      "--ignoreConfig",
    ];
    const places = ["--typeRoots", join(root, "node_modules/@types"), "--outDir", folder];
    const tsc = [process.execPath, join(root, "node_modules/typescript/bin/tsc")];
    const compiled = Bun.spawnSync([...tsc, ...flags, ...places, "program.mts"], { cwd: folder });
    expect(compiled.stdout.toString()).toBe("");
    for (const runtime of RUNTIMES) {
      const program = findRuntime(runtime, temporaryIn(folder));
      const ran = Bun.spawn([program, "program.mjs", check.url, text], { cwd: folder, timeout: 20_000 });
      expect((await new Response(ran.stdout).text()).trim()).toBe("ada ada ci");
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

function temporaryIn(folder: string): string {
  const path = join(folder, "node");
  mkdirSync(path, { recursive: true });
  return path;
}
