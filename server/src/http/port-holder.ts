/** Who listens on a TCP port of this machine, where the system lets us see it (Linux, proc(5)). */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const LISTENING = "0A";

/** @returns such as `nginx (process 812)`; undefined where it cannot be seen */
export function findPortHolder(port: number): string | undefined {
  try {
    const sockets = new Set(
      ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) => listeningInodes(table, port)),
    );
    if (sockets.size === 0) return undefined;
    for (const pid of readdirSync("/proc")) {
      if (/^\d+$/.test(pid) && holdsAny(pid, sockets))
        return `${readFileSync(`/proc/${pid}/comm`, "utf8").trim()} (process ${pid})`;
    }
  } catch {
    return undefined;
  }
  return undefined;
}

/** @returns the open files of this process that listen on the port */
export function findOwnListeners(port: number): number[] {
  try {
    const sockets = new Set(
      ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) => listeningInodes(table, port)),
    );
    return readdirSync("/proc/self/fd")
      .filter((file) => sockets.has(targetOf(file)))
      .map(Number);
  } catch {
    return [];
  }
}

function targetOf(file: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${file}`);
  } catch {
    return "";
  }
}

function listeningInodes(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return readFileSync(table, "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(suffix) && fields[3] === LISTENING)
    .map((fields) => `socket:[${fields[9]}]`);
}

function holdsAny(pid: string, sockets: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((file) =>
      sockets.has(readlinkSync(`/proc/${pid}/fd/${file}`)),
    );
  } catch {
    return false;
  }
}
