/**
 * Builds the library for services as a package that any project may install, without dependencies: JavaScript and types
 * of its entries, and a package.json. `npm run build:client [-- FOLDER]`; dist/client unless said otherwise.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clientTypes } from "./client-types.ts";

const root = join(import.meta.dir, "..");
/** What a service imports, as `@chatelaine/client/NAME`. */
const ENTRIES = ["verify", "hono", "express", "fastify", "assertion", "guard", "client"] as const;
/** The one thing of the contract that the types name. */
const CODES = { from: "@chatelaine/contract/errors", to: "./error-codes.js" } as const;

export function buildClientPackage(folder: string): void {
  const emitted = mkdtempSync(join(tmpdir(), "chatelaine-client-"));
  try {
    compile(emitted);
    rmSync(folder, { recursive: true, force: true });
    cpSync(join(emitted, "client/src"), folder, { recursive: true });
    cpSync(join(emitted, "contract/src/errors.d.ts"), join(folder, "error-codes.d.ts"));
    for (const name of ["events", "routes"]) rmSync(join(folder, `${name}.d.ts`));
    writeFileSync(join(folder, "client.d.ts"), clientTypes());
  } finally {
    rmSync(emitted, { recursive: true, force: true });
  }
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    writeFileSync(file, readFileSync(file, "utf8").replaceAll(CODES.from, CODES.to));
  }
  cpSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  cpSync(join(root, "client/README.md"), join(folder, "README.md"));
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest(), null, 2)}\n`);
}

function compile(outDir: string): void {
  const options = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      rewriteRelativeImportExtensions: true,
      target: "ES2022",
      lib: ["ES2023", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
      types: [],
      rootDir: root,
      outDir,
    },
    include: [],
    files: [...ENTRIES.map((name) => `client/src/${name}.ts`), "contract/src/errors.ts"].map((file) =>
      join(root, file),
    ),
  };
  const config = join(outDir, "tsconfig.json");
  writeFileSync(config, JSON.stringify(options));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { exitCode, stdout } = Bun.spawnSync([process.execPath, tsc, "-p", config]);
  if (exitCode !== 0) throw new Error(`The library does not compile:\n${stdout}`);
  rmSync(config);
}

function manifest(): object {
  const { name, version, type } = readManifest("client/package.json");
  const { license } = readManifest("package.json");
  const entry = (one: string) => [`./${one}`, { types: `./${one}.d.ts`, default: `./${one}.js` }];
  return {
    name,
    version,
    description:
      "Checks keys of Chatelaine in a service: verify(), guards for Hono, Express and Fastify; and a client of its REST API",
    license,
    type,
    engines: { node: ">=20.3" },
    sideEffects: false,
    exports: Object.fromEntries(ENTRIES.map(entry)),
  };
}

function readManifest(file: string): Record<string, string> {
  return JSON.parse(readFileSync(join(root, file), "utf8"));
}

if (import.meta.main) {
  const folder = process.argv[2] ?? join(root, "dist/client");
  buildClientPackage(folder);
  console.log(folder);
}
