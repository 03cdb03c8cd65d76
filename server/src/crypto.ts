/**
 * All cryptography of our own secrets: derivation, digests, sealing, SCRAM keys, passwords, random.
 *
 * From one 32-byte master secret, which is never in the database, HKDF makes a pepper for key digests, a sealing key
 * (AES-256-GCM), a key for the fake salts of unknown SCRAM names and one for tokens. A stolen database authenticates
 * nothing without it.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  pbkdf2,
  randomBytes,
  randomUUID,
  scrypt,
  sign,
  timingSafeEqual,
} from "node:crypto";
import { promisify } from "node:util";
import type { ScramVerifier } from "./domain/key.ts";
import type { KeyText } from "./domain/key-text.ts";
import { TOKEN_MARK } from "./domain/masking.ts";

export const MASTER_SECRET_BYTES = 32;
export const DIGEST_BYTES = 32;
/** The floor of the official clients; a 64-character random secret gains nothing from more. */
export const SCRAM_ITERATIONS = 50_000;
const SCRAM_SALT_BYTES = 16;
const HASH_BYTES = 64;
const SALT_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./";

const pbkdf2Async = promisify(pbkdf2);

/** Random bytes from the operating system; tests may pass another source. */
export type Random = (count: number) => Uint8Array;
export const systemRandom: Random = (count) => randomBytes(count);

export interface Secrets {
  /** HMAC-SHA-256 over `v1|id|body`. */
  digestKey(key: KeyText): Uint8Array;
  /** HMAC-SHA-256 of a bearer text that we made (token, session, setup link), for storing and finding it. */
  digestToken(text: string): Uint8Array;
  /** AES-256-GCM: 12-byte nonce, ciphertext, 16-byte tag. The context must be given again to unseal. */
  seal(plain: Uint8Array, context: string): Uint8Array;
  /** Throws where context, key or a byte differs. */
  unseal(sealed: Uint8Array, context: string): Uint8Array;
  /** 16 bytes that look like a salt of ours, the same for the same name each time. */
  fakeSalt(name: string): Uint8Array;
  /** Signs identities for services behind proxies: Ed25519 (RFC 8032), its public key as a JWK (RFC 8037). */
  readonly assertions: {
    sign(data: string): Uint8Array;
    readonly keyId: string;
    readonly publicKey: Readonly<Record<string, string>>;
  };
  /** HMAC-SHA-256 of a backup's digest: shows that it was made with this master secret. */
  signBackup(digest: Uint8Array): Uint8Array;
  /** The master secret itself, for a backup; only who knows the passphrase has it (`openMasterSecret`). */
  sealMaster(passphrase: string): Promise<SealedSecret>;
  /** Differs for every master secret and tells nothing of it; kept in the database to notice a wrong one. */
  readonly fingerprint: string;
}

export function deriveSecrets(master: Uint8Array, random: Random = systemRandom): Secrets {
  if (master.length !== MASTER_SECRET_BYTES) throw new Error("The master secret must have 32 bytes");
  const derive = (use: string): Buffer => Buffer.from(hkdfSync("sha256", master, "chatelaine", use, 32));
  const keyDigest = new Bun.CryptoHasher("sha256", derive("key digest v1"));
  const sealing = derive("seal v1");
  const salts = derive("fake salt v1");
  const tokens = derive("token v1");
  const backups = derive("backup v1");
  return {
    digestKey: (key) => keyDigest.copy().update(`v1|${key.id}|${key.body}`).digest(),
    digestToken: (text) => createHmac("sha256", tokens).update(text).digest(),
    seal: (plain, context) => seal(sealing, random(12), plain, context),
    unseal: (sealed, context) => unseal(sealing, sealed, context),
    assertions: signerOf(derive("assertion v1")),
    signBackup: (digest) => createHmac("sha256", backups).update(digest).digest(),
    sealMaster: (passphrase) => sealByPassphrase(master, passphrase, random),
    fakeSalt: (name) => saltText(createHmac("sha256", salts).update(name).digest()),
    fingerprint: derive("fingerprint v1").toString("hex").slice(0, 32),
  };
}

/** Gives the same eight words for the same text, and overwrites those that it gave before. */
export type TextDigest = (text: string) => Uint32Array;

/**
 * A digest to compare texts by within this process and its life: SHA-256 over 256 random bits, drawn here and kept nowhere
 * else, and the text. Never stored and never shown, so it needs no HMAC, which costs twice as much.
 */
export function createProcessDigest(random: Random = systemRandom): TextDigest {
  const prefix = Buffer.from(random(DIGEST_BYTES)).toString("base64url");
  const words = new Uint32Array(DIGEST_BYTES / Uint32Array.BYTES_PER_ELEMENT);
  const bytes = new Uint8Array(words.buffer);
  return (text) => {
    Bun.SHA256.hash(prefix + text, bytes);
    return words;
  };
}

/** PKCS #8 of an Ed25519 key, before its 32 bytes (RFC 8410, section 7). */
const ED25519_PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

function signerOf(seed: Buffer): Secrets["assertions"] {
  const key = createPrivateKey({ key: Buffer.concat([ED25519_PKCS8, seed]), format: "der", type: "pkcs8" });
  const { x } = createPublicKey(key).export({ format: "jwk" }) as { x: string };
  // The thumbprint of RFC 7638: members in this order, nothing between them.
  const keyId = createHash("sha256")
    .update(JSON.stringify({ crv: "Ed25519", kty: "OKP", x }))
    .digest("base64url");
  const publicKey = { kty: "OKP", crv: "Ed25519", x, kid: keyId, use: "sig", alg: "EdDSA" };
  return { sign: (data) => sign(null, Buffer.from(data), key), keyId, publicKey };
}

