import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../src/log.ts";
import { makeInstallation, QUIET } from "./installation.ts";

const MESSAGE = "A new certificate authority was made; clients must be given its certificate to trust";

test("a start that makes a new CA says so, with its file, and a start that finds the old one does not", async () => {
  await using folder = await makeInstallation();
  const file = join(folder.path, "tls", "ca.pem");
  const start = async (): Promise<unknown[]> => {
    const warnings: [string, unknown][] = [];
    const log: Log = { ...QUIET, warn: (message, fields) => warnings.push([message, fields]) };
    const server = await folder.serve({ https: "127.0.0.1:0" }, { log });
    await server.close();
    return warnings.filter(([message]) => message === MESSAGE);
  };
  expect(await start()).toEqual([[MESSAGE, { file }]]);
  expect(await start()).toEqual([]);
  for (const name of ["ca.pem", "ca.key.sealed", "server.pem", "server.key"])
    rmSync(join(folder.path, "tls", name));
  expect(await start()).toEqual([[MESSAGE, { file }]]);
});
