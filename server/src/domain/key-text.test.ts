import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { KEY_ID_MAX } from "@chatelaine/contract/limits";
import {
  completeKeyBody,
  formatKeyText,
  KEY_BODY_CHARS,
  type KeyTextFault,
  makeKeyStem,
  parseKeyText,
} from "./key-text.ts";

const random = (count: number): Uint8Array => randomBytes(count);
const makeText = (id: number): string =>
  formatKeyText({ id, body: completeKeyBody(id, makeKeyStem(random)) });
const FOREIGN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789ab";
const FIXED = completeKeyBody(7, `CK1${"a".repeat(55)}`);

describe("the text of a key", () => {
  test("has the shape that scanners look for", () => {
    for (const id of [1, 7, 42, KEY_ID_MAX]) expect(makeText(id)).toMatch(/^\d{1,16}-CK1[0-9A-Za-z]{61}$/);
  });

  test("carries the checksum that the documentation states", () => {
    const crc = Bun.hash.crc32(`7-CK1${"a".repeat(55)}`);
    const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let rest = crc >>> 0;
    let expected = "";
    for (let place = 0; place < 6; place++) {
      expected = digits[rest % 62] + expected;
      rest = Math.floor(rest / 62);
    }
    expect(FIXED.slice(-6)).toBe(expected);
  });

  test.each([
    [`7-${FOREIGN}`, 7],
    [`7-${FIXED}`, 7],
    [`${KEY_ID_MAX}-${FOREIGN}`, KEY_ID_MAX],
    [`1-${"0".repeat(64)}`, 1],
  ])("is accepted: %s", (text, id) => {
    const parsed = parseKeyText(text);
    expect(parsed).toMatchObject({ ok: true, id });
    if (parsed.ok) expect(formatKeyText(parsed)).toBe(text);
  });

  test.each<[string, KeyTextFault]>([
    ["", "shape"],
    ["-", "shape"],
    [FOREIGN, "shape"],
    [FIXED, "id_missing"],
    [`-${FOREIGN}`, "shape"],
    [`0-${FOREIGN}`, "shape"],
    [`07-${FOREIGN}`, "shape"],
    [`+7-${FOREIGN}`, "shape"],
    [`-7-${FOREIGN}`, "shape"],
    [` 7-${FOREIGN}`, "shape"],
    [`7-${FOREIGN}\n`, "shape"],
    [`7_${FOREIGN}`, "shape"],
    [`7-${FOREIGN.slice(1)}`, "shape"],
    [`7-${FOREIGN}a`, "shape"],
    [`7-${FOREIGN.slice(1)}-`, "shape"],
    [`7-${FOREIGN.slice(1)}é`, "shape"],
    [`7-${FOREIGN.slice(1)}\0`, "shape"],
    [`٧-${FOREIGN}`, "shape"],
    [`${KEY_ID_MAX + 1}-${FOREIGN}`, "shape"],
    [`99999999999-${FOREIGN}`, "shape"],
    [`1e3-${FOREIGN}`, "shape"],
    [`0x7-${FOREIGN}`, "shape"],
    [`8-${FIXED}`, "checksum"],
    [`7-${FIXED.slice(0, -1)}${FIXED.endsWith("0") ? "1" : "0"}`, "checksum"],
    ["7".repeat(1_000_000), "shape"],
  ])("is refused: %p", (text, fault) => {
    expect(parseKeyText(text)).toEqual({ ok: false, fault });
  });

  test("tells every single typing error in a key of ours", () => {
    const text = makeText(123);
    for (let at = "123-CK1".length; at < text.length; at++) {
      const other = text[at] === "x" ? "y" : "x";
      expect(parseKeyText(text.slice(0, at) + other + text.slice(at + 1)).ok).toBe(false);
    }
  });

  test("of a million random and mutated inputs, what is accepted formats back to itself and nothing throws", () => {
    const alphabet = "0123456789-ABCKabcz_ \0é١\ud800";
    let state = 0x2545f491;
    const next = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const seeds = Array.from({ length: 50 }, (_, place) => makeText(place * 977 + 1));
    let accepted = 0;
    for (let run = 0; run < 1_000_000; run++) {
      const seed = seeds[next(seeds.length)]!;
      const at = next(seed.length + 1);
      const kind = next(4);
      const letter = alphabet[next(alphabet.length)]!;
      const text =
        kind === 0
          ? seed.slice(0, at) + letter + seed.slice(at + 1)
          : kind === 1
            ? seed.slice(0, at) + seed.slice(at + 1)
            : kind === 2
              ? seed.slice(0, at) + letter + seed.slice(at)
              : `${next(KEY_ID_MAX * 2)}-${FOREIGN.slice(0, KEY_BODY_CHARS - next(2))}`;
      const parsed = parseKeyText(text);
      if (!parsed.ok) continue;
      accepted++;
      if (formatKeyText(parsed) !== text) throw new Error(`Not the same text: ${text}`);
    }
    expect(accepted).toBeGreaterThan(1_000);
  });

  test("uses every letter of its alphabet alike", () => {
    const counts = new Map<string, number>();
    for (let run = 0; run < 2_000; run++) {
      for (const letter of makeKeyStem(random).slice(3)) counts.set(letter, (counts.get(letter) ?? 0) + 1);
    }
    const mean = (2_000 * 55) / 62;
    expect(counts.size).toBe(62);
    for (const count of counts.values()) expect(Math.abs(count - mean)).toBeLessThan(mean * 0.2);
  });
});
