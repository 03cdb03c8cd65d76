/** R12 for the checking endpoints: whatever bytes come, no crash, no 5xx, and never a yes. The long run takes twenty times as many: 50 000 sets of headers, a million texts of keys. */
import { expect, test } from "bun:test";
import { connect } from "node:net";
import { parseKeyText } from "../src/domain/key-text.ts";
import { openCheck } from "./check-app.ts";

const ROUNDS = Number(process.env.CHATELAINE_NONSENSE ?? 2_500);
const KEY_TEXTS = ROUNDS * 20;
const TIMEOUT_MS = Math.max(120_000, ROUNDS * 24);
const AT_ONCE = 50;
const SEED = Number(process.env.CHATELAINE_SEED ?? Date.now() % 1_000_000);

/** mulberry32 */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) % below;
  };
}

test(
  `any headers at /auth are answered without a yes and without a 5xx (seed ${SEED})`,
  async () => {
    await using check = await openCheck();
    const { text } = await check.key("ci", { allowedIps: ["192.0.2.0/24"], scopes: ["dns:read"] });
    const random = randomOf(SEED);
    const pick = <One>(list: readonly One[]): One => list[random(list.length)]!;
    const bytes = (): string =>
      Array.from({ length: random(60) }, () =>
        String.fromCharCode(pick([random(224) + 32, random(95) + 32])),
      ).join("");
    const spoiled = (): string => {
      const at = random(text.length);
      return (
        text.slice(0, at) + pick(["", "a", "Z", "0", "-", " ", "%", "\t", "\u00e9"]) + text.slice(at + 1)
      );
    };
    const value = (): string =>
      pick([
        bytes,
        spoiled,
        () => `Bearer ${spoiled()}`,
        () => `Basic ${btoa(`x:${spoiled()}`)}`,
        () => "__proto__",
        () => "1e999",
        () => `${text},${text}`,
        () => "",
      ])();
    const names = [
      "Authorization",
      "X-API-Key",
      "X-Forwarded-For",
      "X-Forwarded-Proto",
      "X-Forwarded-Host",
      "X-Auth-Scope",
      "X-Auth-Header",
      "User-Agent",
      "Cookie",
      "X-Forwarded-Uri",
      "__proto__",
      "constructor",
    ];
    const target = (): string =>
      pick([
        "/auth",
        "/auth/",
        "/auth/envoy",
        `/auth/envoy/${encodeURI(bytes())}`,
        "/auth?scope=dns:read",
        `/auth?${encodeURI(bytes())}`,
        `/auth/${encodeURI(bytes())}`,
        "/auth?header=__proto__",
        "/auth?scope=%00",
        "//auth",
      ]);
    let told = 0;
    for (let round = 0; round < ROUNDS; round += AT_ONCE) {
      const requests = Array.from({ length: AT_ONCE }, (_, place) => {
        const headers = Array.from({ length: 1 + random(6) }, () => `${pick(names)}: ${value()}`);
        const end = place === AT_ONCE - 1 ? "close" : "keep-alive";
        return [`GET ${target()} HTTP/1.1`, "Host: localhost", `Connection: ${end}`, ...headers].join("\r\n");
      });
      const answers = await sendAll(
        check.url,
        requests.map((one) => `${one}\r\n\r\n`),
      );
      for (const status of answers) expect([400, 401, 403, 404, 429, 431]).toContain(status);
      told += answers.length;
    }
    expect(told).toBeGreaterThan(ROUNDS / 4);
    const good = await check.auth(text, { headers: { "X-Forwarded-For": "192.0.2.1" } });
    expect(good.status).toBe(200);
  },
  TIMEOUT_MS,
);

test(
  `any body at verify is answered by 200, 4xx and no yes (seed ${SEED})`,
  async () => {
    await using check = await openCheck();
    const { text } = await check.key("ci");
    const random = randomOf(SEED + 1);
    const json = (depth: number): unknown => {
      const kinds: (() => unknown)[] = [
        () => random(1_000) - 500,
        () => text.slice(0, random(text.length)),
        () => null,
        () => random(2) === 1,
        () => "\ud800",
        ...(depth > 0
          ? [
              () => Array.from({ length: random(4) }, () => json(depth - 1)),
              () =>
                Object.fromEntries(
                  Array.from({ length: random(4) }, () => [
                    ["key", "keys", "scope", "ip", "cost", "__proto__", "x"][random(7)],
                    json(depth - 1),
                  ]),
                ),
            ]
          : []),
      ];
      return kinds[random(kinds.length)]!();
    };
    for (let round = 0; round < ROUNDS / 5; round++) {
      const text = JSON.stringify(json(3)) ?? "";
      const body = random(3) === 0 ? text.slice(0, random(text.length + 1)) : text;
      const answer = await fetch(`${check.url}/api/v1/verify`, {
        method: "POST",
        body,
        headers: { "Content-Type": "application/json" },
      });
      expect(answer.status).toBeLessThan(500);
      expect(await answer.text()).not.toContain('"valid":true');
    }
  },
  TIMEOUT_MS,
);

test(
  `no text but a key's own is taken for it (seed ${SEED})`,
  async () => {
    await using check = await openCheck();
    const { text } = await check.key("ci");
    const random = randomOf(SEED + 2);
    const { verify } = check.app;
    for (let round = 0; round < KEY_TEXTS; round++) {
      const at = random(text.length + 1);
      const edits = [
        () => text.slice(0, at) + String.fromCharCode(random(0xffff)) + text.slice(at + random(2)),
        () => text.slice(0, at),
        () => `${"0".repeat(random(3))}${text}${" ".repeat(random(2))}`,
        () => text.replace("-", "\u2010"),
        () => text.toUpperCase(),
        () => `${random(9)}${text}`,
      ];
      const spoiled = edits[random(edits.length)]!();
      if (spoiled === text) continue;
      const answer = await verify.check(spoiled, { origin: null });
      expect({ spoiled, ok: answer.ok }).toEqual({ spoiled, ok: false });
      if (!answer.ok && answer.reason !== "malformed") expect(parseKeyText(spoiled).ok).toBe(true);
    }
    expect((await verify.check(text, { origin: null })).ok).toBe(true);
  },
  TIMEOUT_MS,
);

/** All on one connection. @returns status codes in order, as far as the server answered */
function sendAll(url: string, requests: readonly string[]): Promise<number[]> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ host: hostname, port: Number(port) }, () =>
      socket.write(Buffer.from(requests.join(""), "latin1")),
    );
    const end = (): void =>
      resolve([...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status)));
    socket.setTimeout(5_000, () => socket.destroy());
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.on("error", end);
    socket.on("close", end);
  });
}
