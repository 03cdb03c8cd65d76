import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHash, X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { findRuntime } from "../../../client/test/runtimes.ts";
import { deriveSecrets } from "../crypto.ts";
import { AppError } from "../domain/errors.ts";
import {
  bindingOf,
  type CertificateOptions,
  type Certificates,
  openCertificates,
  tlsServerEndPoint,
} from "./certificates.ts";

await import("reflect-metadata");
const { issueAuthority, issueLeaf } = await import("./issue.ts");

const DAY_MS = 86_400_000;
const secrets = deriveSecrets(new Uint8Array(32).fill(7));
let folder: string;
let now: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "chatelaine-tls-"));
  now = Date.now();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(more: Partial<CertificateOptions> = {}): Promise<Certificates> {
  const clock = { now: () => now };
  const { seal, unseal } = secrets;
  return openCertificates({
    folder: join(folder, "tls"),
    names: ["keys.test", "192.0.2.7"],
    seal,
    unseal,
    clock,
    ...more,
  });
}

interface Outcome {
  readonly code: number;
  readonly text: string;
}

async function run(...command: string[]): Promise<Outcome> {
  const child = Bun.spawn(command, { cwd: folder, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, text: out + err };
}

async function openssl(...args: string[]): Promise<string> {
  const { code, text } = await run("openssl", ...args);
  if (code !== 0) throw new Error(`openssl ${args.join(" ")}: ${text}`);
  return text;
}

/** Writes NAME.pem and NAME.key. */
async function selfSign(name: string, ...args: string[]): Promise<{ certFile: string; keyFile: string }> {
  const days = args.includes("-days") ? [] : ["-days", "30"];
  const out = ["-keyout", `${name}.key`, "-out", `${name}.pem`, "-nodes", "-subj", "/CN=provided.test"];
  await openssl("req", "-x509", ...days, ...args, ...out, "-addext", "subjectAltName=DNS:provided.test");
  return { certFile: join(folder, `${name}.pem`), keyFile: join(folder, `${name}.key`) };
}

function serve(certificates: Certificates): { port: number; stop(): void } {
  const { certPem, keyPem } = certificates.current();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: certPem, key: keyPem },
    fetch: () => new Response("served"),
  });
  return { port: server.port as number, stop: () => void server.stop(true) };
}

