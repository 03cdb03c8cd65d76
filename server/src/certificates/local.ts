/**
 * The folder of the local CA. What lies there is used while it fits: the leaf vouched for by the CA, both valid, the
 * names covered, more than a third of the time left. Else, under a lock between processes, what is missing is made; keys
 * are written before their certificates, so that a crash between the two only makes the next start issue again.
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DAY_MS } from "@chatelaine/contract/instant";
import { AppError } from "../domain/errors.ts";
import { replaceFile, withFolderLock } from "./folder.ts";
import { permitsNames } from "./names.ts";
import { type ServingCertificate, toServing } from "./serving.ts";

/** Seals the CA's key. The context must be given again to unseal; a wrong secret throws. */
export interface Sealing {
  seal(plain: Uint8Array, context: string): Uint8Array;
  unseal(sealed: Uint8Array, context: string): Uint8Array;
}

const LEAF_MS = 90 * DAY_MS;
const SEAL_CONTEXT = "tls/ca.key";
const PUBLIC_MODE = 0o644;
const SECRET_MODE = 0o600;

interface LocalCertificate {
  readonly serving: ServingCertificate;
  /** PEM; a local certificate always has it. */
  readonly caPem: string | undefined;
  readonly isNewAuthority: boolean;
}

export interface LocalFolder {
  /**
   * @param names canonical. @param now milliseconds since the epoch.
   * @param current what this process serves: kept while it is good, even where another process has written another.
   */
  obtain(names: readonly string[], now: number, current?: LocalCertificate): Promise<LocalCertificate>;
}

interface Authority {
  readonly certPem: string;
  readonly key: Uint8Array;
}

export function openLocalFolder(folder: string, sealing: Sealing): LocalFolder {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  return {
    async obtain(names, now, current) {
      const found =
        findUsable(folder, names, now) ?? (current && isFresh(current.serving, now) ? current : undefined);
      if (found !== undefined) return { ...found, isNewAuthority: false };
      return withFolderLock(join(folder, "lock"), async () => {
        const made = findUsable(folder, names, now);
        return made ?? (await issue({ folder, sealing, names, now }));
      });
    },
  };
}

function isFresh(serving: ServingCertificate, now: number): boolean {
  return serving.notAfter - now > LEAF_MS / 3;
}

/** @returns undefined for whatever is missing, damaged, foreign, too old or too narrow. */
function findUsable(folder: string, names: readonly string[], now: number): LocalCertificate | undefined {
  try {
    const caPem = readFileSync(join(folder, "ca.pem"), "utf8");
    const certPem = readFileSync(join(folder, "server.pem"), "utf8");
    const keyPem = readFileSync(join(folder, "server.key"), "utf8");
    const serving = toServing(certPem, keyPem, createPrivateKey(keyPem));
    const isUsable =
      isFresh(serving, now) &&
      isVouchedFor(new X509Certificate(caPem), certPem, now) &&
      covers(serving.names, names);
    return isUsable ? { serving, caPem, isNewAuthority: false } : undefined;
  } catch {
    return undefined;
  }
}

function isVouchedFor(ca: X509Certificate, leafPem: string, now: number): boolean {
  const leaf = new X509Certificate(leafPem);
  const hasBegun = [ca, leaf].every((one) => Date.parse(one.validFrom) <= now);
  return hasBegun && Date.parse(ca.validTo) >= Date.parse(leaf.validTo) && leaf.verify(ca.publicKey);
}

function covers(has: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((name) => has.includes(name));
}

interface IssueOptions {
  readonly folder: string;
  readonly sealing: Sealing;
  readonly names: readonly string[];
  readonly now: number;
}

async function issue(options: IssueOptions): Promise<LocalCertificate> {
  const { folder, names, now } = options;
  // Run to its end first: a bundler may run a CommonJS module after those that import it (`scripts/build.test.ts`).
  await import("reflect-metadata");
  const { issueAuthority, issueLeaf, readPermittedNames } = await import("./issue.ts");
  const kept = findAuthority(options, readPermittedNames);
  const authority = kept ?? (await issueAuthority(names, now));
  if (kept === undefined) {
    const sealed = options.sealing.seal(authority.key, SEAL_CONTEXT);
    replaceFile(join(folder, "ca.key.sealed"), sealed, SECRET_MODE);
    replaceFile(join(folder, "ca.pem"), authority.certPem, PUBLIC_MODE);
  }
  const leaf = await issueLeaf(authority, names, { now, lifeMs: LEAF_MS });
  const key = createPrivateKey({ key: Buffer.from(leaf.key), format: "der", type: "pkcs8" });
  const keyPem = key.export({ format: "pem", type: "pkcs8" }) as string;
  const serving = toServing(leaf.certPem, keyPem, key);
  replaceFile(join(folder, "server.key"), keyPem, SECRET_MODE);
  replaceFile(join(folder, "server.pem"), leaf.certPem, PUBLIC_MODE);
  return { serving, caPem: authority.certPem, isNewAuthority: kept === undefined };
}

/** The CA on disk, if it may vouch for all names and outlives a leaf made now. */
function findAuthority(
  { folder, sealing, names, now }: IssueOptions,
  readPermittedNames: (caPem: string) => string[],
): Authority | undefined {
  const certPem = readIfThere(join(folder, "ca.pem"))?.toString("utf8");
  const sealed = readIfThere(join(folder, "ca.key.sealed"));
  if (certPem === undefined || sealed === undefined) return undefined;
  const key = unsealKey(join(folder, "ca.key.sealed"), sealed, sealing);
  try {
    const ca = new X509Certificate(certPem);
    const outlives = Date.parse(ca.validFrom) <= now && Date.parse(ca.validTo) > now + LEAF_MS;
    const fits = ca.checkPrivateKey(
      createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" }),
    );
    const isWide = permitsNames(readPermittedNames(certPem), names);
    return outlives && fits && isWide ? { certPem, key } : undefined;
  } catch {
    return undefined;
  }
}

/** A key that does not open is not replaced: a new CA must be wanted, not happen by a wrong secret. */
function unsealKey(file: string, sealed: Uint8Array, sealing: Sealing): Uint8Array {
  try {
    return sealing.unseal(sealed, SEAL_CONTEXT);
  } catch (cause) {
    const message = `${file} does not open with this master secret; with the right one it does, without the file a new CA is made`;
    throw new AppError("invalid", message, { cause });
  }
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
