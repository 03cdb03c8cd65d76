import { expect, test } from "bun:test";
import { readClientAddress } from "./client-address.ts";

test("the address of a client is read as the server reads it, and what is none is not known", () => {
  const rows: [string | undefined, string | undefined][] = [
    ["192.0.2.7", "192.0.2.7"],
    ["192.0.2.7:5555", "192.0.2.7"],
    [" 192.0.2.7 ", "192.0.2.7"],
    ["[2001:db8::7]:5555", "2001:db8::7"],
    ["[2001:db8::7]", "2001:db8::7"],
    ["2001:db8::7", "2001:db8::7"],
    ["::ffff:192.0.2.7", "::ffff:192.0.2.7"],
    ["fe80::1%eth0", "fe80::1"],
    ["[fe80::1%eth0]:80", "fe80::1"],
    [undefined, undefined],
    ["", undefined],
    ["unknown", undefined],
    ["_hidden", undefined],
    ["192.0.2.7, 192.0.2.8", undefined],
    ["192.0.2", undefined],
    ["192.0.2.256", undefined],
    ["192.0.2.07", undefined],
    ["1::2::3", undefined],
    ["x".repeat(100_000), undefined],
    ["<script>", undefined],
  ];
  for (const [text, address] of rows) expect([text, readClientAddress(text)]).toEqual([text, address]);
});
