/**
 * The commands of README.md, run as they stand. Each block of commands has a name in a comment above it,
 * `<!-- ci: NAME -->`, or says why it is not run, `<!-- ci: skip, WHY -->`.
 *
 * They run in a copy of the clone, on a data folder and ports of their own: the only words that change are the ports, so
 * that two runs on one machine do not meet. Behind the port of the guarded service one is there, which tells the headers
 * that it sees.
 */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const DEFAULT_PORTS = { http: "5390", https: "5397", service: "3000", site: "8080" };
const NGINX_PID = "guard/nginx.pid";
const READY_TIMEOUT_MS = 60_000;

export interface Block {
  readonly name: string;
  readonly text: string;
  readonly line: number;
}

export interface BlockResult {
  readonly name: string;
  readonly exitCode: number;
  readonly output: string;
}

/** @returns the named blocks in their order; the skipped ones are named `skip`, unmarked ones have an empty name. */
export function readBlocks(markdown: string): Block[] {
  const pattern = /(?:<!-- ci: ([a-z-]+)[^>]*-->\n)?^```sh\n([\s\S]*?)^```$/gm;
  return [...markdown.matchAll(pattern)].map((match) => ({
    name: match[1] ?? "",
    text: match[2] as string,
    line: markdown.slice(0, match.index).split("\n").length,
  }));
}

/** What is wrong in README.md without running anything: unmarked blocks, unknown scripts, links to nothing. */
export function findReadmeFaults(root: string): string[] {
  const markdown = readFileSync(join(root, "README.md"), "utf8");
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
  const blocks = readBlocks(markdown);
  const faults = ["start", "test"]
    .filter((name) => !blocks.some((block) => block.name === name))
    .map((name) => `README.md: no block of commands marked <!-- ci: ${name} -->`);
  for (const block of blocks) {
    if (block.name === "") faults.push(`README.md:${block.line}: commands without a mark <!-- ci: NAME -->`);
    for (const [, script = ""] of block.text.matchAll(/^(?:npm|bun) run ([\w-]+)/gm)) {
      if (!(script in manifest.scripts)) faults.push(`README.md:${block.line}: there is no script ${script}`);
    }
  }
  for (const [, target = ""] of markdown.matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)/g)) {
    if (!existsSync(join(root, target))) faults.push(`README.md: a link to ${target}, which is not there`);
  }
  return faults;
}

/** Starts the server by the block `start` and runs the other blocks beside it, `test` excepted. */
export async function runReadme(root: string): Promise<BlockResult[]> {
  const folder = mkdtempSync(join(tmpdir(), "chatelaine-readme-"));
  const clone = join(folder, "chatelaine");
  const fetch = ({ headers }: Request) => Response.json(headers.toJSON());
  const service = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
  try {
    await copyClone(root, clone);
    const [http, https, site] = [await findFreePort(), await findFreePort(), await findFreePort()];
    const ports = { http, https, site, service: service.port };
    const env = {
      ...process.env,
      // The Bun that runs this: the copy need not fetch one more.
      CHATELAINE_BUN: process.execPath,
      CHATELAINE_DATA: join(folder, "data"),
      CHATELAINE_STATE: join(folder, "state"),
      CHATELAINE_HTTP: `127.0.0.1:${ports.http}`,
      CHATELAINE_HTTPS: `127.0.0.1:${ports.https}`,
    };
    const names = Object.keys(ports) as (keyof typeof ports)[];
    const withPorts = (text: string): string =>
      names.reduce(
        (before, name) =>
          before.replaceAll(new RegExp(`\\b${DEFAULT_PORTS[name]}\\b`, "g"), `${ports[name]}`),
        withChatelaine(text, `http://127.0.0.1:${DEFAULT_PORTS.http}`),
      );
    const blocks = readBlocks(readFileSync(join(root, "README.md"), "utf8")).map((block) => ({
      ...block,
      text: withPorts(block.text),
    }));
    return await runBlocks(blocks, { clone, env, readyUrl: `http://127.0.0.1:${ports.http}/readyz` });
  } finally {
    await service.stop(true);
    stopNginx(join(clone, NGINX_PID));
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A proxy finds Chatelaine at its default address unless it is told another. */
function withChatelaine(text: string, url: string): string {
  return text.replaceAll(/^bin\/chatelaine proxy (.*)$/gm, `bin/chatelaine proxy $1 --chatelaine ${url}`);
}

/** One that a block started and none ended. */
function stopNginx(pidFile: string): void {
  if (existsSync(pidFile)) process.kill(Number(readFileSync(pidFile, "utf8")), "SIGTERM");
}

interface Place {
  readonly clone: string;
  readonly env: Record<string, string | undefined>;
  readonly readyUrl: string;
}

async function runBlocks(blocks: readonly Block[], place: Place): Promise<BlockResult[]> {
  const start = blocks.find((block) => block.name === "start");
  if (start === undefined) throw new Error("README.md has no block marked start");
  const server = startBlock(start, place);
  const results: BlockResult[] = [];
  try {
    await waitUntilReady(place.readyUrl, server);
    for (const block of blocks) {
      if (["", "skip", "start", "test"].includes(block.name)) continue;
      const { code, output } = await startBlock(block, place).ended;
      results.push({ name: block.name, exitCode: code, output });
    }
  } finally {
    server.stop();
  }
  const { code, output } = await server.ended;
  return [{ name: "start", exitCode: code, output }, ...results];
}

interface Running {
  readonly ended: Promise<{ code: number; output: string }>;
  output(): string;
  hasEnded(): boolean;
  stop(): void;
}

/** In a process group of its own, so that stopping it reaches the server behind npm and sh. */
function startBlock(block: Block, place: Place): Running {
  const hasNpm = Bun.which("npm", { PATH: place.env.PATH ?? "" }) !== null;
  const text = hasNpm ? block.text : block.text.replace(/^npm (?:run )?(start|test)\b/gm, "bun run $1");
  const child = spawn("sh", ["-euc", text], { cwd: place.clone, env: place.env, detached: true });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      output += chunk;
    });
  }
  child.stdin.end();
  let hasEnded = false;
  const ended = new Promise<{ code: number; output: string }>((resolve) => {
    child.on("close", (code) => {
      hasEnded = true;
      resolve({ code: code ?? 1, output });
    });
  });
  const stop = (): void => {
    if (!hasEnded && child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
  };
  return { ended, output: () => output, hasEnded: () => hasEnded, stop };
}

async function waitUntilReady(url: string, server: Running): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (performance.now() < deadline) {
    if (server.hasEnded()) throw new Error(`The server ended:\n${server.output()}`);
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await Bun.sleep(50);
  }
  throw new Error(`Not ready after ${READY_TIMEOUT_MS / 1000} s:\n${server.output()}`);
}

/** What git tracks or would add: as a fresh clone would have it, with changes that are not committed yet. */
async function copyClone(root: string, target: string): Promise<void> {
  const list = Bun.spawn(["git", "ls-files", "-coz", "--exclude-standard"], { cwd: root, stderr: "inherit" });
  const files = (await new Response(list.stdout).text()).split("\0").filter((file) => file !== "");
  for (const file of files) {
    const source = join(root, file);
    if (!existsSync(source)) continue;
    cpSync(source, join(target, file), { recursive: dirname(file) !== "." });
  }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
