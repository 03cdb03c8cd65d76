/** Good keys in any number, whose texts are known, for load generators. */
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deriveSecrets } from "@chatelaine/server/crypto";
import { completeKeyBody, makeKeyStem } from "@chatelaine/server/domain/key-text";
import { openLocal } from "@chatelaine/server/server";
import { writeKeysInBulk } from "@chatelaine/server/store/bulk";

const OWNERS = 100;

export interface KnownKeys {
  readonly count: number;
  /** One text a line. */
  readonly file: string;
}

export async function fillKnown(folder: string, count: number): Promise<KnownKeys> {
  const owners = await makeOwners(folder);
  const secrets = deriveSecrets(Buffer.from(readFileSync(join(folder, "secret"), "utf8").trim(), "hex"));
  const now = Math.floor(Date.now() / 1000) * 1000;
  const texts: string[] = [];
  const secretOf = (id: number) => {
    const body = completeKeyBody(id, makeKeyStem(randomBytes));
    texts.push(`${id}-${body}`);
    const noise = randomBytes(144);
    const digest = secrets.digestKey({ id, body });
    return {
      digest,
      sealed: noise.subarray(0, 128),
      salt: noise.subarray(128),
      iterations: 50_000,
      createdAt: now,
      endsAt: null,
    };
  };
  function* keys() {
    for (let place = 0; place < count; place++) {
      const owner = owners[place % owners.length]!;
      const name = `${["backup", "ci", "metrics", "edge"][place % 4]}-${place}`;
      const expiresAt = place % 3 === 0 ? now + 90 * 86_400_000 : null;
      yield { name, userId: owner.id, username: owner.username, createdAt: now, expiresAt, revokedAt: null };
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
  const file = join(folder, "keys.txt");
  writeFileSync(file, texts.join("\n"));
  return { count, file };
}

async function makeOwners(folder: string): Promise<{ id: number; username: string }[]> {
  const local = await openLocal(folder);
  try {
    const owners: { id: number; username: string }[] = [];
    for (let place = 0; place < OWNERS; place++) {
      const username = `owner-${place}`;
      const user = {
        username,
        fullName: `Owner ${place}`,
        email: `${username}@example.org`,
        roles: ["KEY_HOLDER" as const],
        scopes: ["dns:*"],
      };
      owners.push({ id: (await local.accounts.users.create(local.caller, user)).id, username });
    }
    return owners;
  } finally {
    await local.close();
  }
}

/** A key with every limit there is, and one without any, of the same owner. */
export async function makePair(folder: string): Promise<{ plain: string; limited: string }> {
  const local = await openLocal(folder);
  try {
    await local.accounts.users.create(local.caller, {
      username: "pair",
      roles: ["KEY_HOLDER" as const],
      scopes: ["dns:*"],
    });
    const make = async (name: string, fields: object) =>
      (await local.keys.create(local.caller, { ...fields, name, username: "pair" })).secret.text;
    const limits = {
      scopes: ["dns:read"],
      allowedIps: ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"],
      rateLimit: { limit: 1_000_000, windowSeconds: 1 },
    };
    return { plain: await make("plain", {}), limited: await make("limited", limits) };
  } finally {
    await local.close();
  }
}
