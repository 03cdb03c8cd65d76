import { expect, test } from "bun:test";
import fc from "fast-check";
import { readMessage, readRequest, resultText } from "./frame.ts";

function idOf(text: string): string | undefined {
  const message = readMessage(text);
  if (!message.ok) throw new Error(message.fault.message);
  const request = readRequest(message.value, text);
  return request.ok ? request.value.id : request.fault.id;
}

test("an id comes back as it was written, also where no number can hold it", () => {
  const written = ["1", "-5", "1.5", "12345678901234567890", "1e999", "null", '"x"', '"\\ud800"'];
  for (const id of written) {
    const text = `{"params":[{"id":3}],"jsonrpc":"2.0","id":${id},"method":"core.ping","more":{"id":4}}`;
    expect(idOf(text)).toBe(id);
    expect(resultText(id, '"pong"')).toBe(`{"jsonrpc":"2.0","result":"pong","id":${id}}`);
  }
});

test("nesting is bounded, brackets in texts do not count", () => {
  const nested = (levels: number) => `{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`;
  expect(readMessage(nested(31)).ok).toBe(true);
  expect(readMessage(nested(32)).ok).toBe(false);
  expect(readMessage(nested(10_000)).ok).toBe(false);
  expect(readMessage(JSON.stringify({ a: "[".repeat(500), '[["\\"': "{".repeat(500) })).ok).toBe(true);
});

test("members are bounded, and what has too many fails by its own id", () => {
  const wide = (members: number, id = "7") =>
    `{"jsonrpc":"2.0","id":${id},"method":"core.ping","params":[${"1,".repeat(members - 5)}1]}`;
  const faultOf = (text: string) => {
    const message = readMessage(text);
    return message.ok ? undefined : message.fault;
  };
  expect(faultOf(wide(4_096))).toBeUndefined();
  expect(faultOf(wide(4_097))).toEqual({
    id: "7",
    code: -32600,
    message: "The message is of more than 4096 members",
  });
  expect(faultOf(wide(4_097, '"a"'))?.id).toBe('"a"');
  expect(faultOf(wide(4_097, "{}"))?.id).toBe("null");
  expect(faultOf(wide(4_097).replace('"id":7,', ""))?.id).toBeUndefined();
});

test("a member named code does not make a message a fault", () => {
  const text = '{"jsonrpc":"2.0","id":1,"method":"core.ping","code":-32700,"ok":false}';
  const message = readMessage(text);
  expect(message.ok && readRequest(message.value, text).ok).toBe(true);
});

test("no text throws, and what is refused is refused with a code of JSON-RPC", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json({ maxDepth: 8 }),
    fc.jsonValue().map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(text, (given) => {
      const message = readMessage(given);
      const outcome = message.ok ? readRequest(message.value, given) : message;
      if (!outcome.ok) expect([-32700, -32600]).toContain(outcome.fault.code);
    }),
    { numRuns: 2_000 },
  );
});
