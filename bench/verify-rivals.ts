/** The yardsticks, started from Debian's packages and the npm registry: nginx, HAProxy with a map, better-auth. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./node.ts";
import { familyOf, type LoadTarget } from "./verify-load.ts";

const READY_MS_MAX = 60_000;

interface Start {
  readonly name: string;
  readonly port: number;
  readonly path?: string;
  readonly command: readonly string[];
  readonly folder: string;
  readonly tls?: boolean;
}

export async function startTarget({
  name,
  port,
  path = "/",
  command,
  folder,
  tls = false,
}: Start): Promise<LoadTarget> {
  const child = Bun.spawn([...command], { cwd: folder, stdout: "ignore", stderr: "inherit" });
  const url = `${tls ? "https" : "http"}://127.0.0.1:${port}${path}`;
  const until = performance.now() + READY_MS_MAX;
  while (
    !(await fetch(url, { tls: { rejectUnauthorized: false } }).then(
      () => true,
      () => false,
    ))
  ) {
    if (child.exitCode !== null || performance.now() > until) throw new Error(`${name} did not start`);
    await Bun.sleep(20);
  }
  return {
    name,
    url,
    pids: familyOf(child.pid),
    stop: async () => {
      child.kill("SIGTERM");
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** @param tls directives of the server's certificate; empty: plain http */
export function startNginx(server = "return 204;", more = "", tls = ""): Promise<LoadTarget> {
  const folder = makeFolder("nginx");
  const port = freePort();
  writeFileSync(
    join(folder, "nginx.conf"),
    `worker_processes 1;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  ${more}
  server { listen 127.0.0.1:${port}${tls && " ssl"}; ${tls} ${server.includes("location") ? server : `location / { ${server} }`} }
}
`,
  );
  const main = `daemon off; pid ${folder}/pid; error_log stderr error;`;
  return startTarget({
    name: "nginx",
    port,
    command: ["nginx", "-p", folder, "-c", `${folder}/nginx.conf`, "-g", main],
    folder,
    tls: tls !== "",
  });
}

/** The same over TLS, with a certificate as ours are: ECDSA P-256. */
export async function startNginxTls(): Promise<LoadTarget> {
  const folder = makeFolder("certificate");
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const made = Bun.spawnSync(
    ["openssl", ...request, "-subj", "/CN=localhost", "-keyout", key, "-out", cert],
    {
      stdout: "ignore",
      stderr: "pipe",
    },
  );
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  const plain = await startNginx("return 204;", "", `ssl_certificate ${cert}; ssl_certificate_key ${key};`);
  return {
    ...plain,
    stop: async () => {
      await plain.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Looks the key's digest up in a map file, as one guards a service with HAProxy alone. */
export function startHaproxy(keys: string): Promise<LoadTarget> {
  const folder = makeFolder("haproxy");
  const port = freePort();
  const lines = readFileSync(keys, "utf8")
    .split("\n")
    .map((key) => `${createHash("sha256").update(key).digest("hex").toUpperCase()} owner`);
  writeFileSync(join(folder, "keys.map"), `${lines.join("\n")}\n`);
  writeFileSync(
    join(folder, "haproxy.cfg"),
    `global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend keys
  bind 127.0.0.1:${port}
  http-request set-var(txn.owner) req.hdr(authorization),word(2,' '),sha2(256),hex,map_str(${folder}/keys.map)
  http-request return status 200 hdr Remote-User %[var(txn.owner)] if { var(txn.owner) -m found }
  http-request return status 401
`,
  );
  return startTarget({
    name: "HAProxy map",
    port,
    command: ["haproxy", "-f", `${folder}/haproxy.cfg`],
    folder,
  });
}

const BETTER_AUTH = { "better-auth": "1.7.25", "@better-auth/api-key": "1.7.5" };

/** @returns with a file of keys that it made itself */
export async function startBetterAuth(count: number): Promise<{ target: LoadTarget; keys: string }> {
  const folder = makeFolder("better-auth");
  const port = freePort();
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies: BETTER_AUTH }));
  const installed = Bun.spawnSync([process.execPath, "install", "--cwd", folder], {
    stdout: "ignore",
    stderr: "pipe",
  });
  if (installed.exitCode !== 0) throw new Error(installed.stderr.toString());
  writeFileSync(join(folder, "server.ts"), betterAuthServer(port, count));
  const target = await startTarget({
    name: "better-auth",
    port,
    command: [process.execPath, "server.ts"],
    folder,
  });
  return { target, keys: join(folder, "keys.txt") };
}

function betterAuthServer(port: number, count: number): string {
  return `import { Database } from "bun:sqlite";
import { writeFileSync } from "node:fs";
import { apiKey } from "@better-auth/api-key";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
const database = new Database("keys.sqlite");
database.run("PRAGMA journal_mode = WAL");
const secret = crypto.randomUUID() + crypto.randomUUID();
const auth = betterAuth({ database, secret, baseURL: "http://127.0.0.1:${port}", emailAndPassword: { enabled: true }, plugins: [apiKey({ rateLimit: { enabled: false } })] });
await (await getMigrations(auth.options)).runMigrations();
const { user } = await auth.api.signUpEmail({ body: { email: "a@example.org", password: "a long password", name: "A" } });
const keys = [];
for (let made = 0; made < ${count}; made++) keys.push((await auth.api.createApiKey({ body: { userId: user.id, name: "k" + made } })).key);
writeFileSync("keys.txt", keys.join("\\n"));
Bun.serve({
  hostname: "127.0.0.1", port: ${port},
  fetch: async (req) => {
    const key = req.headers.get("authorization")?.slice(7);
    if (!key) return new Response(null, { status: 401 });
    const { valid } = await auth.api.verifyApiKey({ body: { key } });
    return new Response(null, { status: valid ? 200 : 401 });
  },
});
`;
}

export function makeFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `chatelaine-${name}-`));
}