describe("the local CA's certificate", () => {
  test("verifies with openssl for each of its names", async () => {
    const certificates = await open();
    writeFileSync(join(folder, "ca.pem"), certificates.caPem() as string);
    writeFileSync(join(folder, "leaf.pem"), certificates.current().certPem);
    const verify = ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "ca.pem"];
    for (const name of ["localhost", "keys.test"])
      await openssl(...verify, "-verify_hostname", name, "leaf.pem");
    for (const ip of ["127.0.0.1", "::1", "192.0.2.7"])
      await openssl(...verify, "-verify_ip", ip, "leaf.pem");
    const text = await openssl("x509", "-in", "ca.pem", "-noout", "-text");
    expect(text).toMatch(/Name Constraints: critical\s+Permitted:/);
    expect(text).toMatch(/CA:TRUE, pathlen:0/);
    expect(await openssl("x509", "-in", "leaf.pem", "-noout", "-text")).toContain(
      "TLS Web Server Authentication",
    );
  });

  test("is trusted by curl and Node by the CA, and by Bun by the leaf itself", async () => {
    const certificates = await open();
    const server = serve(certificates);
    try {
      writeFileSync(join(folder, "ca.pem"), certificates.caPem() as string);
      for (const host of ["localhost", "127.0.0.1"]) {
        const url = `https://${host}:${server.port}/`;
        expect(await run("curl", "-sS", "--noproxy", "*", "--cacert", "ca.pem", url)).toEqual({
          code: 0,
          text: "served",
        });
        // Bun's TLS library knows no address constraints: it refuses the CA and takes the leaf as its own anchor.
        const tls = { ca: certificates.current().certPem, allowPartialTrustChain: true };
        expect(await (await fetch(url, { tls } as RequestInit)).text()).toBe("served");
      }
      const node = findRuntime("Node 20", folder);
      const script = `require("https").get("https://127.0.0.1:${server.port}/", (res) => console.log(res.resume().statusCode))`;
      const child = Bun.spawn([node, "-e", script], {
        env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, "ca.pem") },
        stderr: "inherit",
      });
      expect((await new Response(child.stdout).text()).trim()).toBe("200");
    } finally {
      server.stop();
    }
  });

  test("is the one that a client gets, and the binding is its digest", async () => {
    const certificates = await open();
    const server = serve(certificates);
    try {
      const seen = await peerCertificate(server.port);
      expect(seen).toEqual(certificates.current().leafDer);
      expect(Buffer.from(certificates.binding())).toEqual(createHash("sha256").update(seen).digest());
      expect(certificates.current().fingerprint).toBe(new X509Certificate(Buffer.from(seen)).fingerprint256);
    } finally {
      server.stop();
    }
  });

  test("a name below one of its own is vouched for, which the standard cannot tell apart", async () => {
    const authority = await issueAuthority(["keys.test", "192.0.2.7"], now);
    writeFileSync(join(folder, "ca.pem"), authority.certPem);
    writeFileSync(
      join(folder, "leaf.pem"),
      (await issueLeaf(authority, ["x.keys.test"], { now, lifeMs: DAY_MS })).certPem,
    );
    const verify = ["verify", "-CAfile", "ca.pem", "-verify_hostname", "x.keys.test", "leaf.pem"];
    expect((await run("openssl", ...verify)).code).toBe(0);
    writeFileSync(
      join(folder, "leaf.pem"),
      (await issueLeaf(authority, ["xkeys.test"], { now, lifeMs: DAY_MS })).certPem,
    );
    expect((await run("openssl", "verify", "-CAfile", "ca.pem", "leaf.pem")).code).not.toBe(0);
  });

  test("a foreign name or address under the same CA is refused", async () => {
    const authority = await issueAuthority(["keys.test", "192.0.2.7"], now);
    writeFileSync(join(folder, "ca.pem"), authority.certPem);
    for (const foreign of ["bank.test", "192.0.2.8", "2001:db8::1"]) {
      const leaf = await issueLeaf(authority, [foreign], { now, lifeMs: DAY_MS });
      writeFileSync(join(folder, "leaf.pem"), leaf.certPem);
      const { code, text } = await run("openssl", "verify", "-CAfile", "ca.pem", "leaf.pem");
      expect(code).not.toBe(0);
      expect(text).toContain("permitted subtree violation");
    }
  });
});

