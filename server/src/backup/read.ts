/** Reads a backup back: first whether it is whole, then what is in it. Nothing of it is believed before. */
import { createReadStream } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import type { Secrets } from "../crypto.ts";
import { equalBytes } from "../crypto.ts";
import { AppError } from "../domain/errors.ts";
import {
  DIGEST_BYTES,
  damaged,
  HEAD_BYTES_MAX,
  hexOf,
  MAC_BYTES,
  type Manifest,
  parseJson,
  readHead,
} from "./format.ts";

/** A file whose every byte is as it was written. */
export interface WholeBackup {
  readonly path: string;
  readonly manifest: Manifest;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Throws invalid where another master secret made it. */
  requireMadeWith(secrets: Pick<Secrets, "signBackup" | "fingerprint">): void;
  /** Rows in the order of the file. Throws invalid where they are not as many as they should be. */
  content(): AsyncGenerator<Rows>;
}

/** Some rows of one table. */
interface Rows {
  /** `main.users`; `files` has names and contents. */
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Value[])[];
}

type Value = string | number | null | Uint8Array;

const READ_BYTES = 1 << 20;
const LINE_CHARS_MAX = 1 << 24;
const ROWS_AT_ONCE = 500;

/** Throws AppError: unavailable (it cannot be read), invalid (no backup, damaged, of a newer form). */
export async function openBackup(path: string): Promise<WholeBackup> {
  const size = await sizeOf(path);
  const file = await open(path, "r").catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    const head = readHead(await readAt(file, 0, Math.min(size, HEAD_BYTES_MAX + DIGEST_BYTES)));
    const contentEnd = size - DIGEST_BYTES - MAC_BYTES;
    if (contentEnd < head.bytes) throw damaged("it is cut off");
    const hash = new Bun.CryptoHasher("sha256");
    await hashRange(file, hash, { from: 0, to: contentEnd });
    const signed = hash.copy().digest();
    const macText = await readAt(file, contentEnd, MAC_BYTES);
    hash.update(macText);
    const digest = hash.digest();
    const stated = hexOf(
      "sha256",
      (await readAt(file, contentEnd + MAC_BYTES, DIGEST_BYTES)).toString("latin1"),
    );
    if (!stated) throw damaged("it is cut off");
    if (!equalBytes(stated, digest)) throw damaged("its checksum differs");
    const mac = hexOf("mac", macText.toString("latin1"));
    const { manifest } = head;
    return {
      path,
      manifest,
      bytes: size,
      sha256: digest.toString("hex"),
      requireMadeWith: (secrets) => requireMadeWith(manifest, secrets, { signed, mac }),
      content: () => contentOf(path, { from: head.bytes, to: contentEnd }),
    };
  } finally {
    await file.close();
  }
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  if (!found.isFile()) throw new AppError("invalid", `${path} is no file`);
  return found.size;
}

function unreadable(path: string, error: unknown): AppError {
  const { code = "" } = error as NodeJS.ErrnoException;
  return new AppError("unavailable", `${path} cannot be read (${code})`, { cause: error });
}

function requireMadeWith(
  manifest: Manifest,
  secrets: Pick<Secrets, "signBackup" | "fingerprint">,
  { signed, mac }: { signed: Uint8Array; mac: Uint8Array | undefined },
): void {
  if (manifest.secretFingerprint !== secrets.fingerprint) {
    throw new AppError(
      "invalid",
      `The backup was made with another master secret (fingerprint ${manifest.secretFingerprint}, this one has ${secrets.fingerprint})`,
    );
  }
  if (!mac || !equalBytes(mac, secrets.signBackup(signed))) {
    throw new AppError("invalid", "The backup was changed by somebody who does not have the master secret");
  }
}

interface Range {
  readonly from: number;
  readonly to: number;
}

async function hashRange(file: FileHandle, hash: Bun.CryptoHasher, { from, to }: Range): Promise<void> {
  for (let at = from; at < to; ) {
    const part = await readAt(file, at, Math.min(READ_BYTES, to - at));
    if (part.length === 0) throw damaged("it is cut off");
    hash.update(part);
    at += part.length;
  }
}

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
  return buffer.subarray(0, bytesRead);
}

async function* contentOf(path: string, range: Range): AsyncGenerator<Rows> {
  const counts: Record<string, number> = {};
  let stated: Record<string, unknown> | undefined;
  let table: { table: string; columns: readonly string[] } | undefined;
  let rows: Value[][] = [];
  for await (const line of linesOf(path, range)) {
    const value = parseJson(line);
    if (stated) throw damaged("something stands behind its end");
    if (Array.isArray(value)) {
      if (!table || value.length !== table.columns.length) throw damaged("a row fits no table");
      rows.push(value.map(cellOf));
      counts[table.table] = (counts[table.table] ?? 0) + 1;
      if (rows.length < ROWS_AT_ONCE) continue;
    }
    if (table && rows.length > 0) yield { ...table, rows };
    rows = [];
    if (Array.isArray(value)) continue;
    ({ table, stated } = headerOf(value, counts));
  }
  if (!stated) throw damaged("its rows have no end");
  for (const [name, count] of Object.entries(counts))
    if (name !== "files" && stated[name] !== count) throw damaged(`${name} has not all its rows`);
  for (const [name, count] of Object.entries(stated))
    if ((counts[name] ?? 0) !== count) throw damaged(`${name} has not all its rows`);
}

function headerOf(
  value: unknown,
  counts: Record<string, number>,
): {
  table: { table: string; columns: readonly string[] } | undefined;
  stated: Record<string, unknown> | undefined;
} {
  const { table, columns, rows } = (value ?? {}) as Record<string, unknown>;
  if (
    typeof table === "string" &&
    Array.isArray(columns) &&
    columns.every((one) => typeof one === "string")
  ) {
    if (table in counts) throw damaged(`${table} stands in it twice`);
    return { table: { table, columns }, stated: undefined };
  }
  if (typeof rows === "object" && rows !== null)
    return { table: undefined, stated: rows as Record<string, unknown> };
  throw damaged("a line is neither table nor row");
}

function cellOf(value: unknown): Value {
  if (value === null || typeof value === "string" || Number.isSafeInteger(value)) return value as Value;
  const { base64 } = value as { base64?: unknown };
  if (typeof base64 === "string") return Buffer.from(base64, "base64");
  throw damaged("a value is of no known kind");
}

async function* linesOf(path: string, { from, to }: Range): AsyncGenerator<string> {
  if (to <= from) throw damaged("it is cut off");
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const packed = createReadStream(path, { start: from, end: to - 1 });
  const unpacked = createGunzip();
  packed.on("error", (error) => unpacked.destroy(error));
  packed.pipe(unpacked);
  let rest = "";
  try {
    for await (const part of unpacked) {
      rest += decoder.decode(part as Uint8Array, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      if (rest.length > LINE_CHARS_MAX) throw damaged("a line is too long");
      yield* lines;
    }
  } catch (error) {
    throw error instanceof AppError ? error : damaged((error as Error).message);
  } finally {
    packed.destroy();
    unpacked.destroy();
  }
  if (rest !== "") throw damaged("its last line is cut off");
}
