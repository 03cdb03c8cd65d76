/**
 * The form of a backup file: one file, of either database, that any version from its own on can read.
 *
 *     chatelaine backup 1              the form, by its number
 *     {"installation": ...}            the manifest: whose it is, of when, of which schema; in clear
 *     ...                              gzip of JSON Lines: tables with their columns, rows, how many there were
 *     mac=...                          HMAC-SHA-256 by a key from the master secret, over the digest of all before
 *     sha256=...                       of every byte before this line, so that anybody can check it
 *
 * Rows and not the image of a database: nothing in the file is ever executed, and PostgreSQL can write and read it too.
 * A byte that differs anywhere is found without the master secret; that a file was made by somebody else, with it.
 */
import type { SealedSecret } from "../crypto.ts";
import { AppError } from "../domain/errors.ts";

/** Of every form. */
export const FIRST_WORDS = "chatelaine backup ";
export const FIRST_LINE = `${FIRST_WORDS}1\n`;
const ANY_FIRST_LINE = /^chatelaine backup (\d{1,9})\n/;
/** Of the manifest's line. */
export const HEAD_BYTES_MAX = 65_536;
export const MAC_BYTES = "\nmac=".length + 64 + 1;
export const DIGEST_BYTES = "sha256=".length + 64 + 1;

export interface Manifest {
  /** null: of a version that gave itself no id. */
  readonly installation: string | null;
  /** Of the program that wrote it. */
  readonly version: string;
  readonly at: number;
  readonly schema: { readonly main: number; readonly activity: number };
  /** Number of the newest change in it. */
  readonly change: number;
  readonly users: number;
  readonly keys: number;
  /** Differs for every master secret, and says nothing of it. */
  readonly secretFingerprint: string;
  readonly numbers: Readonly<Record<string, number>>;
  readonly secret: SealedSecret | null;
}

export function headOf(manifest: Manifest): Buffer {
  const { at, secretFingerprint, ...rest } = manifest;
  const json = { ...rest, at: new Date(at).toISOString(), secret_fingerprint: secretFingerprint };
  return Buffer.from(`${FIRST_LINE}${JSON.stringify(json)}\n`);
}

export function macLine(mac: Uint8Array): Buffer {
  return Buffer.from(`\nmac=${Buffer.from(mac).toString("hex")}\n`);
}

export function digestLine(digest: Uint8Array): Buffer {
  return Buffer.from(`sha256=${Buffer.from(digest).toString("hex")}\n`);
}

/** @returns the bytes that the line `name=` gives, undefined where it is none. */
export function hexOf(name: "mac" | "sha256", line: string): Buffer | undefined {
  const hex = new RegExp(`^${name}=([0-9a-f]{64})\n$`).exec(line.trimStart())?.[1];
  return hex === undefined ? undefined : Buffer.from(hex, "hex");
}

export interface Head {
  readonly manifest: Manifest;
  readonly bytes: number;
}

/** @param start the beginning of the file. Throws AppError invalid where it is no backup, or one of a newer form. */
export function readHead(start: Buffer): Head {
  const text = start.subarray(0, HEAD_BYTES_MAX).toString("latin1");
  const form = ANY_FIRST_LINE.exec(text)?.[1];
  if (form === undefined) throw new AppError("invalid", "This is no backup of Chatelaine");
  if (!text.startsWith(FIRST_LINE)) {
    throw new AppError(
      "invalid",
      `A newer Chatelaine wrote this backup (form ${form}); use that version or a newer one`,
    );
  }
  const end = start.indexOf("\n", FIRST_LINE.length);
  if (end < 0 || end > HEAD_BYTES_MAX) throw damaged("its manifest has no end");
  const json = start.subarray(FIRST_LINE.length, end).toString("utf8");
  return { manifest: manifestOf(parseJson(json)), bytes: end + 1 };
}

export function damaged(why: string): AppError {
  return new AppError("invalid", `The backup is damaged: ${why}`);
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged("a line is no JSON");
  }
}

function manifestOf(value: unknown): Manifest {
  const all = membersOf(value);
  const schema = membersOf(all.schema);
  const at = Date.parse(text(all.at));
  if (Number.isNaN(at)) throw damaged("its manifest names no instant");
  return {
    installation: all.installation === null ? null : text(all.installation),
    version: text(all.version),
    at,
    schema: { main: whole(schema.main), activity: whole(schema.activity) },
    change: whole(all.change),
    users: whole(all.users),
    keys: whole(all.keys),
    secretFingerprint: text(all.secret_fingerprint),
    numbers: Object.fromEntries(
      Object.entries(membersOf(all.numbers)).map(([name, number]) => [name, whole(number)]),
    ),
    secret: all.secret === null ? null : sealedOf(all.secret),
  };
}

function sealedOf(value: unknown): SealedSecret {
  const { kdf, n, r, p, salt, sealed } = membersOf(value);
  if (kdf !== "scrypt") throw damaged("its secret is sealed in a way that is not known");
  return { kdf, n: whole(n), r: whole(r), p: whole(p), salt: text(salt), sealed: text(sealed) };
}

function membersOf(value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw damaged("its manifest is not as it should be");
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw damaged("its manifest is not as it should be");
}

function whole(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw damaged("its manifest is not as it should be");
}
