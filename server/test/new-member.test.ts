/**
 * What it takes to give a key another member: the edits below, made in a copy of the sources. The copy then compiles as a
 * whole, and the member is written and read by REST, by the command line and in lists. A shape or a table of members
 * that is written once more somewhere makes the list of files longer, and this test fail.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const FILES_MAX = 12;
const FOLDERS = [
  "contract",
  "server",
  "client",
  "proxy-recipes",
  "cli",
  "web",
  "bench",
  "torture",
  "scripts",
  "docs",
];
const END_AFTER_MS = 30_000;

/** In each file, what stands before and what stands after it then. */
const EDITS: Readonly<Record<string, readonly (readonly [before: string, after: string])[]>> = {
  "contract/src/operations/key-entry.ts": [
    ["    description: z.string(),\n", "    description: z.string(),\n    colour: Colour.nullable(),\n"],
    ["export const keyLimits = {\n", "export const keyLimits = {\n  colour: Colour.nullable().optional(),\n"],
    ["export const Key = z\n", 'const Colour = z.enum(["amber", "teal"]);\n\nexport const Key = z\n'],
    ['  description: "Deploys the website",\n', '  description: "Deploys the website",\n  colour: null,\n'],
  ],
  "server/src/store/sqlite/migrations.ts": [
    [
      "];\n/** From this version on a database knows",
      '  ["ALTER TABLE keys ADD COLUMN colour TEXT"],\n];\n/** From this version on a database knows',
    ],
  ],
  "server/src/store/schema.ts": [
    ["  hint: string;\n", '  hint: string;\n  colour: "amber" | "teal" | null;\n'],
    ["  hint: true,\n", "  hint: true,\n  colour: true,\n"],
  ],
  "server/src/store/row-mappers.ts": [
    ["    hint: row.hint,\n", "    hint: row.hint,\n    colour: row.colour,\n"],
    ["    hint: patch.hint,\n", "    hint: patch.hint,\n    colour: patch.colour,\n"],
    ["    hint: key.hint,\n", "    hint: key.hint,\n    colour: key.colour,\n"],
  ],
  "server/src/store/list-queries.ts": [
    [
      '    hint: column("keys.hint", "text"),\n',
      '    hint: column("keys.hint", "text"),\n    colour: column("keys.colour", "text", true),\n',
    ],
  ],
  "server/src/store/restore-rules.ts": [
    [
      '  description: fromBackup("description"),\n',
      '  description: fromBackup("description"),\n  colour: fromBackup("colour"),\n',
    ],
  ],
  "server/src/store/restore-plan.test.ts": [
    ["      rate_limit: null,\n", "      rate_limit: null,\n      colour: null,\n"],
  ],
  "server/src/keys/new-key.ts": [
    [
      '    description: input.description ?? "",\n',
      '    description: input.description ?? "",\n    colour: input.colour ?? null,\n',
    ],
  ],
  "cli/src/key-limits.ts": [
    [
      "  readonly description?: string;\n",
      '  readonly description?: string;\n  readonly colour?: "amber" | "teal";\n',
    ],
    [
      '    .option("--description <text>", "what it is for")\n',
      '    .option("--description <text>", "what it is for")\n    .option("--colour <colour>", "amber or teal")\n',
    ],
    [
      "    ...(description !== undefined && { description }),\n",
      "    ...(description !== undefined && { description }),\n    ...(options.colour !== undefined && { colour: options.colour }),\n",
    ],
  ],
  "web/src/keys/key-values.ts": [
    ["  description: string;\n", '  description: string;\n  colour: "amber" | "teal" | null;\n'],
    [
      '  description: "description",\n  tags: "tags",\n  allowed_ips',
      '  description: "description",\n  colour: "colour",\n  tags: "tags",\n  allowed_ips',
    ],
    ['    description: "",\n', '    description: "",\n    colour: null,\n'],
    ["    description: key.description,\n", "    description: key.description,\n    colour: key.colour,\n"],
    [
      "    description: values.description,\n",
      "    description: values.description,\n    colour: values.colour,\n",
    ],
  ],
  "web/src/keys/restriction-fields.tsx": [
    [
      '      <ChipsField\n        label="Tags"',
      '      <Checkbox label="Teal" onChange={() => form.setFieldValue("colour", "teal")} />\n      <ChipsField\n        label="Tags"',
    ],
  ],
  "web/src/keys/key-details.tsx": [
    [
      '      <Fact term="Rights">',
      '      <Fact term="Colour">{row.colour ?? "None"}</Fact>\n      <Fact term="Rights">',
    ],
  ],
};

