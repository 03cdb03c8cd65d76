/** The listener of the container image: both address families, and IPv4 alone where the machine has no other. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeInstallation } from "../../server/test/installation.ts";
import { BARE, MAIN, textOf } from "./chatelaine.ts";
import { makeNamespace } from "./namespace.ts";

const IMAGE = readFileSync(join(import.meta.dir, "../../deploy/Containerfile"), "utf8");
const [, everywhere = ""] = /CHATELAINE_HTTPS=(\S+):5397\b/.exec(IMAGE) ?? [];

/** Opens no socket of IPv6, as on a kernel without it: seccomp answers EAFNOSUPPORT. */
const WITHOUT_IPV6 = `
import ctypes, os, platform, struct, sys
number = {"x86_64": 41, "aarch64": 198}[platform.machine()]
rows = [(0x20, 0, 0, 0), (0x15, 0, 3, number), (0x20, 0, 0, 16), (0x15, 0, 1, 10), (0x06, 0, 0, 0x50000 | 97), (0x06, 0, 0, 0x7FFF0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *row) for row in rows))
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("rows", ctypes.c_void_p)]
program = Program(len(rows), ctypes.addressof(code))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0
os.execvp(sys.argv[1], sys.argv[1:])
`;

let folder: string;
let launcher: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "chatelaine-families-"));
  launcher = join(folder, "without-ipv6.py");
  writeFileSync(launcher, WITHOUT_IPV6);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Serves on the image's address, within what is given, and asks each host. @returns what it said, and who answered */
async function served(within: readonly string[], hosts: readonly string[], asking = within) {
  await using installation = await makeInstallation();
  const child = Bun.spawn(
    [
      ...[...within, process.execPath, MAIN, "serve", "--data", installation.path],
      ...["--http", `${everywhere}:0`, "--https", `${everywhere}:0`],
    ],
    { stdout: "pipe", stderr: "pipe", env: BARE, timeout: 60_000, killSignal: "SIGKILL" },
  );
  const stderr = textOf(child.stderr);
  let said = "";
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  while (!said.includes("Listening on https://")) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`serve ended: ${await stderr}`);
    said += value;
  }
  const ports = [...said.matchAll(/^Listening on (https?):\S+:(\d+)$/gm)];
  const answered = await Promise.all(
    ports.flatMap(([, scheme, port]) =>
      hosts.map(async (host) => {
        const asked = Bun.spawn([
          ...asking,
          "curl",
          "-sk",
          "-m",
          "20",
          `${scheme}://${host}:${port}/healthz`,
        ]);
        return [scheme, host, await textOf(asked.stdout)];
      }),
    ),
  );
  child.kill("SIGTERM");
  return { code: await child.exited, answered, log: await stderr };
}

const all = (hosts: readonly string[]) =>
  ["http", "https"].flatMap((scheme) => hosts.map((host) => [scheme, host, "ok\n"]));

test("the image listens to both families", async () => {
  const hosts = ["127.0.0.1", "[::1]"];
  const { code, answered } = await served([], hosts);
  expect({ code, answered }).toEqual({ code: 0, answered: all(hosts) });
});

/** Namespaces are for root alone. */
test.skipIf(process.getuid?.() !== 0)("and where IPv6 is switched off", async () => {
  await using space = makeNamespace();
  const within = ["ip", "netns", "exec", space.name];
  const off = ["all", "default", "lo"].map((name) => `net.ipv6.conf.${name}.disable_ipv6=1`);
  expect(Bun.spawnSync([...within, "sysctl", "-qw", ...off]).exitCode).toBe(0);
  const hosts = ["127.0.0.1", space.guest];
  const { code, answered } = await served(within, hosts);
  expect({ code, answered }).toEqual({ code: 0, answered: all(hosts) });
});

test("and where the kernel has none, with a line in the log", async () => {
  const { code, answered, log } = await served(["python3", launcher], ["127.0.0.1"], []);
  expect({ code, answered }).toEqual({ code: 0, answered: all(["127.0.0.1"]) });
  expect(log).toMatch(/This machine has no IPv6.*0\.0\.0\.0/);
});
