/**
 * Who may reach a unix socket: its file's mode and group. The file is made for its owner alone and opened to others only
 * with its group on it, so there is no moment in which it is wider than what was asked for. The file of a server that is
 * gone is replaced; that of one that lives is refused (both held by `unix-socket.test.ts`).
 */
import { chmodSync, chownSync, lstatSync, readFileSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import type { SocketAccess } from "../config.ts";
import { AppError } from "../domain/errors.ts";

const OWNER_ALONE = 0o177;
const GROUPS = "/etc/group";

/** Takes away the file of a server that is gone. Throws AppError unavailable where something else is in the way. */
export async function clearUnixSocket(flag: string, path: string): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (!there) return;
  if (!there.isSocket()) throw refused(flag, `${path} is there and is no socket`);
  const fault = await faultOf(path);
  if (fault === undefined) throw refused(flag, `another server answers on ${path}`);
  if (fault === "ENOENT") return;
  // Whatever else it is, it does not say that nobody is there: no permission, or more connections than are waited on.
  if (fault !== "ECONNREFUSED")
    throw refused(
      flag,
      `${path} is a socket that cannot be tried (${fault}); another server may answer on it`,
    );
  unlinkSync(path);
}

/** @param bind makes the socket. Throws AppError unavailable where the group is not known or may not be given. */
export function bindUnixSocket(
  path: string,
  access: SocketAccess,
  bind: () => Bun.Server<unknown>,
): Bun.Server<unknown> {
  const group = access.group === null ? null : groupId(access.group);
  const server = withUmask(OWNER_ALONE, bind);
  try {
    if (group !== null) giveTo(path, group, access.group);
    chmodSync(path, access.mode);
  } catch (error) {
    void server.stop(true);
    throw error;
  }
  return server;
}

function withUmask<Result>(umask: number, work: () => Result): Result {
  const before = process.umask(umask);
  try {
    return work();
  } finally {
    process.umask(before);
  }
}

function giveTo(path: string, group: number, name: string | null): void {
  try {
    chownSync(path, -1, group);
  } catch (error) {
    const words = `${path} could not be given to the group ${name} (${(error as NodeJS.ErrnoException).code}); who runs the server has to be a member of it`;
    throw refused("--socket-group", words, error);
  }
}

/** @param name or number of a group */
function groupId(name: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  const line = linesOf(GROUPS).find((one) => one.startsWith(`${name}:`)) ?? fromNameService(name);
  const id = line?.split(":")[2];
  if (id === undefined || !/^\d+$/.test(id))
    throw refused(
      "--socket-group",
      `there is no group ${name} on this machine; make it, or name it by its number`,
    );
  return Number(id);
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}

/** For groups that a directory keeps, where the machine has the program that asks for them. */
function fromNameService(name: string): string | undefined {
  if (Bun.which("getent") === null) return undefined;
  const { exitCode, stdout } = Bun.spawnSync(["getent", "group", name], {
    stdin: "ignore",
    stderr: "ignore",
  });
  return exitCode === 0 ? stdout.toString().trim() : undefined;
}

/** @returns undefined where somebody answers */
function faultOf(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

function refused(flag: string, words: string, cause?: unknown): AppError {
  return new AppError("unavailable", `${flag}: ${words}`, { cause });
}
