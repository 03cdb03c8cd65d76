import { describe, expect, test } from "bun:test";
import {
  createProcessDigest,
  deriveSecrets,
  makeSalt,
  packVerifier,
  scramKeys,
  sealContext,
  systemRandom,
  unpackVerifier,
} from "./crypto.ts";

const MASTER = new Uint8Array(32).fill(7);
const secrets = deriveSecrets(MASTER);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

describe("secrets", () => {
  test("give the SCRAM keys of the published vector", async () => {
    const material = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789ab";
    const keys = await scramKeys(material, Buffer.from("0123456789abcdef"), 50_000);
    expect(base64(keys.clientKey)).toBe(
      "irhoDJgaYRoIDzTcQ2B8KwXHwvPhF2LX+UqJdNyxDOWbuTAbWSqa6yk6TzbH6AkOv4YCwtwmRWJP5UhjWrIeYg==",
    );
    expect(base64(keys.storedKey)).toBe(
      "i/m+buURTt9COgYXaJLoFrHqUqGGVudBNCah7uu6oPNLxgNm5ef6iqCNyHwFOaWfN9NBcs6TRr4ueAKVZpYzpA==",
    );
    expect(base64(keys.serverKey)).toBe(
      "V6EDPQ6VBkZgoMjBvOi+4sJxd6FeoWT6r9sYAUIrGsmRSySApFhLxpsdQarIVMe3DR7JIVMTFJgniso9GxUpYA==",
    );
    const packed = packVerifier(keys);
    expect(unpackVerifier(packed, keys.salt, 50_000).storedKey).toEqual(keys.storedKey);
  });

  test("seal so that another key, context or byte does not open it", () => {
    const plain = Buffer.from("what is sealed");
    const sealed = secrets.seal(plain, sealContext(7));
    expect(Buffer.from(secrets.unseal(sealed, sealContext(7)))).toEqual(plain);
    expect(secrets.seal(plain, sealContext(7))).not.toEqual(sealed);
    expect(() => secrets.unseal(sealed, sealContext(8))).toThrow();
    expect(() => deriveSecrets(new Uint8Array(32)).unseal(sealed, sealContext(7))).toThrow();
    for (let at = 0; at < sealed.length; at++) {
      const bent = Uint8Array.from(sealed);
      bent[at]! ^= 1;
      expect(() => secrets.unseal(bent, sealContext(7))).toThrow();
    }
    expect(() => secrets.unseal(new Uint8Array(3), "x")).toThrow();
  });

  test("digest a key by its id and body together", () => {
    const digest = secrets.digestKey({ id: 7, body: "a" });
    expect(digest).toHaveLength(32);
    expect(secrets.digestKey({ id: 7, body: "a" })).toEqual(digest);
    expect(secrets.digestKey({ id: 8, body: "a" })).not.toEqual(digest);
    expect(deriveSecrets(new Uint8Array(32)).digestKey({ id: 7, body: "a" })).not.toEqual(digest);
  });

  test("give a name the same fake salt each time, of the same letters as real ones", () => {
    expect(secrets.fakeSalt("root:7")).toEqual(secrets.fakeSalt("root:7"));
    expect(secrets.fakeSalt("root:8")).not.toEqual(secrets.fakeSalt("root:7"));
    for (const salt of [secrets.fakeSalt("root:7"), makeSalt(systemRandom)]) {
      expect(Buffer.from(salt).toString("ascii")).toMatch(/^[A-Za-z0-9./]{16}$/);
    }
  });

  test("show a fingerprint that tells masters apart", () => {
    expect(secrets.fingerprint).not.toBe(deriveSecrets(new Uint8Array(32)).fingerprint);
    expect(() => deriveSecrets(new Uint8Array(31))).toThrow();
  });
});

test("a digest for this process is the same for the same text, and another in every process", () => {
  const digest = createProcessDigest();
  const ofA = [...digest("a")];
  expect([...digest("b")]).not.toEqual(ofA);
  expect([...digest("a")]).toEqual(ofA);
  expect([...createProcessDigest()("a")]).not.toEqual(ofA);
  const fixed = () => new Uint8Array(32);
  expect([...createProcessDigest(fixed)("a")]).toEqual([...createProcessDigest(fixed)("a")]);
});
