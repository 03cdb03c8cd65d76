import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BARE, MAIN, run, serve, temporaryFolder, textOf } from "./chatelaine.ts";

let folder: string;
let data: string;

beforeEach(() => {
  folder = temporaryFolder();
  data = join(folder, "data");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const SETUP = /^http:\/\/localhost:(\d+)\/setup#token=(\S+) .*one-time, one hour/;

test("the first start prints the setup link first, and makes a folder that only its owner may read", async () => {
  const server = await serve(data);
  const { code } = await server.stop();
  expect(code).toBe(0);
  expect(server.said.split("\n")[0]).toMatch(SETUP);
  expect(SETUP.exec(server.said)?.[1]).toBe(new URL(server.http).port);
  expect(statSync(data).mode & 0o777).toBe(0o700);
});

test("with a user there is no setup link, and setup-link refuses one", async () => {
  await (await serve(data)).stop();
  const link = await run(["setup-link", "--data", data, "--http", "0.0.0.0:8080"]);
  expect(link.code).toBe(0);
  expect(link.stdout).toMatch(/^http:\/\/localhost:8080\/setup#token=\S+\n$/);
  expect(JSON.parse((await run(["setup-link", "--json", "--data", data])).stdout).url).toStartWith(
    "http://localhost:5390/setup#token=",
  );
  await run(["user", "create", "root", "--role", "FULL_ADMIN", "--data", data]);
  expect(await run(["setup-link", "--data", data])).toMatchObject({ code: 1, stdout: "" });
  const server = await serve(data);
  await server.stop();
  expect(server.said).not.toContain("setup");
});

test("with https the start says the certificate's fingerprint, where the CA is and how to trust it", async () => {
  const server = await serve(data, ["--https", "127.0.0.1:0"]);
  const ca = await (await fetch(`${server.http}/ca.pem`)).text();
  expect(ca).toStartWith("-----BEGIN CERTIFICATE-----");
  expect(server.said).toMatch(/^Certificate's SHA-256: ([0-9A-F]{2}:){31}[0-9A-F]{2}$/m);
  for (const words of ["/ca.pem", "--cacert ca.pem", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"])
    expect(server.said).toContain(words);
  const https = /Listening on (https:\S+)/.exec(server.said)?.[1];
  const health = await fetch(`${https}/healthz`, { tls: { rejectUnauthorized: false } });
  expect(health.status).toBe(200);
  expect((await server.stop()).code).toBe(0);
});

test("started through SSH it tells the tunnel and how to listen for the network", async () => {
  const server = await serve(data, [], { SSH_CONNECTION: "192.0.2.7 50000 192.0.2.1 2222", USER: "ada" });
  await server.stop();
  const { port } = new URL(server.http);
  expect(server.said).toContain(`ssh -p 2222 -L ${port}:localhost:${port} ada@192.0.2.1`);
  expect(server.said).toContain("--https 0.0.0.0:5397");
});

/** As in a container with a number of its own: the system knows no name and no home folder of this user. */
function asNobody(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return Bun.spawn(["unshare", "--user", "--map-user=54321", process.execPath, MAIN, ...args], {
    stdout: "pipe",
    stderr: "pipe",
    // Where HOME is no whole path, Bun keeps files of its own below this folder.
    cwd: folder,
    env: { PATH: BARE.PATH, ...env },
    timeout: 30_000,
    killSignal: "SIGKILL",
  });
}

test("a user without a home folder is told in one line which option to give, by every command that needs one", async () => {
  for (const home of [undefined, "", "relative"])
    for (const args of [["serve"], ["key", "list"], ["doctor", "--proxy", "http://127.0.0.1:1/"]]) {
      const child = asNobody(args, home === undefined ? {} : { HOME: home });
      expect(await textOf(child.stderr)).toBe(
        "chatelaine: This user has no home folder (HOME is not set, or is not a whole path): name a folder for the data with --data or CHATELAINE_DATA\n",
      );
      expect(await child.exited).toBeGreaterThan(0);
    }
});

test("a user without home folder and name serves, is told what notices no rollback, and gets the line for SSH", async () => {
  const args = ["serve", "--data", data, "--http", "127.0.0.1:0", "--https", "off"];
  const child = asNobody(args, { SSH_CONNECTION: "192.0.2.7 50000 192.0.2.1 22" });
  const stderr = textOf(child.stderr);
  let said = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    said += part;
    if (said.includes("For the whole network")) child.kill("SIGTERM");
  }
  expect(said).toContain(" USER@192.0.2.1\n");
  expect([await child.exited, await stderr]).toEqual([
    0,
    expect.stringContaining("--state names a folder for it"),
  ]);
});

test("SIGTERM and SIGINT end it with exit code 0, SIGHUP does not end it", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const server = await serve(data);
    process.kill(server.pid, "SIGHUP");
    expect((await fetch(`${server.http}/healthz`)).status).toBe(200);
    expect((await server.stop(signal)).code).toBe(0);
    await expect(fetch(`${server.http}/healthz`)).rejects.toThrow();
  }
});

test("a port in use is one line that names the flag, with exit code 1", async () => {
  const holder = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  try {
    const { code, stderr } = await run([
      "serve",
      "--data",
      data,
      "--http",
      `127.0.0.1:${holder.port}`,
      "--https",
      "off",
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^chatelaine: --http.*\n$/);
    expect(stderr).toContain(String(holder.port));
  } finally {
    holder.stop(true);
  }
});

test("a folder that cannot be used, a wrong master secret and a broken certificate are one line each", async () => {
  await (await serve(data)).stop();
  const file = join(folder, "file");
  writeFileSync(file, "not a folder, not a certificate");
  const other = join(folder, "other");
  mkdirSync(other, { mode: 0o700 });
  const start = (args: readonly string[], env?: Record<string, string>) =>
    run(["serve", "--http", "off", "--https", "127.0.0.1:0", ...args], { env });
  const refusals = await Promise.all([
    start(["--data", join(file, "data")]),
    start(["--data", data], { CHATELAINE_SECRET: "00".repeat(32) }),
    start(["--data", other, "--cert", file, "--key", file]),
  ]);
  // 78 is EX_CONFIG: what will be so again is not to be started again.
  expect(refusals.map(({ code }) => code)).toEqual([1, 78, 1]);
  for (const { stdout, stderr } of refusals) {
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^chatelaine: .+\n$/);
  }
});

test("a folder that is there but holds no Chatelaine is said to hold none", async () => {
  mkdirSync(data);
  chmodSync(data, 0o700);
  const { code, stderr } = await run(["key", "list", "--data", data]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^chatelaine: There is no Chatelaine in .+\n$/);
});

test("a master secret that others may read is told of", async () => {
  const isTold = "Data folder is readable by other users";
  expect((await (await serve(data)).stop()).stderr).not.toContain(isTold);
  chmodSync(join(data, "secret"), 0o644);
  expect((await (await serve(data)).stop()).stderr).toContain(`${isTold} path=${join(data, "secret")}`);
});

test("a standard output that nobody reads does not end the server", async () => {
  const socket = join(folder, "socket");
  const main = join(import.meta.dir, "../src/main.ts");
  const child = Bun.spawn(
    [process.execPath, main, "serve", "--data", data, "--http", `unix:${socket}`, "--https", "off"],
    { stdout: "pipe", stderr: "ignore", env: BARE },
  );
  try {
    await child.stdout.cancel();
    const answers = (): Promise<boolean> =>
      fetch("http://localhost/healthz", { unix: socket }).then(
        ({ ok }) => ok,
        () => false,
      );
    for (let tries = 0; tries < 200 && !(await answers()); tries++) await Bun.sleep(50);
    expect(await answers()).toBe(true);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  } finally {
    child.kill("SIGKILL");
  }
});

test("every flag of serve has an environment variable, and the flag wins", async () => {
  const env = { CHATELAINE_DATA: data, CHATELAINE_HTTP: "off", CHATELAINE_HTTPS: "off" };
  const off = await run(["serve"], { env });
  expect(off).toMatchObject({ code: 2, stdout: "" });
  expect(off.stderr).toContain("--http and --https are both off");
  const wrong = {
    CHATELAINE_CERT: "a.pem",
    CHATELAINE_SOCKET_MODE: "rw",
    CHATELAINE_TRUSTED_PROXY: "10.0.0.0/8, nowhere",
    CHATELAINE_ALLOW_ORIGIN: "example.org",
    CHATELAINE_ALLOW_HOST: "example.org:80",
    CHATELAINE_ANONYMOUS_RATE: "-1",
    CHATELAINE_LOG_LEVEL: "loud",
    CHATELAINE_LOG_FORMAT: "xml",
  };
  const { code, stderr } = await run(["serve"], { env: { ...env, ...wrong } });
  expect(code).toBe(2);
  for (const flag of [
    "--cert",
    "--socket-mode",
    "--trusted-proxy",
    "--allow-origin",
    "--allow-host",
    "--anonymous-rate",
    "--log-level",
    "--log-format",
  ])
    expect(stderr).toContain(`chatelaine: ${flag}`);
  const server = await serve(data, [], { CHATELAINE_DATA: "/nonexistent/env", CHATELAINE_HTTP: "off" });
  expect((await server.stop()).code).toBe(0);
});
