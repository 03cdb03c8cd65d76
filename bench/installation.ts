/** Installations of a given size, to measure on. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { NewUserInput } from "@chatelaine/server/accounts/rules";
import { openLocal } from "@chatelaine/server/app";
import { deriveSecrets, SCRAM_ITERATIONS, type Secrets, sealContext } from "@chatelaine/server/crypto";
import type { StoredSecret } from "@chatelaine/server/store/store";
import { command, placeIn, startNode } from "./node.ts";
import { type BulkKey, writeKeysInBulk } from "./write-keys.ts";

const PASSWORD = "a long password for measuring";
const OWNERS = 1_000;

/** Makes the installation and its administrator. @returns a key of his */
export async function install(folder: string): Promise<string> {
  const node = await startNode(folder);
  await node.stop();
  await command(folder, ["user", "create", "root", "--role", "FULL_ADMIN", "--password-stdin"], PASSWORD);
  await command(folder, ["user", "create", "maker", "--role", "KEY_HOLDER"]);
  return command(folder, ["key", "create", "--user", "root", "--name", "bench"]);
}

/** The master's secrets of an installation, to make keys of it in bulk. */
export function readSecrets(folder: string): Secrets {
  return deriveSecrets(Buffer.from(readFileSync(join(folder, "secret"), "utf8").trim(), "hex"));
}

/** Keys of many owners with random secrets: what is measured never signs in with them. */
export async function fill(folder: string, count: number): Promise<void> {
  const owners = await makeOwners(folder, OWNERS, {});
  const secrets = readSecrets(folder);
  const now = wholeSecond();
  const noise = randomBytes(144);
  const secretOf = (id: number): BulkSecret => ({
    digest: randomBytes(32),
    sealed: secrets.seal(noise.subarray(0, 128), sealContext(id)),
    salt: noise.subarray(128),
  });
  const keys = listKeys(owners, count, (place) => ({
    name: `${kindOf(place)}-${randomBytes(5).toString("hex")}`,
    createdAt: now - place * 1000,
    expiresAt: place % 3 === 0 ? now + place * 1000 + 86_400_000 : null,
  }));
  writeKeys(folder, secrets, { keys, secretOf, now });
}

export interface BulkOwner {
  readonly id: number;
  readonly username: string;
}

export type BulkSecret = Pick<StoredSecret, "digest" | "sealed" | "salt">;

/** @param more of each user beside his name and KEY_HOLDER */
export async function makeOwners(
  folder: string,
  count: number,
  more: Partial<NewUserInput>,
): Promise<BulkOwner[]> {
  const local = await openLocal(placeIn(folder));
  try {
    const owners: BulkOwner[] = [];
    for (let place = 0; place < count; place++) {
      const user = { ...more, username: `owner-${place}`, roles: ["KEY_HOLDER" as const] };
      owners.push({
        id: (await local.users.create(local.caller, user)).id,
        username: user.username,
      });
    }
    return owners;
  } finally {
    await local.close();
  }
}

/** Of the owners in turn. */
export function* listKeys(
  owners: readonly BulkOwner[],
  count: number,
  keyOf: (place: number) => Pick<BulkKey, "name" | "createdAt" | "expiresAt">,
): Generator<BulkKey> {
  for (let place = 0; place < count; place++) {
    const { id, username } = owners[place % owners.length]!;
    yield { ...keyOf(place), userId: id, username, revokedAt: null };
  }
}

/** What a key is for, as people name keys. */
export function kindOf(place: number): string {
  return ["backup", "ci", "metrics", "edge"][place % 4]!;
}

export function wholeSecond(): number {
  return Math.floor(Date.now() / 1000) * 1000;
}

export function writeKeys(
  folder: string,
  { fingerprint }: Secrets,
  { keys, secretOf, now }: { keys: Iterable<BulkKey>; secretOf: (id: number) => BulkSecret; now: number },
): void {
  const record = {
    id: crypto.randomUUID(),
    at: now,
    event: "METHOD_CALL" as const,
    action: "key.import",
    description: "Keys for measuring",
    username: "bench",
    address: null,
    sessionId: null,
    door: "cli",
    credentials: null,
    target: null,
    details: {},
    success: true,
    error: null,
  };
  const stored = (id: number) => ({
    ...secretOf(id),
    iterations: SCRAM_ITERATIONS,
    createdAt: now,
    endsAt: null,
  });
  writeKeysInBulk({ folder, fingerprint }, keys, { secretOf: stored, record });
}
