/**
 * Every way in which a credential may come, at every door, on real listeners, against the table that the documentation
 * shows: nothing is revoked that is not proved to be in clear, and nothing refused that came over TLS.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import {
  DOORS,
  type MatrixPlace,
  openPlaces,
  PEERS,
  type PeerKind,
  SAID,
  tryDoor,
} from "./transport-matrix.ts";

const TABLE = new URL("../src/http/docs/transport-matrix.txt", import.meta.url).pathname;
const ROWS = readFileSync(TABLE, "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => line.split(" | "));
/** Of a unix socket, which has no address. */
const UNIX_PEERS: readonly PeerKind[] = ["trusted", "not trusted"];
const CLEAR = ["http", "ws", "http, https", "Forwarded http"];
const TLS = ["https", "wss", "https, wss", "Forwarded https"];

test("the table has a row for each listener, trust and header, and no other", () => {
  const places = ["this machine | http", "this machine | https", "this machine | unix"];
  places.push("another machine | http", "another machine | https");
  const names = places.flatMap((place) =>
    PEERS.filter((peer) => !place.endsWith("unix") || UNIX_PEERS.includes(peer)).flatMap((peer) =>
      Object.keys(SAID).map((said) => `${place} | ${peer} | ${said}`),
    ),
  );
  expect(ROWS.map((row) => row.slice(0, 4).join(" | ")).toSorted()).toEqual(names.toSorted());
  expect(ROWS.every((row) => row.length === 4 + DOORS.length)).toBe(true);
});

test("the table revokes only what is proved to be in clear, and refuses nothing that came over TLS", () => {
  for (const [from, listener, peer, said, ...outcomes] of ROWS) {
    const isTrusted = peer === "trusted";
    const isOurs =
      from === "another machine" && listener === "http" && peer === "not trusted" && said === "no header";
    const isProved = isOurs || (isTrusted && CLEAR.includes(said!));
    const isTls = isTrusted ? TLS.includes(said!) : listener === "https" || peer === "trusted =tls";
    const row = [from, listener, peer, said];
    if (!isProved) expect([...row, outcomes.includes("revoked")]).toEqual([...row, false]);
    // At /auth the headers tell of the proxy's own client.
    const own = outcomes.toSpliced(DOORS.indexOf("/auth"), 1);
    if (isTls) expect([...row, new Set(own)]).toEqual([...row, new Set(["passes"])]);
    if (isTrusted && isTls) expect([...row, outcomes[1]]).toEqual([...row, "passes"]);
  }
});

describe("a credential comes as the table says", () => {
  let places: readonly MatrixPlace[];
  let close: () => Promise<void>;
  beforeAll(async () => {
    ({ places, close } = await openPlaces());
  }, 120_000);
  afterAll(() => close());

  for (const [from, listener, peer, said, ...expected] of ROWS) {
    test(`from ${from}, ${listener} listener, ${peer}: ${said}`, async () => {
      const place = places.find(
        (one) => one.from === from && one.listener === listener && one.peer === peer,
      )!;
      const outcomes: string[] = [];
      for (const door of DOORS) outcomes.push(await tryDoor(door, place, SAID[said!]!));
      expect(outcomes).toEqual(expected);
    }, 60_000);
  }
});
