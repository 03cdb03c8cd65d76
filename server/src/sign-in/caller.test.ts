import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";

const ROOT = join(import.meta.dir, "../../..");
/** An object that names whose the caller is, or says that a key acts on itself. */
const MAKES_A_CALLER =
  /\bkind: "(?:system|user|key)",\s+(?:actor|userId|username|roles)\b|\bisOwnKey: true\b/;
const MAKERS = ["server/src/domain/caller.ts", "server/src/sign-in/caller.ts"];

test("what becomes a caller becomes one in one place, and the system's own in another", async () => {
  const makers: string[] = [];
  for (const folder of ["server/src", "cli/src", "bench"]) {
    for await (const name of new Glob("**/*.ts").scan(join(ROOT, folder))) {
      const file = `${folder}/${name}`;
      if (!file.endsWith(".test.ts") && MAKES_A_CALLER.test(await Bun.file(join(ROOT, file)).text()))
        makers.push(file);
    }
  }
  expect(makers.sort()).toEqual(MAKERS);
});
