/** Which backups of a folder stay. Only files of our own name and of our own installation are ever deleted. */

import { createReadStream, existsSync } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { DAY_MS } from "@chatelaine/contract/instant";
import { isPartial } from "./file.ts";
import { HEAD_BYTES_MAX, type Manifest, readHead } from "./format.ts";

/** What was left behind by a process that was killed: none takes that long. */
const PARTIAL_AGE_MS = DAY_MS;

export interface Kept {
  readonly folder: string;
  /** Its first group is the instant, as `instantOfName` writes it. */
  readonly name: RegExp;
  readonly owner: Owner;
}

/** By the master secret alone two installations are not told apart. Databases of 0.1 have no id: null. */
export type Owner = Pick<Manifest, "installation" | "secretFingerprint">;

export interface KeptFile {
  readonly path: string;
  readonly manifest: Manifest;
}

/** `20300131T120000Z`: sorts as it is. */
export function instantOfName(at: number): string {
  return new Date(at).toISOString().replace(/[-:]|\.\d+/g, "");
}

/** Those of this installation, the newest first. */
export async function listKept({ folder, name, owner }: Kept): Promise<KeptFile[]> {
  const names = (await readdir(folder)).filter((one) => name.test(one));
  const instant = (one: string): string => name.exec(one)?.[1] ?? "";
  names.sort((a, b) => (instant(a) < instant(b) ? 1 : -1));
  const files: KeptFile[] = [];
  for (const one of names) {
    const path = join(folder, one);
    const manifest = await manifestOf(path);
    if (manifest && isOf(owner, manifest)) files.push({ path, manifest });
  }
  return files;
}

/** The path for a backup of that instant; a second later, and so on, where the name is somebody else's. */
export async function ownPath(
  start: string,
  at: number,
  { folder, owner }: Omit<Kept, "name">,
): Promise<string> {
  for (let time = at; ; time += 1_000) {
    const path = join(folder, `${start}-${instantOfName(time)}.backup`);
    if (!existsSync(path)) return path;
    const manifest = await manifestOf(path);
    if (manifest && isOf(owner, manifest)) return path;
  }
}

function isOf(owner: Owner, { installation, secretFingerprint }: Manifest): boolean {
  return installation === owner.installation && secretFingerprint === owner.secretFingerprint;
}

/** Deletes those beyond the newest, and drafts of ours that nobody writes any more. */
export async function keepNewest({ keep, ...kept }: Kept & { readonly keep: number }): Promise<void> {
  for (const { path } of (await listKept(kept)).slice(keep)) await rm(path, { force: true });
  for (const one of await readdir(kept.folder)) {
    const inner = one.replace(/^\./, "").replace(/\.\d+\.[0-9a-f-]{36}\.partial$/, "");
    if (!isPartial(one) || !kept.name.test(inner)) continue;
    const path = join(kept.folder, one);
    const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (age > PARTIAL_AGE_MS) await rm(path, { force: true });
  }
}

async function manifestOf(path: string): Promise<Manifest | undefined> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of createReadStream(path, { end: HEAD_BYTES_MAX })) chunks.push(chunk as Buffer);
    return readHead(Buffer.concat(chunks)).manifest;
  } catch {
    return undefined;
  }
}
