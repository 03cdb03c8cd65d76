/** The file of a unix socket: who may connect, and whose file it may replace. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RawConfig } from "../src/config.ts";
import { type Folder, makeInstallation } from "./installation.ts";

let folder: Folder;
let place: string;
beforeAll(async () => {
  folder = await makeInstallation();
  place = mkdtempSync(join(tmpdir(), "chatelaine-socket-"));
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
  rmSync(place, { recursive: true, force: true });
});

let count = 0;
const path = () => join(place, `${++count}.sock`);
const health = (unix: string) => fetch("http://localhost/healthz", { unix }).then(({ status }) => status);
const why = (started: Promise<unknown>) =>
  started.then(
    () => "started",
    (error: Error) => error.message,
  );

/** Some group of this machine that is not the tester's first. */
const [groupName = "", groupNumber = 0] = readFileSync("/etc/group", "utf8")
  .split("\n")
  .map((line) => line.split(":"))
  .filter(([, , id]) => Number(id) > 0)
  .map(([name, , id]): [string, number] => [name!, Number(id)])[0]!;
const isRoot = process.getuid?.() === 0;

/** Another group is root's to give. */
const ACCESS: readonly (readonly [raw: RawConfig, mode: number, gid: number | undefined])[] = [
  [{}, 0o660, process.getgid?.()],
  [{ socketMode: "0600" }, 0o600, process.getgid?.()],
  [{ socketMode: "666" }, 0o666, process.getgid?.()],
  [{ socketGroup: groupName }, 0o660, groupNumber],
  [{ socketGroup: String(groupNumber), socketMode: "0640" }, 0o640, groupNumber],
];
for (const listener of ["http", "check"] as const)
  for (const [raw, mode, gid] of ACCESS)
    test.skipIf(!isRoot && raw.socketGroup !== undefined)(
      `--${listener} on a unix socket with ${JSON.stringify(raw)} has this mode and group, whatever the umask`,
      async () => {
        for (const umask of [0o000, 0o077]) {
          const socket = path();
          const before = process.umask(umask);
          try {
            const server = await folder.serve({ http: "127.0.0.1:0", ...raw, [listener]: `unix:${socket}` });
            const { mode: all, gid: group } = statSync(socket);
            expect([all & 0o777, group]).toEqual([mode, gid!]);
            expect(process.umask()).toBe(umask);
            expect(await health(socket)).toBe(200);
            await server.close();
            expect(existsSync(socket)).toBe(false);
          } finally {
            process.umask(before);
          }
        }
      },
    );

test("the file of a dead server is replaced", async () => {
  const socket = path();
  const bind = "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])";
  expect(Bun.spawnSync(["python3", "-c", bind, socket]).exitCode).toBe(0);
  expect(existsSync(socket)).toBe(true);
  const server = await folder.serve({ http: `unix:${socket}` });
  expect(await health(socket)).toBe(200);
  await server.close();
});

test("that of a living server, of one that cannot be tried, and a file that is no socket stay, and are told of", async () => {
  const [living, file] = [path(), path()];
  const first = createServer().listen(living);
  await new Promise((resolve) => first.once("listening", resolve));
  writeFileSync(file, "no socket");
  expect(await why(folder.serve({ http: `unix:${living}` }))).toBe(
    `--http: another server answers on ${living}`,
  );
  expect(await why(folder.serve({ check: `unix:${file}` }))).toBe(
    `--check: ${file} is there and is no socket`,
  );
  expect([existsSync(living), readFileSync(file, "utf8")]).toEqual([true, "no socket"]);
  first.close();
});

test("a group that is not known is a sentence, and leaves no socket", async () => {
  const socket = path();
  expect(await why(folder.serve({ http: `unix:${socket}`, socketGroup: "no-such-group" }))).toBe(
    "--socket-group: there is no group no-such-group on this machine; make it, or name it by its number",
  );
  expect(existsSync(socket)).toBe(false);
  for (const raw of [{ socketMode: "0860" }, { socketMode: "0060" }, { socketGroup: "a b" }])
    expect(await why(folder.serve({ http: `unix:${socket}`, ...raw }))).toMatch(
      /^--socket-(mode|group): expected/,
    );
});

test.skipIf(!isRoot)(
  "without permission nothing is replaced, and a group of others is not given",
  async () => {
    const [living, own] = [path(), path()];
    const first = createServer().listen(living);
    await new Promise((resolve) => first.once("listening", resolve));
    // As somebody who may do nothing here but make files in the folder.
    const program = `
    import { bindUnixSocket, clearUnixSocket } from "${join(import.meta.dir, "../src/http/unix-socket.ts")}";
    process.setgroups([]); process.setgid(65534); process.setuid(65534);
    await clearUnixSocket("--http", ${JSON.stringify(living)}).then(() => console.log("cleared"), (error) => console.log(error.message));
    const bind = () => Bun.serve({ unix: ${JSON.stringify(own)}, fetch: () => new Response() });
    try { bindUnixSocket(${JSON.stringify(own)}, { mode: 0o660, group: "root" }, bind); } catch (error) { console.log(error.message); }
  `;
    Bun.spawnSync(["chmod", "0777", place]);
    Bun.spawnSync(["chmod", "0600", living]);
    const told = Bun.spawnSync([process.execPath, "-e", program]);
    const [cleared, given] = told.stdout.toString().trim().split("\n");
    expect(cleared).toBe(
      `--http: ${living} is a socket that cannot be tried (EACCES); another server may answer on it`,
    );
    expect(given).toContain(`--socket-group: ${own} could not be given to the group root (EPERM)`);
    expect([existsSync(living), existsSync(own)]).toEqual([true, false]);
    first.close();
  },
);
