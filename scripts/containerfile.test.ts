import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");

test("the image is built from every workspace, because the lock file is about all of them", () => {
  const { workspaces } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    workspaces: string[];
  };
  const containerfile = readFileSync(join(root, "deploy/Containerfile"), "utf8");
  for (const name of workspaces) expect(containerfile).toContain(`COPY ${name}/package.json ${name}/\n`);
});
