/** The page "Backup, restore, upgrade and going back": its commands are run as they stand, in their order, on a real server. */
import { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openLocal } from "../src/app.ts";
import { PASSPHRASE, removeAll, scratchFolder } from "./backup-app.ts";
import { QUIET, SYSTEM } from "./installation.ts";
import { openRest, until } from "./rest-app.ts";

setDefaultTimeout(180_000);
const MAIN = new URL("../../cli/src/main.ts", import.meta.url).pathname;

/** The blocks of commands, as a reader copies them. */
async function commands(): Promise<string[]> {
  await using rest = await openRest();
  const { status, text } = await rest.send("GET /api/docs/current/backup-and-restore");
  expect(status).toBe(200);
  return [...text.matchAll(/<pre[^>]*>([\s\S]*?)<\/pre>/g)].map((match) =>
    match[1]!
      .replaceAll("&quot;", '"')
      .replaceAll("&#39;", "'")
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&amp;", "&"),
  );
}

interface Machine {
  readonly root: string;
  readonly data: string;
  readonly env: Record<string, string>;
  sh(command: string): Promise<string>;
}

/** Where the page's folders are folders of ours, and `systemctl` starts and stops a server. */
function machine(): Machine {
  const root = scratchFolder();
  const [bin, data] = [join(root, "bin"), join(root, "var/lib/chatelaine")];
  for (const path of [bin, join(root, "mnt/backups"), join(root, "root"), join(root, "srv")])
    mkdirSync(path, { recursive: true });
  writeFileSync(join(root, "root/passphrase"), `${PASSPHRASE}\n`);
  const script = (name: string, text: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  script("chatelaine", `exec "${process.execPath}" "${MAIN}" "$@"`);
  const [pid, said] = [join(root, "pid"), join(root, "said")];
  script(
    "systemctl",
    `if [ "$1" = start ]; then
  : > "${said}"
  chatelaine serve > "${said}" 2>> "${root}/log" &
  echo $! > "${pid}"
  until grep -q Listening "${said}"; do kill -0 "$(cat "${pid}")" || exit 1; sleep 0.1; done
else
  kill "$(cat "${pid}")" && while kill -0 "$(cat "${pid}")" 2>/dev/null; do sleep 0.1; done
fi`,
  );
  const env = {
    PATH: `${bin}:${process.env.PATH}`,
    HOME: root,
    CHATELAINE_DATA: data,
    CHATELAINE_STATE: join(root, "state"),
    CHATELAINE_HTTP: "127.0.0.1:0",
    CHATELAINE_HTTPS: "off",
  };
  const sh = async (command: string): Promise<string> => {
    const placed = command.replaceAll(/(?<![\w/])\/(mnt|root|srv|var)\//g, `${root}/$1/`);
    const child = Bun.spawn(["sh", "-euc", placed], { env, stdout: "pipe", stderr: "pipe" });
    const [out, error] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    expect([command, await child.exited, error]).toEqual([command, 0, error]);
    return out + error;
  };
  return { root, data, env, sh };
}

test("the page's commands back up, restore, move and go back as it says", async () => {
  const { root, data, env, sh } = machine();
  const blocks = await commands();
  const taken = new Set<string>();
  /** The one block that has these words. */
  const block = (words: string): string => {
    const found = blocks.filter((one) => one.includes(words));
    expect([words, found.length]).toEqual([words, 1]);
    taken.add(found[0]!);
    return found[0]!;
  };
  try {
    await sh("systemctl start chatelaine");
    await sh("chatelaine user create root --role FULL_ADMIN && chatelaine key create --user root --name ci");
    expect(await sh(block("--verify"))).toContain("Whole.");
    await sh(block("--with-secret"));
    await sh("chatelaine key revoke 1 --reason lost && chatelaine key create --user root --name later");
    const dry = await sh(block("--dry-run"));
    expect(dry).toContain("key 1 ci: revoked");
    expect(dry).toContain("A server runs on this folder");
    await sh(block("chatelaine restore /mnt"));
    expect(await sh("chatelaine key list")).toMatch(/ci .*revoked/);
    expect(readdirSync(data).some((name) => name.startsWith("before-restore-"))).toBe(true);
    const asItWas = await sh(block("--as-it-was"));
    expect(asItWas).toContain("Accepted.");
    expect(asItWas).toMatch(/ci .*active/);
    const moved = await sh(block("--data /srv"));
    expect(moved).toMatch(/ci .*active[\s\S]*Accepted\./);
    await sh("systemctl stop chatelaine");

    // By itself: until there is one.
    const written = () =>
      readdirSync(join(root, "mnt/backups")).filter((name) => /^chatelaine-.*\.backup$/.test(name));
    const command = block("--backup-every").replace("/mnt/backups", join(root, "mnt/backups"));
    const serving = Bun.spawn(["sh", "-c", `exec ${command}`], { env, stdout: "ignore", stderr: "ignore" });
    await until(() => written().length === 1);
    serving.kill("SIGTERM");
    expect(await serving.exited).toBe(0);

    // As after an upgrade: a backup that was written before it, and tables that this version does not know.
    await sh("systemctl start chatelaine");
    await sh(`chatelaine backup "${data}/before-9.9.9-20300101T000000Z.backup"`);
    const database = new Database(join(data, "chatelaine.db"));
    database.run("PRAGMA user_version = 999");
    database.close();
    const back = await sh(block("ls -t"));
    expect(back).toContain("a newer Chatelaine made it");
    expect(back).toContain("Accepted.");
    expect(readdirSync(data).some((name) => name.startsWith("replaced-"))).toBe(true);
    await sh("systemctl stop chatelaine");
    const app = await openLocal({ data, state: env.CHATELAINE_STATE! }, { log: QUIET });
    expect((await app.keys.list(SYSTEM, {})).rows.map(({ name }) => name)).toEqual(["ci"]);
    await app.close();
    expect(blocks.filter((one) => !taken.has(one))).toEqual([]);
  } finally {
    if (existsSync(join(root, "pid"))) Bun.spawnSync(["sh", "-c", `kill "$(cat "${root}/pid")" 2>/dev/null`]);
    removeAll(root);
  }
});
