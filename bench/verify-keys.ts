/** Good keys in any number, whose texts are known, for load generators. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openLocal } from "@chatelaine/server/app";
import { completeKeyBody, makeKeyStem } from "@chatelaine/server/domain/key-text";
import {
  type BulkSecret,
  kindOf,
  listKeys,
  makeOwners,
  readSecrets,
  wholeSecond,
  writeKeys,
} from "./installation.ts";
import { placeIn } from "./node.ts";

const OWNERS = 100;

export interface KnownKeys {
  readonly count: number;
  /** One text a line. */
  readonly file: string;
}

export async function fillKnown(folder: string, count: number): Promise<KnownKeys> {
  const owners = await makeOwners(folder, OWNERS, {
    fullName: "Owner of keys",
    email: "owner@example.org",
    scopes: ["dns:*"],
  });
  const secrets = readSecrets(folder);
  const now = wholeSecond();
  const texts: string[] = [];
  const secretOf = (id: number): BulkSecret => {
    const body = completeKeyBody(id, makeKeyStem(randomBytes));
    texts.push(`${id}-${body}`);
    const noise = randomBytes(144);
    return {
      digest: secrets.digestKey({ id, body }),
      sealed: noise.subarray(0, 128),
      salt: noise.subarray(128),
    };
  };
  const keys = listKeys(owners, count, (place) => ({
    name: `${kindOf(place)}-${place}`,
    createdAt: now,
    expiresAt: place % 3 === 0 ? now + 90 * 86_400_000 : null,
  }));
  writeKeys(folder, secrets, { keys, secretOf, now });
  const file = join(folder, "keys.txt");
  writeFileSync(file, shuffled(texts).join("\n"));
  return { count, file };
}

function shuffled(texts: readonly string[]): string[] {
  const order = texts.map((text) => ({ text, at: Math.random() }));
  return order.sort((a, b) => a.at - b.at).map(({ text }) => text);
}

/** A key with every limit there is, and one without any, of the same owner. */
export async function makePair(folder: string): Promise<{ plain: string; limited: string }> {
  const local = await openLocal(placeIn(folder));
  try {
    await local.users.create(local.caller, {
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
