import { expect, test } from "bun:test";
import fc from "fast-check";
import { headerText } from "./identity.ts";

test("any text is visible ASCII in a header, without spaces at its ends, and can be read again", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const written = headerText(text);
      expect(written).toMatch(/^$|^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/);
      expect(decodeURIComponent(written)).toBe(text);
      expect(new Headers({ name: written }).get("name")).toBe(written);
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ["Ada Lovelace", "Ada Lovelace"],
  ["Ada Lövelace", "Ada L%C3%B6velace"],
  ["100 %", "100 %25"],
  ["%41", "%2541"],
  [" a  b ", "%20a  b%20"],
  ["  ", "%20%20"],
  ["a\r\nRemote-User: root", "a%0D%0ARemote-User: root"],
  ["\u{1f511}", "%F0%9F%94%91"],
  ["a\u0000b\u007f", "a%00b%7F"],
  ["\ud800", "%EF%BF%BD"],
  ["ada@müller.example", "ada@m%C3%BCller.example"],
])("%j is written %j", (text, written) => {
  expect(headerText(text)).toBe(written);
});