function peerCertificate(port: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
      resolve(new Uint8Array(socket.getPeerCertificate().raw));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

describe("the folder of the local CA", () => {
  test("is read again by the next start, byte for byte", async () => {
    const first = await open();
    const second = await open();
    expect(second.current()).toEqual(first.current());
    expect([first.isNewAuthority(), second.isNewAuthority()]).toEqual([true, false]);
  });

  test("holds keys that others cannot read, the CA's sealed, and nothing left over", async () => {
    await open();
    const tls = join(folder, "tls");
    expect(readdirSync(tls).sort()).toEqual(["ca.key.sealed", "ca.pem", "server.key", "server.pem"]);
    const mode = (name: string): string => (statSync(join(tls, name)).mode & 0o777).toString(8);
    expect(["ca.key.sealed", "server.key", "ca.pem"].map(mode)).toEqual(["600", "600", "644"]);
    const sealed = readFileSync(join(tls, "ca.key.sealed"));
    // The object identifier of P-256, which every unsealed key would hold.
    expect(sealed.includes(Buffer.from("2a8648ce3d030107", "hex"))).toBe(false);
  });

  test("keeps the CA and renews the leaf when less than a third of its time is left", async () => {
    const certificates = await open();
    const { fingerprint } = certificates.current();
    const ca = certificates.caPem();
    now += 59 * DAY_MS;
    expect(await certificates.refresh()).toBe(false);
    now += 2 * DAY_MS;
    expect(await certificates.refresh()).toBe(true);
    expect(certificates.current().fingerprint).not.toBe(fingerprint);
    expect(certificates.current().notAfter).toBeGreaterThan(now + 80 * DAY_MS);
    expect([certificates.caPem(), certificates.isNewAuthority()]).toEqual([ca, false]);
  });

  test("gets a new CA when the old one may not vouch for a name, and says so", async () => {
    const ca = (await open()).caPem();
    const fewer = await open({ names: ["keys.test"] });
    expect([fewer.caPem(), fewer.isNewAuthority()]).toEqual([ca, false]);
    const below = await open({ names: ["a.keys.test"] });
    expect([below.caPem(), below.isNewAuthority()]).toEqual([ca, false]);
    const other = await open({ names: ["other.test"] });
    expect(other.caPem()).not.toBe(ca);
    expect(other.isNewAuthority()).toBe(true);
  });

  test("gets a new CA before a leaf would outlive the old one", async () => {
    const ca = (await open()).caPem();
    now += 3600 * DAY_MS;
    const later = await open();
    expect(later.caPem()).not.toBe(ca);
    expect(later.isNewAuthority()).toBe(true);
  });

  test("issues again after a crash between key and certificate, and past a dead process's lock", async () => {
    const first = await open();
    const key = join(folder, "tls", "server.key");
    await openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key);
    writeFileSync(join(folder, "tls", "lock"), "999999999");
    const second = await open();
    expect(second.current().fingerprint).not.toBe(first.current().fingerprint);
    expect(second.caPem()).toBe(first.caPem());
    expect(existsSync(join(folder, "tls", "lock"))).toBe(false);
  });

  test("is made once when eight open it at the same time", async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => open()));
    expect(new Set(all.map((one) => one.current().fingerprint)).size).toBe(1);
    expect(all.filter((one) => one.isNewAuthority())).toHaveLength(1);
  });

  test("refuses a wrong master secret instead of replacing the CA in silence", async () => {
    await open();
    rmSync(join(folder, "tls", "server.pem"));
    const { seal, unseal } = deriveSecrets(new Uint8Array(32).fill(8));
    await expect(open({ seal, unseal })).rejects.toMatchObject({ code: "invalid" });
  });

  test("leaves out names that can stand in no certificate", async () => {
    const certificates = await open({ names: ["my_host", "", "KEYS.Test.", "fe80::1%eth0", "1.2.3"] });
    expect([...certificates.current().names].sort()).toEqual([
      "127.0.0.1",
      "::1",
      "fe80::1",
      "keys.test",
      "localhost",
    ]);
  });
});