/** Compares in time that depends on the lengths alone. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** 16 characters of `A-Za-z0-9./`, as bytes: a SCRAM salt in the form that the dialect draws. */
export function makeSalt(random: Random): Uint8Array {
  return saltText(random(SCRAM_SALT_BYTES));
}

/** The keys of RFC 5802, section 3, with SHA-512. PBKDF2 runs off the event loop. */
export async function scramKeys(
  material: string,
  salt: Uint8Array,
  iterations: number,
): Promise<ScramVerifier & { clientKey: Uint8Array }> {
  const salted = await pbkdf2Async(material, salt, iterations, HASH_BYTES, "sha512");
  const clientKey = hmacSha512(salted, "Client Key");
  return {
    salt,
    iterations,
    clientKey,
    storedKey: createHash("sha512").update(clientKey).digest(),
    serverKey: hmacSha512(salted, "Server Key"),
  };
}

export function hmacSha512(key: Uint8Array, data: string | Uint8Array): Uint8Array {
  return createHmac("sha512", key).update(data).digest();
}

export function sha512(data: Uint8Array): Uint8Array {
  return createHash("sha512").update(data).digest();
}

/** stored key and server key, 64 bytes each, as they are sealed. */
export function packVerifier(verifier: ScramVerifier): Uint8Array {
  return Buffer.concat([verifier.storedKey, verifier.serverKey]);
}

export function unpackVerifier(packed: Uint8Array, salt: Uint8Array, iterations: number): ScramVerifier {
  return {
    salt,
    iterations,
    storedKey: packed.subarray(0, HASH_BYTES),
    serverKey: packed.subarray(HASH_BYTES),
  };
}

/** Binds a sealed SCRAM verifier to its key. */
export function sealContext(keyId: number): string {
  return `scram|${keyId}`;
}

/** Binds the sealed secret of the webhook to its place. */
export const WEBHOOK_SEAL = "webhook";

/** HMAC-SHA-256 (RFC 2104), lower-case hexadecimal. */
export function hmacSha256Hex(key: Uint8Array, data: string): string {
  return createHmac("sha256", key).update(data).digest("hex");
}

/** The master secret under a passphrase: scrypt (RFC 7914), then AES-256-GCM. Bytes are base64. */
export interface SealedSecret {
  readonly kdf: "scrypt";
  readonly n: number;
  readonly r: number;
  readonly p: number;
  readonly salt: string;
  readonly sealed: string;
}

/** 128 MiB for each guess. */
const PASSPHRASE_COST = { n: 131_072, r: 8, p: 1 } as const;
/** What a file may ask of the one who opens it. */
const PASSPHRASE_N_MAX = 1_048_576;

const PASSPHRASE_CONTEXT = "master secret";

async function sealByPassphrase(
  master: Uint8Array,
  passphrase: string,
  random: Random,
): Promise<SealedSecret> {
  const salt = random(DIGEST_BYTES);
  const key = await passphraseKey(passphrase, salt, PASSPHRASE_COST);
  const sealed = seal(key, random(12), master, PASSPHRASE_CONTEXT);
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  return { kdf: "scrypt", ...PASSPHRASE_COST, salt: base64(salt), sealed: base64(sealed) };
}

/** @returns undefined for a wrong passphrase, or where anything of it was changed */
export async function openMasterSecret(
  { sealed, salt, n, r, p }: SealedSecret,
  passphrase: string,
): Promise<Uint8Array | undefined> {
  const isBearable = n <= PASSPHRASE_N_MAX && r === PASSPHRASE_COST.r && p === PASSPHRASE_COST.p;
  if (!isBearable) return undefined;
  try {
    const key = await passphraseKey(passphrase, Buffer.from(salt, "base64"), { n, r, p });
    const master = unseal(key, Buffer.from(sealed, "base64"), PASSPHRASE_CONTEXT);
    return master.length === MASTER_SECRET_BYTES ? master : undefined;
  } catch {
    return undefined;
  }
}

function passphraseKey(
  passphrase: string,
  salt: Uint8Array,
  { n, r, p }: { n: number; r: number; p: number },
): Promise<Buffer> {
  const cost = { N: n, r, p, maxmem: 256 * n * r };
  // The same characters may be typed as different bytes.
  const typed = passphrase.normalize("NFC");
  return new Promise((resolve, reject) => {
    scrypt(typed, salt, DIGEST_BYTES, cost, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

/** A random UUID (RFC 9562, version 4). */
export function makeId(): string {
  return randomUUID();
}

/** Random base64url (366 bits) behind a mark by which it is known as a token of ours wherever it stands, 64 characters. */
export function makeToken(random: Random): string {
  const body = Buffer.from(random(48)).toString("base64url");
  return TOKEN_MARK + body.slice(TOKEN_MARK.length);
}

function seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, context: string): Uint8Array {
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function unseal(key: Uint8Array, sealed: Uint8Array, context: string): Uint8Array {
  const tagAt = sealed.length - 16;
  if (tagAt < 12) throw new Error("Sealed data is too short");
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12))
    .setAAD(Buffer.from(context))
    .setAuthTag(sealed.subarray(tagAt));
  return Buffer.concat([decipher.update(sealed.subarray(12, tagAt)), decipher.final()]);
}

function saltText(bytes: Uint8Array): Uint8Array {
  return Buffer.from(
    Array.from(bytes.subarray(0, SCRAM_SALT_BYTES), (byte) => SALT_ALPHABET[byte & 63]).join(""),
    "ascii",
  );
}
