/** A network namespace with one address on a link to this one, as a container has, and a certificate for it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Namespace extends AsyncDisposable {
  readonly name: string;
  /** Our end of the link. */
  readonly host: string;
  readonly guest: string;
}

function ip(...args: string[]): boolean {
  return Bun.spawnSync(["ip", ...args], { stdout: "ignore", stderr: "ignore" }).exitCode === 0;
}

let count = 0;

export function makeNamespace(): Namespace {
  count++;
  const part = (process.pid % 200) + 10;
  const name = `chatelaine-${process.pid}-${count}`;
  const [host, guest] = [`10.213.${part}.${count * 4 + 1}`, `10.213.${part}.${count * 4 + 2}`];
  const [near, far] = [`ckh${process.pid % 100_000}x${count}`, `ckg${process.pid % 100_000}x${count}`];
  const steps = [
    ["netns", "add", name],
    ["link", "add", near, "type", "veth", "peer", "name", far],
    ["link", "set", far, "netns", name],
    ["address", "add", `${host}/30`, "dev", near],
    ["link", "set", near, "up"],
    ["-n", name, "address", "add", `${guest}/30`, "dev", far],
    ["-n", name, "link", "set", far, "up"],
    ["-n", name, "link", "set", "lo", "up"],
  ];
  for (const step of steps) if (!ip(...step)) throw new Error(`ip ${step.join(" ")} failed`);
  return {
    name,
    host,
    guest,
    [Symbol.asyncDispose]: async () => {
      ip("link", "delete", near);
      ip("netns", "delete", name);
    },
  };
}

/**
 * Self-signed; `both` holds certificate and key, as HAProxy wants them.
 * @param address one more that it is for
 */
export function makeCertificate(address = "127.0.0.1"): {
  readonly both: string;
  readonly key: string;
  remove(): void;
} {
  const folder = mkdtempSync(join(tmpdir(), "chatelaine-cert-"));
  const [both, cert, key] = ["both.pem", "cert.pem", "key.pem"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const made = Bun.spawnSync([
    ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...[
      "-days",
      "2",
      "-subj",
      "/CN=test",
      "-addext",
      `subjectAltName=DNS:localhost,IP:127.0.0.1,IP:${address}`,
      "-keyout",
      key,
      "-out",
      cert,
    ],
  ]);
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  writeFileSync(both, readFileSync(cert, "utf8") + readFileSync(key, "utf8"));
  return { both, key, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
