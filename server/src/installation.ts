/**
 * The data folder and the master secret in it: made at the first start, checked at every other. Anyone who has the secret and a copy
 * of the databases has everything, so it may be kept elsewhere (`CHATELAINE_SECRET_FILE`, `CHATELAINE_SECRET`).
 */
import {
  accessSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { MASTER_SECRET_BYTES, type Random } from "./crypto.ts";
import { AppError } from "./domain/errors.ts";

const SECRET_FILE = "secret";
const DATABASE_FILE = "chatelaine.db";
/** There while a restore puts files into the folder. */
export const RESTORING_FILE = "restoring";
/** `EX_CONFIG` of sysexits.h: starting again does not help. */
const EXIT_CONFIG = 78;

type Environment = Readonly<Record<string, string | undefined>>;

/** Makes the folder (0700) where it is missing. Throws AppError unavailable, one line, when it cannot be used. */
export function makeDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new AppError(
      "unavailable",
      `The data folder ${folder} cannot be written (${code}); --data names another`,
      {
        cause: error,
      },
    );
  }
}

/** Throws where a restore has begun to put its files into the folder and has not ended. */
export function refuseHalfRestored(folder: string): void {
  if (!existsSync(join(folder, RESTORING_FILE))) return;
  throw new AppError(
    "unavailable",
    `A restore into ${folder} has not ended; run the same \`chatelaine restore\` again, which makes it whole`,
    { details: { exitCode: EXIT_CONFIG } },
  );
}

export function requireDataFolder(folder: string): void {
  if (existsSync(join(folder, DATABASE_FILE))) return;
  throw new AppError(
    "unavailable",
    `There is no Chatelaine in ${folder}. \`chatelaine serve\` makes one; --data names another.`,
  );
}

/** What others on this machine may look into and should not: the folder, the file of the master secret. */
export function openToOthers(folder: string, env: Environment = process.env): string[] {
  const secret = env.CHATELAINE_SECRET ? [] : [secretFile(folder, env)];
  return [folder, ...secret].filter((path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    return found !== undefined && (found.mode & 0o077) !== 0;
  });
}

function secretFile(folder: string, env: Environment): string {
  const elsewhere = env.CHATELAINE_SECRET_FILE;
  return elsewhere ? resolve(elsewhere) : join(folder, SECRET_FILE);
}

/**
 * 32 bytes, as 64 hexadecimal digits: from `CHATELAINE_SECRET`, the file that `CHATELAINE_SECRET_FILE` names, or the data folder, where
 * `create` makes one. Throws AppError invalid or unavailable, one line.
 */
export function readMasterSecret(
  folder: string,
  { create, random, env = process.env }: { create: boolean; random: Random; env?: Environment },
): Uint8Array {
  if (env.CHATELAINE_SECRET) return parseSecret(env.CHATELAINE_SECRET, "CHATELAINE_SECRET");
  const path = secretFile(folder, env);
  if (create && !existsSync(path)) {
    if (existsSync(join(folder, DATABASE_FILE))) {
      throw new AppError(
        "invalid",
        `The master secret ${path} is missing; the database in ${folder} was made with one`,
      );
    }
    makeSecretFile(path, random);
  }
  try {
    return parseSecret(readFileSync(path, "utf8"), path);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("unavailable", `The master secret ${path} cannot be read`, { cause: error });
  }
}

/** @returns undefined where there is none. Throws AppError invalid or unavailable for one that cannot be read. */
export function findMasterSecret(folder: string, env: Environment = process.env): Uint8Array | undefined {
  const isThere = Boolean(env.CHATELAINE_SECRET) || existsSync(secretFile(folder, env));
  if (!isThere) return undefined;
  return readMasterSecret(folder, { create: false, random: () => new Uint8Array(), env });
}

/** Puts a secret where one is looked for and there is none. */
export function putMasterSecret(folder: string, master: Uint8Array, env: Environment = process.env): void {
  makeSecretFile(secretFile(folder, env), () => master);
}

function parseSecret(text: string, where: string): Uint8Array {
  const digits = text.trim();
  if (!/^[0-9a-fA-F]+$/.test(digits) || digits.length !== MASTER_SECRET_BYTES * 2) {
    throw new AppError(
      "invalid",
      `The master secret in ${where} is not ${MASTER_SECRET_BYTES * 2} hexadecimal digits`,
    );
  }
  return Buffer.from(digits, "hex");
}

/** Whole or not at all; of two starts at once the first one's secret stays. */
function makeSecretFile(path: string, random: Random): void {
  const draft = `${path}.${process.pid}.new`;
  try {
    writeFileSync(draft, `${Buffer.from(random(MASTER_SECRET_BYTES)).toString("hex")}\n`, {
      mode: 0o600,
      flush: true,
    });
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw new AppError("unavailable", `The master secret ${path} cannot be written`, { cause: error });
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Of the databases, with their logs. */
export function databaseBytes(folder: string): Record<string, number> {
  const names = ["chatelaine.db", "chatelaine.db-wal", "activity.db", "activity.db-wal"];
  return Object.fromEntries(names.map((name) => [name, Bun.file(join(folder, name)).size]));
}