/** What an answer of REST may have of what is asked here. */
interface Answered {
  readonly id: number;
  readonly colour: string | null;
  readonly errors: readonly { readonly path: string }[];
  readonly entries: readonly Pick<Answered, "id" | "colour">[];
}

let folder: string;
let copy: string;
let data: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "chatelaine-member-"));
  copy = join(folder, "copy");
  data = join(folder, "data");
  for (const part of FOLDERS)
    cpSync(join(ROOT, part), join(copy, part), { recursive: true, verbatimSymlinks: true });
  for (const file of ["package.json", "tsconfig.json"]) cpSync(join(ROOT, file), join(copy, file));
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  for (const [file, edits] of Object.entries(EDITS)) edit(file, edits);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function edit(file: string, edits: readonly (readonly [string, string])[]): void {
  const path = join(copy, file);
  let text = readFileSync(path, "utf8");
  for (const [before, after] of edits) {
    if (!text.includes(before)) throw new Error(`${file} does not say ${before}`);
    text = text.replace(before, after);
  }
  writeFileSync(path, text);
}

function spawn(args: readonly string[]) {
  return Bun.spawn([process.execPath, "cli/src/main.ts", "--data", data, ...args], {
    cwd: copy,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { PATH: process.env.PATH ?? "", CHATELAINE_STATE: "off" },
    timeout: END_AFTER_MS,
    killSignal: "SIGKILL",
  });
}

// biome-ignore lint/suspicious/noExplicitAny: what a test expects of it is said by the test
async function json(...args: string[]): Promise<any> {
  const child = spawn([...args, "--json"]);
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  expect([await child.exited, stderr]).toEqual([0, stderr]);
  return JSON.parse(stdout);
}

async function serving<Result>(work: (url: string) => Promise<Result>): Promise<Result> {
  const child = spawn(["serve", "--http", "127.0.0.1:0", "--https", "off"]);
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (!said.includes("Listening on")) {
    const { done, value } = await reader.read();
    if (done) throw new Error(await new Response(child.stderr).text());
    said += value;
  }
  try {
    return await work(/Listening on (http:\S+)/.exec(said)?.[1] ?? "");
  } finally {
    child.kill();
    await child.exited;
  }
}

describe("a new member of a key", () => {
  test(`touches ${FILES_MAX} files at most, tests included`, () => {
    expect(Object.keys(EDITS).length).toBeLessThanOrEqual(FILES_MAX);
  });

  test("leaves nothing that the compiler misses", async () => {
    const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
    const run = Bun.spawn([process.execPath, compiler, "--noEmit"], { cwd: copy, stdout: "pipe" });
    expect(await new Response(run.stdout).text()).toBe("");
  }, 120_000);

  test("is written and read by the command line, by REST and in lists", async () => {
    await serving(async () => undefined);
    await json("user", "create", "root", "--role", "FULL_ADMIN");
    const { id, key, colour } = await json(
      "key",
      "create",
      "--user",
      "root",
      "--name",
      "ci",
      "--colour",
      "teal",
    );
    expect(colour).toBe("teal");
    await serving(async (url) => {
      const send = async (method: string, path: string, body?: object) => {
        const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
        const answer = await fetch(`${url}/api/v1${path}`, {
          method,
          headers,
          body: body && JSON.stringify(body),
        });
        return (await answer.json()) as Answered;
      };
      expect((await send("GET", `/keys/${id}`)).colour).toBe("teal");
      const made = await send("POST", "/keys", { name: "web", username: "root", colour: "amber" });
      expect(made.colour).toBe("amber");
      expect((await send("PATCH", `/keys/${made.id}`, { colour: "teal" })).colour).toBe("teal");
      expect((await send("PATCH", `/keys/${made.id}`, { colour: "mauve" })).errors[0]?.path).toBe("colour");
      const { entries } = await send("GET", "/keys?order=id");
      expect(entries.map((one) => one.colour)).toEqual(["teal", "teal"]);
      await send("PATCH", `/keys/${made.id}`, { colour: null });
      const filter = encodeURIComponent(JSON.stringify([["colour", "=", "teal"]]));
      expect((await send("GET", `/keys?filter=${filter}`)).entries.map((one) => one.id)).toEqual([id]);
    });
    expect((await json("key", "edit", String(id), "--colour", "amber")).colour).toBe("amber");
    expect((await json("key", "show", String(id))).colour).toBe("amber");
    expect((await json("key", "list")).map((one: { colour: unknown }) => one.colour)).toEqual([
      "amber",
      null,
    ]);
  }, 120_000);
});
