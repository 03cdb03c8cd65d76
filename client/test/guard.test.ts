import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCheck } from "../../server/test/check-app.ts";
import { SYSTEM } from "../../server/test/installation.ts";
import { createAssertionCheck } from "../src/assertion.ts";
import { createVerifier } from "../src/verify.ts";

const SERVICE = new URL("./guarded-service.ts", import.meta.url).pathname;

/** Of the machine, or else brought from npm. */
function findNode(folder: string): string {
  const found = Bun.which("node");
  if (found) return found;
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ private: true, dependencies: { node: "20" } }),
  );
  Bun.spawnSync([process.execPath, "install", "--cwd", folder], { stdout: "ignore" });
  return join(folder, "node_modules/.bin/node");
}

for (const runtime of ["Bun", "Node"] as const) {
  test(`on ${runtime}, Hono, Express and Fastify let a good key through and refuse all others`, async () => {
    await using check = await openCheck();
    const folder = mkdtempSync(join(tmpdir(), "chatelaine-client-"));
    const built = join(folder, "service.mjs");
    const bundle = await Bun.build({
      entrypoints: [SERVICE],
      target: runtime === "Bun" ? "bun" : "node",
      format: "esm",
    });
    await Bun.write(built, bundle.outputs[0]!);
    const program = runtime === "Bun" ? process.execPath : findNode(folder);
    const service = Bun.spawn([program, built, check.url], { stdout: "pipe", stderr: "inherit" });
    try {
      const { value } = await service.stdout.pipeThrough(new TextDecoderStream()).getReader().read();
      const urls: Record<string, string> = JSON.parse(value!);
      const good = await check.key("good", { allowedIps: ["192.0.2.0/24"] });
      const narrow = await check.key("narrow", { scopes: ["web:read"] });
      const spent = await check.key("spent", { rateLimit: { limit: 3, windowSeconds: 3_600 } });
      const revoked = await check.key("revoked");
      await check.app.keys.revoke(SYSTEM, revoked.id, "test");
      for (const url of Object.values(urls)) {
        const ask = (headers: Record<string, string>) => fetch(`${url}/dns`, { headers });
        const bearer = (text: string) => ask({ Authorization: `Bearer ${text}` });
        for (const headers of [
          { Authorization: `Bearer ${good.text}` },
          { Authorization: `Basic ${btoa(`x:${good.text}`)}` },
          { "X-API-Key": good.text },
        ] as Record<string, string>[])
          expect(await (await ask(headers)).json()).toEqual({ user: "ada", key: good.id });
        expect((await ask({})).status).toBe(401);
        expect((await bearer("nonsense")).status).toBe(401);
        expect((await bearer(revoked.text)).status).toBe(401);
        const refused = await bearer(narrow.text);
        expect([refused.status, refused.headers.get("decision-id")?.length]).toEqual([403, 36]);
        expect((await bearer(spent.text)).status).toBe(200);
      }
      expect((await fetch(`${urls.hono}/dns`, { headers: { "X-API-Key": spent.text } })).status).toBe(429);
      const token = (
        await check.auth(good.text, {
          path: "/auth?assert=app.example",
          headers: { "X-Forwarded-For": "192.0.2.7" },
        })
      ).headers.get("remote-assertion")!;
      const assertion = async (text: string) =>
        (await fetch(`${urls.hono}/assertion`, { headers: { "Remote-Assertion": text } })).json();
      expect(await assertion(token)).toEqual({ user: "ada" });
      expect(await assertion(`${token.slice(0, -2)}AA`)).toEqual({ user: null });
      await check.server.close();
      for (const url of Object.values(urls))
        expect((await fetch(`${url}/dns`, { headers: { "X-API-Key": good.text } })).status).toBe(503);
    } finally {
      service.kill();
      await service.exited;
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test("an assertion for another audience, too old, from another issuer or unsigned is none", async () => {
  await using check = await openCheck();
  const { text } = await check.key("ci");
  const token = (await check.auth(text, { path: "/auth?assert=app.example" })).headers.get(
    "remote-assertion",
  )!;
  const checkFor = (audience: string, now = Date.now) =>
    createAssertionCheck({ url: check.url, audience, now })(token);
  expect(await checkFor("app.example")).toMatchObject({
    username: "ada",
    groups: ["ops"],
    scopes: ["dns:*", "web:read"],
  });
  expect(await checkFor("other.example")).toBeUndefined();
  expect(await checkFor("app.example", () => Date.now() + 66_000)).toBeUndefined();
  expect(await checkFor("app.example", () => Date.now() - 60_000)).toBeUndefined();
  const [head, body, signature] = token.split(".") as [string, string, string];
  const read = createAssertionCheck({ url: check.url, audience: "app.example" });
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = JSON.parse(Buffer.from(body, "base64url").toString());
  for (const forged of [
    "",
    "a.b.c",
    `${head}.${part({ ...claims, sub: "root" })}.${signature}`,
    `${part({ alg: "none" })}.${body}.`,
    `${part({ alg: "HS256", kid: JSON.parse(Buffer.from(head, "base64url").toString()).kid })}.${body}.${signature}`,
    `${token}.x`,
    `${head}.${body}.${signature}=`,
  ])
    expect(await read(forged)).toBeUndefined();
});

test("the verifier asks for many at once, and throws where there is no answer", async () => {
  await using check = await openCheck();
  const { text } = await check.key("ci");
  const verifier = createVerifier({ url: check.url });
  const answers = await verifier.verifyMany([{ key: text }, { key: "x" }]);
  expect(answers.map(({ valid }) => valid)).toEqual([true, false]);
  await expect(verifier.verify(text, { scope: "not a scope" })).rejects.toMatchObject({ code: "invalid" });
  await check.server.close();
  await expect(verifier.verify(text)).rejects.toThrow();
});
