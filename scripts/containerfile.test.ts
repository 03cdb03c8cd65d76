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
