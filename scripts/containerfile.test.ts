import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const containerfile = readFileSync(join(root, "deploy/Containerfile"), "utf8");
/** What the executable is made of; the other workspaces only stand in the lock file. */
const BUILT = ["contract", "server", "client", "proxy-recipes", "cli", "web"];

test("the image is built from every workspace, because the lock file is about all of them", () => {
  const { workspaces } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    workspaces: string[];
  };
  for (const name of workspaces) expect(containerfile).toContain(`COPY ${name}/package.json ${name}/\n`);
});

test("the image has the sources of what is built, and copies nothing that is not there", () => {
  for (const name of BUILT.filter((one) => existsSync(join(root, one, "src")))) {
    expect(containerfile).toContain(`COPY ${name}/src/ ${name}/src/\n`);
  }
  const copied = [...containerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = ""]) =>
    sources.split(" "),
  );
  expect(copied.length).toBeGreaterThan(0);
  for (const source of copied)
    expect({ source, exists: existsSync(join(root, source)) }).toEqual({ source, exists: true });
});

test("the question whether it is healthy goes to the server itself, whatever proxy the environment names", async () => {
  const [, command = "[]"] = /^HEALTHCHECK [\s\S]*?CMD (\[.*\])$/m.exec(containerfile) ?? [];
  const [env, isBun, name, option, program] = JSON.parse(command) as string[];
  expect([env, isBun, name, option]).toEqual(["env", "BUN_BE_BUN=1", "chatelaine", "-e"]);
  const asked: string[] = [];
  const answering = (to: string, status: () => number) =>
    Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: ({ method, url }) => {
        asked.push(`${to} ${method} ${new URL(url).pathname}`);
        return new Response(null, { status: status() });
      },
    });
  let status = 200;
  const server = answering("server", () => status);
  const proxy = answering("proxy", () => 200);
  try {
    const address = `http://127.0.0.1:${proxy.port}`;
    const own = program!.replace("127.0.0.1:5390", `127.0.0.1:${server.port}`);
    for (const [named, ready] of [
      [{}, 200],
      [{ HTTP_PROXY: address }, 200],
      [{ http_proxy: address }, 200],
      [{ HTTP_PROXY: address, HTTPS_PROXY: address, ALL_PROXY: address }, 200],
      [{ HTTP_PROXY: address }, 503],
    ] as const) {
      status = ready;
      asked.length = 0;
      const child = Bun.spawn([process.execPath, "-e", own], { env: { PATH: process.env.PATH, ...named } });
      expect([named, ready, await child.exited]).toEqual([named, ready, ready === 200 ? 0 : 1]);
      expect([named, asked]).toEqual([named, ["server GET /readyz"]]);
    }
  } finally {
    await Promise.all([server.stop(true), proxy.stop(true)]);
  }
});
