/** Installations of a given size, to measure on. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { deriveSecrets, sealContext } from "@chatelaine/server/crypto";
import { openLocal } from "@chatelaine/server/server";
import { writeKeysInBulk } from "@chatelaine/server/store/bulk";
import { command, startNode } from "./node.ts";

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

/** Keys of many owners with random secrets: what is measured never signs in with them. */
export async function fill(folder: string, count: number): Promise<void> {
  const firstOwner = await makeOwners(folder);
  const secrets = deriveSecrets(Buffer.from(readFileSync(join(folder, "secret"), "utf8").trim(), "hex"));
  const now = Math.floor(Date.now() / 1000) * 1000;
  const noise = randomBytes(144);
  const secretOf = (id: number) => ({
    digest: randomBytes(32),
    sealed: secrets.seal(noise.subarray(0, 128), sealContext(id)),
    salt: noise.subarray(128),
    iterations: 50_000,
    createdAt: now,
    endsAt: null,
  });
  function* keys() {
    for (let place = 0; place < count; place++) {
      const name = `${["backup", "ci", "metrics", "edge"][place % 4]}-${randomBytes(5).toString("hex")}`;
      const expiresAt = place % 3 === 0 ? now + place * 1000 + 86_400_000 : null;
      const userId = firstOwner + (place % OWNERS);
      const username = `owner-${place % OWNERS}`;
      yield { name, userId, username, createdAt: now - place * 1000, expiresAt, revokedAt: null };
    }
  }
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
  writeKeysInBulk({ folder, fingerprint: secrets.fingerprint }, keys(), { secretOf, record });
}

/** @returns the id of the first; the others follow it */
async function makeOwners(folder: string): Promise<number> {
  const local = await openLocal(folder);
  try {
    const ids: number[] = [];
    for (let place = 0; place < OWNERS; place++) {
      const user = { username: `owner-${place}`, roles: ["KEY_HOLDER" as const] };
      ids.push((await local.accounts.users.create(local.caller, user)).id);
    }
    return ids[0]!;
  } finally {
    await local.close();
  }
}
