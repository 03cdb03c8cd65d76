import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { completeKeyBody, formatKeyText, makeKeyStem } from "./key-text.ts";
import { holdsKeyText, holdsSecret, MASK, maskDeep, maskForeign, maskText } from "./masking.ts";

/** Random, and the same in every run. */
const bytes = (seed: number) => {
  let turn = 0;
  return (count: number): Uint8Array => {
    const parts = Array.from({ length: Math.ceil(count / 32) }, () =>
      createHash("sha256").update(`${seed}|${turn++}`).digest(),
    );
    return Buffer.concat(parts).subarray(0, count);
  };
};
const BODIES = Array.from({ length: 50 }, (_, at) => completeKeyBody(7, makeKeyStem(bytes(at + 1))));
const IMPORTED = BODIES.map((body) => `Zx9${body.slice(3)}`);
const TOKEN = `CT1${Buffer.from(bytes(3)(46)).toString("base64url").slice(0, 61)}`;
const PROOF = Buffer.from(bytes(5)(64)).toString("base64");

/** How a key is written where it should not be. */
const SPELLINGS: Readonly<Record<string, (id: number, body: string) => string>> = {
  plain: (id, body) => formatKeyText({ id, body }),
  "without its number": (_, body) => body,
  "in a sentence": (id, body) => `my key is ${id}-${body}, thanks`,
  "in an address": (id, body) => `https://app.example/x?key=${id}-${body}&y=1`,
  "with its hyphen encoded": (id, body) => `${id}%2D${body}`,
  "with a letter encoded": (id, body) =>
    `${id}-${body.slice(0, 20)}%${hex(body.charCodeAt(20))}${body.slice(21)}`,
  "encoded whole": (id, body) => encodedWhole(`${id}-${body}`),
  "encoded twice": (id, body) => encodeURIComponent(encodedWhole(`${id}-${body}`)),
  "with a letter too few": (id, body) => `${id}-${body.slice(0, 30)}${body.slice(31)}`,
  "with a letter too many": (id, body) => `${id}-${body.slice(0, 30)}x${body.slice(30)}`,
  "with a comma in it": (id, body) => `${id}-${body.slice(0, 45)},${body.slice(45)}`,
  "with a space in it": (id, body) => `${id}-${body.slice(0, 30)} ${body.slice(30)}`,
  "with an underscore for the hyphen": (id, body) => `${id}_${body}`,
  "with a space for the hyphen": (id, body) => `${id} ${body}`,
  "with a dash for the hyphen": (id, body) => `${id}–${body}`,
  "with two hyphens": (id, body) => `${id}--${body}`,
  "in base64": (id, body) => Buffer.from(`root:${id}-${body}`).toString("base64"),
};

describe.each(Object.entries(SPELLINGS))("a key %s", (words, spell) => {
  test.each([
    ["of ours", BODIES],
    ["of another maker", IMPORTED],
  ])("%s leaves no part of eight characters", (_whose, bodies) => {
    for (const body of bodies) {
      const text = spell(7, body);
      const masked = maskText(text);
      expect([text, masked.includes(MASK), holdsSecret(text)]).toEqual([text, true, true]);
      // What stands behind a comma is another word: the greater part of the key is before it.
      const plain = words.startsWith("with a comma") ? body.slice(0, 45) : body;
      for (let at = 0; at + 8 <= plain.length; at++) expect(masked).not.toContain(plain.slice(at, at + 8));
    }
  });
});

test("a key in small letters, and half of one, are masked", () => {
  for (const body of BODIES) {
    expect(maskText(`7-${body.toLowerCase()}`)).toBe(MASK);
    expect(maskText(body.toLowerCase())).toBe(MASK);
    expect(maskText(`see ${body.slice(0, 40)}…`)).toBe(`see ${MASK}…`);
  }
});

test("tokens, and what SCRAM proves itself by, are masked", () => {
  expect(maskText(`token=${TOKEN}; x`)).toBe(`token=${MASK}; x`);
  expect(maskText(`c=biws,r=abc,p=${PROOF}`)).toBe(`c=biws,r=abc,p=${MASK}`);
  expect(maskText(encodeURIComponent(PROOF))).toBe(MASK);
});

const INNOCENT = [
  "",
  "ci",
  "Deploys the website and the blog; ask Ada before 2030-01-31T10:00:00.000Z",
  "3f0c8a4e-7f41-4f37-9a51-0a4b0e4d9f57",
  "session 3f0c8a4e-7f41-4f37-9a51-0a4b0e4d9f57 of 192.0.2.7, 2001:db8::1",
  "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  "da39a3ee5e6b4b0d3255bfef95601890afd80709",
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36",
  "CT1-scanner-of-the-hospital-in-the-old-town-2",
  "CK1",
  "deck1-deployment-of-the-second-floor-terrace-website",
  "DeployWebsiteProductionEuropeCentral1Instance2ByTheOperations",
  "100% of 20%-30%",
  "1-2-3",
];

test("what is no secret stays as it is", () => {
  for (const text of INNOCENT) expect([maskText(text), holdsSecret(text)]).toEqual([text, false]);
});

test("all that is masked is masked once, and what stands around it stays", () => {
  const [one, two] = [`7-${BODIES[0]}`, `8-${BODIES[1]}`];
  expect(maskText(`a ${one}\nb ${two} c`)).toBe(`a ${MASK}\nb ${MASK} c`);
  expect(maskText(maskText(`a ${one}`))).toBe(`a ${MASK}`);
});

test("a value is masked in its depth, the names of its members too, and stays the same otherwise", () => {
  const key = `7-${BODIES[0]}`;
  const value = { name: key, [key]: [1, null, true, { deep: `x ${key}` }], fine: { $date: 1 } };
  expect(maskDeep(value)).toEqual({
    name: MASK,
    [MASK]: [1, null, true, { deep: `x ${MASK}` }],
    fine: { $date: 1 },
  });
});

test("JSON in which something was masked is still JSON", () => {
  const nasty = [
    7,
    `${BODIES[0]}`,
    `\n${IMPORTED[0]}`,
    { 7: BODIES[1], [`"${BODIES[2]}`]: `\\${BODIES[3]}` },
  ];
  expect(() => JSON.parse(JSON.stringify(maskDeep(nasty)))).not.toThrow();
});

test("in an address, long random words are no sign of a key, and a key is", () => {
  const hook = `https://hooks.example/${IMPORTED[0]}`;
  expect(holdsKeyText(hook)).toBe(false);
  expect(holdsKeyText(`https://hooks.example/7-${IMPORTED[0]}`)).toBe(true);
  expect(holdsKeyText(`https://hooks.example/${BODIES[0]}`)).toBe(true);
  expect(holdsKeyText(`https://hooks.example/${TOKEN}`)).toBe(true);
});

test("of what strangers say of themselves no long word is kept", () => {
  expect(maskForeign(`curl/8 ${"ab".repeat(40)}`)).toBe(`curl/8 ${MASK}`);
  expect(maskForeign("curl/8.5.0")).toBe("curl/8.5.0");
});

test("a text of a megabyte is looked through in a moment, whatever it is made of", () => {
  for (const part of ["a", "1", "CK1", "1-", "%41", "aB1", "CK1aB1 ", "7-aB1"]) {
    const text = part.repeat(Math.ceil(200_000 / part.length));
    expect(maskText(text).length).toBeGreaterThan(0);
  }
}, 20_000);

function hex(code: number): string {
  return code.toString(16).padStart(2, "0");
}

function encodedWhole(text: string): string {
  return Array.from(text, (letter) => `%${hex(letter.charCodeAt(0))}`).join("");
}