describe("a provided certificate", () => {
  async function refusal(provided: { certFile: string; keyFile: string }): Promise<AppError> {
    try {
      await open({ provided });
    } catch (error) {
      if (error instanceof AppError) return error;
    }
    throw new Error("It was not refused");
  }

  test("is served as it is, and read again by a refresh", async () => {
    const files = await selfSign("a", "-newkey", "rsa:2048");
    const certificates = await open({ provided: files });
    expect(certificates.current().certPem).toBe(readFileSync(files.certFile, "utf8"));
    expect(certificates.current().names).toEqual(["provided.test"]);
    expect(certificates.caPem()).toBeUndefined();
    expect(await certificates.refresh()).toBe(false);
    await selfSign("a", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256");
    expect(await certificates.refresh()).toBe(true);
    expect(existsSync(join(folder, "tls"))).toBe(false);
  });

  test("that is broken leaves the one that is served", async () => {
    const files = await selfSign("a", "-newkey", "rsa:2048");
    const certificates = await open({ provided: files });
    const before = certificates.current();
    writeFileSync(files.certFile, "half a certificate");
    await expect(certificates.refresh()).rejects.toMatchObject({ code: "invalid" });
    expect(certificates.current()).toEqual(before);
  });

  test("is refused in one line that says why", async () => {
    const good = await selfSign("good", "-newkey", "rsa:2048");
    const other = await selfSign("other", "-newkey", "rsa:2048");
    const edwards = await selfSign("edwards", "-newkey", "ed25519");
    const short = await selfSign("short", "-newkey", "rsa:2048", "-days", "1");
    const encrypted = join(folder, "encrypted.key");
    await openssl("pkcs8", "-topk8", "-in", good.keyFile, "-passout", "pass:x", "-out", encrypted);
    writeFileSync(join(folder, "text.pem"), "hello");
    writeFileSync(
      join(folder, "damaged.pem"),
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    const at = (name: string): string => join(folder, name);
    const refusals: readonly [{ certFile: string; keyFile: string }, RegExp][] = [
      [{ ...good, certFile: at("none.pem") }, /certificate file .*none\.pem does not exist/],
      [{ ...good, keyFile: at("none.key") }, /key file .*none\.key does not exist/],
      [{ ...good, certFile: at("text.pem") }, /holds no certificate in PEM form/],
      [{ ...good, certFile: at("damaged.pem") }, /is damaged/],
      [{ ...good, keyFile: at("text.pem") }, /holds no private key in PEM form/],
      [{ ...good, keyFile: encrypted }, /encrypted/],
      [{ ...good, keyFile: other.keyFile }, /does not belong to the certificate/],
      [edwards, /Ed25519.*channel binding.*RSA or ECDSA/],
    ];
    for (const [provided, why] of refusals) {
      const error = await refusal(provided);
      expect(error.code).toBe("invalid");
      expect(error.message).toMatch(why);
      expect(error.message).not.toContain("\n");
    }
    now += 2 * DAY_MS;
    expect((await refusal(short)).message).toMatch(/expired on/);
  });
});

describe("tls-server-end-point (RFC 5929, section 4.1)", () => {
  const vectors: readonly [string, readonly string[], string][] = [
    ["RSA with SHA-256", ["-newkey", "rsa:2048", "-sha256"], "sha256"],
    ["RSA with SHA-1 by SHA-256", ["-newkey", "rsa:2048", "-sha1"], "sha256"],
    ["RSA with MD5 by SHA-256", ["-newkey", "rsa:2048", "-md5"], "sha256"],
    ["RSA with SHA-384", ["-newkey", "rsa:2048", "-sha384"], "sha384"],
    ["RSA with SHA-512", ["-newkey", "rsa:2048", "-sha512"], "sha512"],
    ["ECDSA with SHA-384", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384"], "sha384"],
    [
      "ECDSA with SHA-1 by SHA-256",
      ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-sha1"],
      "sha256",
    ],
    [
      "RSASSA-PSS with SHA-512",
      ["-newkey", "rsa:2048", "-sha512", "-sigopt", "rsa_padding_mode:pss"],
      "sha512",
    ],
    [
      "RSASSA-PSS with SHA-1 by SHA-256",
      ["-newkey", "rsa:2048", "-sha1", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:20"],
      "sha256",
    ],
  ];
  for (const [name, args, hash] of vectors) {
    test(`${name} is openssl's digest`, async () => {
      await selfSign("v", ...args);
      await openssl("x509", "-in", "v.pem", "-outform", "DER", "-out", "v.der");
      const digest = (await openssl("dgst", `-${hash}`, "-r", "v.der")).split(" ")[0];
      const der = new Uint8Array(readFileSync(join(folder, "v.der")));
      expect(Buffer.from(tlsServerEndPoint(der)).toString("hex")).toBe(digest as string);
    });
  }

  test("is undefined for Ed25519, and for what is no certificate", async () => {
    await selfSign("e", "-newkey", "ed25519");
    await openssl("x509", "-in", "e.pem", "-outform", "DER", "-out", "e.der");
    const der = new Uint8Array(readFileSync(join(folder, "e.der")));
    expect(() => tlsServerEndPoint(der)).toThrow("undefined for signature algorithm 1.3.101.112");
    const pem = readFileSync(join(folder, "e.pem"), "utf8");
    expect([bindingOf(pem), bindingOf(null), bindingOf("no PEM")]).toEqual([undefined, undefined, undefined]);
    const { certFile } = await selfSign("bindable", "-newkey", "rsa:2048");
    expect(bindingOf(readFileSync(certFile, "utf8"))?.()).toHaveLength(32);
    for (let cut = 0; cut < der.length; cut += 7)
      expect(() => tlsServerEndPoint(der.subarray(0, cut))).toThrow();
  });
});
