/** Puts a backup together: manifest, rows, and at the end what shows that it is whole and ours. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { UNTAKEN_SECONDS } from "@chatelaine/contract/limits";
import type { SealedSecret, Secrets } from "../crypto.ts";
import { AppError } from "../domain/errors.ts";
import type { Snapshot } from "../store/store.ts";
import type { Sink } from "./file.ts";
import { digestLine, headOf, type Manifest, macLine } from "./format.ts";

/** Of the local CA, its key sealed by the master secret; the server's own key is in clear, and is made again. */
export const CA_FILES = ["tls/ca.pem", "tls/ca.key.sealed"] as const;
export const FILES_TABLE = "files";
const FILES_COLUMNS = ["name", "content"] as const;
/** The name under which the database knows its id. */
const INSTALLATION = "installation";
const FILE_BYTES_MAX = 65_536;

export interface Content {
  readonly snapshot: Snapshot;
  readonly secrets: Pick<Secrets, "signBackup" | "fingerprint">;
  /** The data folder. */
  readonly folder: string;
  readonly version: string;
  readonly at: number;
  readonly secret: SealedSecret | null;
  readonly signal?: AbortSignal | undefined;
  /** For how long the target may take nothing. */
  readonly patienceMs?: number | undefined;
}

export interface WrittenBackup {
  readonly manifest: Manifest;
  readonly bytes: number;
  /** Of all bytes before the last line, hexadecimal. */
  readonly sha256: string;
}

/**
 * @param beforeWhole runs before the end is written, without which it is no backup; where it throws there is none
 */
export async function writeBackup(
  sink: Sink,
  content: Content,
  beforeWhole: (manifest: Manifest) => Promise<void> = async () => {},
): Promise<WrittenBackup> {
  const { snapshot, secrets } = content;
  const manifest = manifestOf(content);
  const hash = new Bun.CryptoHasher("sha256");
  let bytes = 0;
  const put = async (part: Uint8Array): Promise<void> => {
    hash.update(part);
    bytes += part.length;
    await inTime(sink.write(part), content.patienceMs ?? UNTAKEN_SECONDS * 1_000);
  };
  await put(headOf(manifest));
  await put(await filesPart(content.folder));
  for await (const part of snapshot.parts()) {
    content.signal?.throwIfAborted();
    await put(part);
  }
  await beforeWhole(manifest);
  await put(macLine(secrets.signBackup(hash.copy().digest())));
  const digest = hash.copy().digest();
  await put(digestLine(digest));
  return { manifest, bytes, sha256: digest.toString("hex") };
}

/** While it lasts, the log of the database grows with every change: a target that takes nothing ends it. */
async function inTime(writing: Promise<void>, patienceMs: number): Promise<void> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    const words = `The target took nothing of the backup for ${patienceMs / 1_000} seconds`;
    timer = setTimeout(() => reject(new AppError("unavailable", words)), patienceMs);
  });
  try {
    await Promise.race([writing, late]);
  } finally {
    clearTimeout(timer);
  }
}

function manifestOf({ snapshot: { facts }, secrets, version, at, secret }: Content): Manifest {
  const { schema, change, users, keys, numbers, meta } = facts;
  return {
    installation: meta[INSTALLATION] ?? null,
    version,
    at,
    schema,
    change,
    users,
    keys,
    secretFingerprint: secrets.fingerprint,
    numbers,
    secret,
  };
}

async function filesPart(folder: string): Promise<Uint8Array> {
  const lines: unknown[] = [{ table: FILES_TABLE, columns: FILES_COLUMNS }];
  for (const name of CA_FILES) {
    const content = await readSmall(join(folder, name));
    if (content) lines.push([name, { base64: content.toString("base64") }]);
  }
  return Bun.gzipSync(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

async function readSmall(path: string): Promise<Buffer | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY);
    try {
      const content = await file.readFile();
      return content.length <= FILE_BYTES_MAX ? content : undefined;
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}
