/** Backups and restores of a real installation, as the command line makes them. */
import { cpSync, createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGunzip } from "node:zlib";
import type { App } from "../src/app.ts";
import { readHead } from "../src/backup/format.ts";
import type { Key } from "../src/domain/key.ts";
import { type FromBackupResult, restoreFromBackup } from "../src/restore/restore.ts";
import type { Server } from "../src/server.ts";
import { type Folder, makeInstallation, PASSWORD, SYSTEM } from "./installation.ts";

export const PASSPHRASE = "correct horse battery staple";

export function scratchFolder(): string {
  return mkdtempSync(join(tmpdir(), "chatelaine-backup-test-"));
}

export async function backup(app: App, path: string, passphrase?: string): Promise<string> {
  await app.backups.write(SYSTEM, { kind: "file", path, replace: true }, { passphrase });
  return path;
}

export interface RestoreInto {
  readonly path: string;
  readonly state: string | null;
}

export function restore(
  { path, state }: RestoreInto,
  file: string,
  more: { asItWas?: boolean; dryRun?: boolean; passphrase?: string; now?: number } = {},
): Promise<FromBackupResult> {
  return restoreFromBackup({
    ...{ by: SYSTEM, file, folder: path, stateFolder: state, now: more.now ?? Date.now() },
    ...{ asItWas: more.asItWas ?? false, dryRun: more.dryRun ?? false },
    passphrase: async () => more.passphrase ?? "no passphrase was given",
    random: (count) => crypto.getRandomValues(new Uint8Array(count)),
  });
}

/** What is packed in a backup, as text. */
export async function unpacked(file: string): Promise<string> {
  const whole = readFileSync(file);
  const { bytes } = readHead(whole);
  const end = whole.lastIndexOf("\nmac=");
  const stream = createReadStream(file, { start: bytes, end: end - 1 }).pipe(createGunzip());
  let text = "";
  for await (const part of stream) text += (part as Buffer).toString("utf8");
  return text;
}

/** The same backup with another manifest, whole again by its own checksum: as somebody could write who has no secret. */
export function withManifest(file: string, change: (manifest: Record<string, unknown>) => void): string {
  const whole = readFileSync(file);
  const { bytes } = readHead(whole);
  const [first, json] = whole.subarray(0, bytes).toString("utf8").split("\n") as [string, string];
  const manifest = JSON.parse(json) as Record<string, unknown>;
  change(manifest);
  const rest = whole.subarray(bytes, whole.lastIndexOf("sha256="));
  const content = Buffer.concat([Buffer.from(`${first}\n${JSON.stringify(manifest)}\n`), rest]);
  const digest = new Bun.CryptoHasher("sha256").update(content).digest("hex");
  const path = `${file}.changed`;
  writeFileSync(path, Buffer.concat([content, Buffer.from(`sha256=${digest}\n`)]));
  return path;
}

export function removeAll(...paths: readonly string[]): void {
  for (const path of paths) rmSync(path, { recursive: true, force: true });
}

/** Runs a script of this folder with a disk of its own, that goes with it. @param place where the disk is. @returns what it prints */
export async function onSmallDisk(place: string, size: string, script: string): Promise<unknown> {
  const path = new URL(`./${script}`, import.meta.url).pathname;
  const flags = process.getuid?.() === 0 ? ["--mount"] : ["--mount", "--map-root-user"];
  const steps = 'mount -t tmpfs -o size="$4",mode=700 none "$1" && exec "$2" "$3" "$1"';
  const args = ["sh", "-c", steps, "sh", place, process.execPath, path, size];
  const child = Bun.spawn(["unshare", ...flags, ...args], { stdout: "pipe", stderr: "pipe" });
  const [out, error] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(`No small disk could be had: ${error}`);
  return JSON.parse(out);
}

export async function ask(server: Server, key: string, query = ""): Promise<number> {
  const { status } = await fetch(`${server.urls[0]}/auth${query}`, {
    headers: { Authorization: `Bearer ${key}` },
  });
  return status;
}

export async function signIn(server: Server, username: string, password: string): Promise<number> {
  const answer = await fetch(`${server.urls[0]}/api/v1/session`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ username, password }),
  });
  return answer.status;
}

export interface Made {
  readonly folder: Folder;
  readonly key: Key;
  readonly text: string;
  readonly file: string;
}

/** Made once, because passwords and keys take their time, and copied for each test. */
let template: (Omit<Made, "folder"> & { readonly path: string }) | undefined;

/** @param scratch a folder that lives as long as the tests do */
export async function makeTemplate(scratch: string): Promise<void> {
  const folder = await makeInstallation();
  const app = await folder.open();
  await app.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"], password: PASSWORD });
  await app.groups.create(SYSTEM, { name: "ops", roles: ["API_KEY_WRITE"], scopes: ["dns:*"] });
  await app.users.create(SYSTEM, {
    ...{ username: "ada", roles: ["ACCOUNT_WRITE", "KEY_HOLDER"], scopes: ["web:read"], groups: ["ops"] },
    password: PASSWORD,
  });
  const { key, secret } = await app.keys.create(SYSTEM, { name: "ci", username: "ada" });
  const file = await backup(app, join(scratch, "template.backup"));
  await app.close();
  const path = join(scratch, "template");
  cpSync(folder.path, path, { recursive: true });
  // Else every copy of it would be taken for one.
  removeAll(join(path, "installation"));
  template = { path, key, text: secret.text, file };
  await folder[Symbol.asyncDispose]();
}

/** An installation with ada, who is an administrator of accounts and, by a group, of keys; her key, and a backup of them. */
export async function made(): Promise<Made> {
  if (!template) throw new Error("makeTemplate comes first");
  const folder = await makeInstallation();
  removeAll(folder.path, folder.state);
  cpSync(template.path, folder.path, { recursive: true });
  // Its number is known from now on.
  await (await folder.serve()).close();
  return { ...template, folder };
}
