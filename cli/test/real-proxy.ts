/** The packaged proxies as child processes, on the very files that `chatelaine proxy` writes, before a service that tells what reached it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./chatelaine.ts";

const READY_MS_MAX = 60_000;

export type ProxyName = "nginx" | "caddy" | "haproxy";
export const PROXIES: readonly ProxyName[] = ["nginx", "caddy", "haproxy"];

/** What the service saw of a request. */
interface Arrived {
  readonly path: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly bytes: number;
}

export interface Service extends AsyncDisposable {
  readonly port: number;
  readonly arrived: Arrived[];
}

/** Answers what it saw, as JSON; echoes on WebSockets. */
export function startService(hostname = "127.0.0.1"): Service {
  const arrived: Arrived[] = [];
  const server = Bun.serve({
    port: 0,
    hostname,
    maxRequestBodySize: 200 * 1024 * 1024,
    fetch: async (req, self) => {
      if (req.headers.get("upgrade") === "websocket" && self.upgrade(req)) return undefined;
      let bytes = 0;
      if (req.body) for await (const chunk of req.body) bytes += chunk.length;
      const one = { path: req.url, method: req.method, headers: req.headers.toJSON(), bytes };
      arrived.push(one);
      return Response.json(one);
    },
    websocket: { message: (socket, text) => void socket.send(text) },
  });
  return { port: server.port!, arrived, [Symbol.asyncDispose]: () => server.stop(true) };
}

export interface Recipe {
  readonly proxy: ProxyName;
  /** `http://127.0.0.1:PORT` or https, with the port that the proxy shall have. */
  readonly site: string;
  readonly service: string;
  readonly chatelaine: string;
  readonly more?: readonly string[];
  /** Put before the command, such as `ip netns exec x`. */
  readonly within?: readonly string[];
}

export interface RunningProxy extends AsyncDisposable {
  readonly url: string;
  readonly folder: string;
}

export async function startProxy(recipe: Recipe): Promise<RunningProxy> {
  const { proxy, site, service, chatelaine, more = [], within = [] } = recipe;
  const folder = mkdtempSync(join(tmpdir(), "chatelaine-proxy-"));
  const args = ["--for", site, "--to", service, "--chatelaine", chatelaine, "--write", folder, ...more];
  const written = await run(["proxy", proxy, ...args]);
  if (written.code !== 0) throw new Error(written.stderr);
  return runProxy(proxy, folder, { url: site, within });
}

/** On a folder that holds its configuration. */
export async function runProxy(
  proxy: ProxyName,
  folder: string,
  { url, within = [] }: { readonly url: string; readonly within?: readonly string[] },
): Promise<RunningProxy> {
  const stop = new AbortController();
  const child = Bun.spawn([...within, ...COMMANDS[proxy](folder)], {
    stdout: "ignore",
    stderr: "pipe",
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    signal: stop.signal,
  });
  const said = new Response(child.stderr).text();
  const { hostname, port } = new URL(url);
  const until = performance.now() + READY_MS_MAX;
  while (!(await accepts(hostname, Number(port)))) {
    if (child.exitCode !== null || performance.now() > until) {
      child.kill("SIGKILL");
      const words = await said;
      rmSync(folder, { recursive: true, force: true });
      throw new Error(`${proxy} did not start: ${words}`);
    }
    await Bun.sleep(20);
  }
  return {
    url,
    folder,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const COMMANDS: Readonly<Record<ProxyName, (folder: string) => string[]>> = {
  nginx: (folder) => {
    const main = `daemon off; pid ${folder}/nginx.pid; error_log stderr;`;
    return ["nginx", "-p", folder, "-c", `${folder}/nginx.conf`, "-g", main];
  },
  caddy: (folder) => {
    // The administration's port would be the same for all of them.
    const path = join(folder, "Caddyfile");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${text}`);
    return ["caddy", "run", "--config", path, "--adapter", "caddyfile"];
  },
  haproxy: (folder) => ["haproxy", "-f", `${folder}/haproxy.cfg`],
};

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

export interface Relay extends AsyncDisposable {
  readonly url: string;
  /** Connections that came so far. */
  readonly connections: () => number;
  /** All that was sent to the far end, as it was written. */
  readonly sent: () => string;
  readonly forget: () => void;
}

/** Passes bytes on to an address, and counts who connects. */
export async function startRelay(to: string): Promise<Relay> {
  const { hostname, port } = new URL(to);
  const sockets = new Set<Socket>();
  let count = 0;
  let sent = "";
  const server = createServer((near) => {
    count++;
    const far = connect({ host: hostname, port: Number(port) });
    near.on("data", (chunk: Buffer) => {
      sent += chunk.toString("latin1");
    });
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => [near, far].map((each) => each.destroy()));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    connections: () => count,
    sent: () => sent,
    forget: () => {
      sent = "";
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Lines exactly as they are. @returns status code of the first answer, 0 where there is none, and all that was said */
export function sendRaw(url: string, lines: readonly string[]): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ host: hostname, port: Number(port) }, () =>
      socket.write(`${lines.join("\r\n")}\r\n\r\n`),
    );
    const end = () => resolve({ status: Number(/^HTTP\/1\.\d (\d+)/.exec(text)?.[1] ?? 0), text });
    socket.setTimeout(3_000, () => socket.destroy());
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.on("error", end);
    socket.on("close", end);
  });
}
