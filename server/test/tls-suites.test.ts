/** What TLS offers: real handshakes by openssl, for each suite that it knows, with both kinds of certificates, before and after a renewal. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Server } from "../src/server.ts";
import { type Folder, makeInstallation } from "./installation.ts";

const KINDS = { ECDSA: ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], RSA: ["rsa:2048"] } as const;
const GOOD = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"];
/** What TLS 1.2 is left with on a lowered level of security, so that the client refuses nothing itself. */
const LEVEL = "@SECLEVEL=0";

let files: string;
beforeAll(() => {
  files = mkdtempSync(join(tmpdir(), "chatelaine-suites-"));
  for (const [kind, newkey] of Object.entries(KINDS)) {
    for (const name of [kind, `${kind}-renewed`]) {
      const out = ["-keyout", join(files, `${name}.key`), "-out", join(files, `${name}.pem`)];
      run(["openssl", "req", "-x509", "-nodes", "-subj", "/CN=localhost", "-newkey", ...newkey, ...out]);
    }
  }
});
afterAll(() => rmSync(files, { recursive: true, force: true }));

function run(command: readonly string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return stdout.toString();
}

function urlOf({ urls }: Server): string {
  return urls.find((url) => url.startsWith("https:"))!;
}

/** The certificate that a new connection sees. */
async function shownBy(url: string): Promise<string | undefined> {
  return /-----BEGIN CERTIFICATE-----[^-]*/.exec(await connected(url))?.[0];
}

/** The suite that was agreed on, or `refused`. */
async function handshake(url: string, ...how: readonly string[]): Promise<string> {
  const suite = /Cipher is (\S+)/.exec(await connected(url, ...how))?.[1] ?? "(NONE)";
  return suite === "(NONE)" ? "refused" : suite;
}

async function connected(url: string, ...how: readonly string[]): Promise<string> {
  const child = Bun.spawn(["openssl", "s_client", "-connect", new URL(url).host, ...how], {
    stdin: new Blob([]),
    stdout: "pipe",
    stderr: "ignore",
  });
  const text = await new Response(child.stdout).text();
  await child.exited;
  return text;
}

/** All that openssl can be made to offer by TLS 1.2 and before, with encryption or without, but what needs a shared secret. */
function oldSuites(): string[] {
  const all = run(["openssl", "ciphers", `ALL:eNULL:${LEVEL}`])
    .trim()
    .split(":");
  return all.filter((suite) => !/^TLS_|PSK|SRP/.test(suite));
}

async function expectSuites(server: Server, kind: keyof typeof KINDS): Promise<void> {
  const url = urlOf(server);
  const good = GOOD.map((cipher) => `ECDHE-${kind}-${cipher}`);
  const answers = new Map<string, string>();
  const asked = oldSuites();
  while (asked.length > 0) {
    const some = asked.splice(0, 8);
    const answered = some.map((suite) => handshake(url, "-tls1_2", "-cipher", `${suite}:${LEVEL}`));
    for (const [at, answer] of (await Promise.all(answered)).entries()) answers.set(some[at]!, answer);
  }
  const accepted = [...answers].filter(([, answer]) => answer !== "refused").map(([suite]) => suite);
  expect(accepted.sort()).toEqual(good.sort());
  // The list was real: those that Bun offers by itself are in it.
  expect(answers.get(`ECDHE-${kind}-AES128-SHA`)).toBe("refused");
  for (const suite of ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])
    expect(await handshake(url, "-tls1_3", "-ciphersuites", suite)).toBe(suite);
  for (const version of ["-tls1", "-tls1_1"])
    expect([version, await handshake(url, version, "-cipher", `ALL:${LEVEL}`)]).toEqual([version, "refused"]);
}

describe.each(Object.keys(KINDS) as (keyof typeof KINDS)[])("with a certificate of the kind %s", (kind) => {
  test("only AEAD suites are agreed on, by TLS 1.2 and 1.3, and after a renewal too", async () => {
    await using folder: Folder = await makeInstallation();
    const [cert, key] = [join(files, "served.pem"), join(files, "served.key")];
    const take = (name: string): void => {
      copyFileSync(join(files, `${name}.pem`), cert);
      copyFileSync(join(files, `${name}.key`), key);
    };
    take(kind);
    const server = await folder.serve({ https: "127.0.0.1:0", cert, key });
    await expectSuites(server, kind);
    take(`${kind}-renewed`);
    const url = urlOf(server);
    const before = await shownBy(url);
    await server.refreshCertificate();
    expect(await shownBy(url)).not.toBe(before);
    for (const suite of [`ECDHE-${kind}-AES128-SHA`, `ECDHE-${kind}-AES256-SHA`, "AES128-SHA"])
      expect([suite, await handshake(url, "-tls1_2", "-cipher", `${suite}:${LEVEL}`)]).toEqual([
        suite,
        "refused",
      ]);
    const good = `ECDHE-${kind}-CHACHA20-POLY1305`;
    expect(await handshake(url, "-tls1_2", "-cipher", good)).toBe(good);
  }, 120_000);
});
