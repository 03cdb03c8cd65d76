import { expect, test } from "bun:test";
import { parseAddress } from "./address.ts";
import { isRefusedTarget } from "./webhook-target.ts";

const isRefused = (text: string): boolean => isRefusedTarget(parseAddress(text)!);

/** First and last of each block of IANA's registries that nothing is sent to, and what clouds answer at. */
test.each<[string[]]>([
  [["0.0.0.0", "0.255.255.255"]],
  [["100.64.0.0", "100.100.100.200", "100.127.255.255"]],
  [["169.254.0.0", "169.254.169.254", "169.254.255.255"]],
  [["192.0.0.0", "192.0.0.192", "192.0.0.255"]],
  [["192.0.2.1", "198.51.100.1", "203.0.113.255"]],
  [["192.31.196.1", "192.52.193.1", "192.88.99.1", "192.175.48.1"]],
  [["198.18.0.0", "198.19.255.255"]],
  [["224.0.0.1", "239.255.255.255", "240.0.0.0", "255.255.255.255"]],
  [["168.63.129.16"]],
  [["::", "::7f00:1", "::a9fe:a9fe", "::ffff:0:a9fe:a9fe"]],
  [["::ffff:169.254.169.254", "::ffff:168.63.129.16", "::ffff:0.0.0.0"]],
  [["64:ff9b::", "64:ff9b::7f00:1", "64:ff9b::ffff:ffff", "64:ff9b:1::", "64:ff9b:1:ffff::1"]],
  [["100::", "100::ffff:ffff:ffff:ffff", "100:0:0:1::1"]],
  [["2001::1", "2001:0:a9fe:a9fe::1", "2001:1::1", "2001:20::1", "2001:1ff:ffff::1", "2001:db8::1"]],
  [["2002::", "2002:a9fe:a9fe::1", "2002:7f00:1::", "2002:ffff::"]],
  [["2620:4f:8000::1", "3fff::", "3fff:fff:ffff::1", "5f00::1", "5f00:ffff::"]],
  [["fe80::1", "febf:ffff::1", "fec0::1", "feff::1", "ff02::1"]],
  [["fd00:ec2::254", "fd20:ce::254"]],
])("nothing is sent to %j", (texts) => {
  for (const text of texts) expect([text, isRefused(text)]).toEqual([text, true]);
});

test("loopback, private networks and the public ones beside those blocks are sent to", () => {
  for (const text of [
    ...["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"],
    ...[
      "10.0.0.1",
      "172.16.0.1",
      "172.31.255.255",
      "192.168.1.1",
      "fc00::1",
      "fd12:3456::1",
      "fd00:ec2::253",
    ],
    ...[
      "1.1.1.1",
      "100.63.255.255",
      "100.128.0.0",
      "169.253.255.255",
      "169.255.0.0",
      "168.63.129.15",
      "168.63.129.17",
    ],
    ...["192.0.1.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"],
    ...[
      "2001:200::1",
      "2003::1",
      "2606:4700::1111",
      "2a00::1",
      "64:ff9a::1",
      "64:ff9c::1",
      "3ffe::1",
      "4000::1",
    ],
  ])
    expect([text, isRefused(text)]).toEqual([text, false]);
});
