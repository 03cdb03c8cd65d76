import { expect, test } from "bun:test";
import { connect } from "node:net";
import { openCheck } from "../../server/test/check-app.ts";
import { SYSTEM } from "../../server/test/installation.ts";
import { RUNTIMES, startGuarded } from "./runtimes.ts";

/** Header lines exactly as they are. @returns the status */
function sendLines(url: string, lines: readonly string[]): Promise<number> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ host: hostname, port: Number(port) }, () =>
      socket.write(`${["GET /dns HTTP/1.1", "Host: h", "Connection: close", ...lines].join("\r\n")}\r\n\r\n`),
    );
    socket.setTimeout(5_000, () => socket.destroy());
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)));
  });
}

const bearer = (text: string) => ({ Authorization: `Bearer ${text}` });

for (const runtime of RUNTIMES) {
  test(`on ${runtime} a good key passes with its identity, and itself goes no further`, async () => {
    await using check = await openCheck();
    await using service = await startGuarded(runtime, check.url);
    const { id, text } = await check.key("good", { allowedIps: ["127.0.0.0/8"] });
    const ways: Record<string, string>[] = [
      bearer(text),
      { Authorization: `Basic ${btoa(`x:${text}`)}` },
      { Authorization: `Basic ${btoa(`${text}:`)}` },
      { "X-API-Key": text },
      { ...bearer(text), "X-API-Key": text },
      { "X-API-Key": text, Authorization: "Bearer foreign.a.b" },
    ];
    for (const [framework, url] of Object.entries(service.urls)) {
      for (const headers of ways) {
        const init = { method: "POST", body: "hello", headers: { ...headers, "Content-Type": "text/plain" } };
        const answer = await fetch(`${url}/dns`, init);
        expect([framework, answer.status]).toEqual([framework, 200]);
        const arrived = await answer.text();
        expect(JSON.parse(arrived)).toMatchObject({ user: "ada", key: id, body: "hello" });
        for (const secret of [text, btoa(`x:${text}`), btoa(`${text}:`)])
          expect(arrived).not.toContain(secret);
        expect(arrived.includes("foreign.a.b")).toBe(headers.Authorization?.includes("foreign") ?? false);
      }
    }
  });

  test(`on ${runtime} every other key is refused by a problem document that says no more than it must`, async () => {
    await using check = await openCheck();
    await using service = await startGuarded(runtime, check.url);
    const { keys } = check.app;
    const good = await check.key("good");
    const other = await check.key("other");
    const revoked = await check.key("revoked");
    await keys.revoke(SYSTEM, revoked.id, "test");
    const paused = await check.key("paused");
    await keys.pause(SYSTEM, paused.id);
    const narrow = await check.key("narrow", { scopes: ["web:read"] });
    const away = await check.key("away", { allowedIps: ["192.0.2.0/24"] });
    const spent = await check.key("spent", { rateLimit: { limit: 3, windowSeconds: 3_600 } });
    const refused: [number, Record<string, string>][] = [
      [401, {}],
      [401, { Cookie: `key=${good.text}` }],
      [401, bearer("nonsense")],
      [401, bearer(`${good.id}-${"a".repeat(64)}`)],
      [401, bearer("x".repeat(4_000))],
      [401, { Authorization: `Token ${good.text}` }],
      [401, { Authorization: "Basic ????" }],
      [401, { ...bearer(good.text), "X-API-Key": other.text }],
      [401, { "X-API-Key": `${good.text}, ${good.text}` }],
      [401, bearer(revoked.text)],
      [403, bearer(paused.text)],
      [403, bearer(narrow.text)],
      [403, bearer(away.text)],
      [403, { ...bearer(away.text), "X-Forwarded-For": "192.0.2.7" }],
    ];
    for (const url of Object.values(service.urls)) {
      for (const [status, headers] of refused) {
        const answer = await fetch(`${url}/dns?key=${good.text}`, { headers });
        const body = (await answer.json()) as Record<string, unknown>;
        expect([headers, answer.status, body.status]).toEqual([headers, status, status]);
        expect(answer.headers.get("content-type")).toStartWith("application/problem+json");
        expect(answer.headers.get("cache-control")).toBe("no-store");
        expect(answer.headers.has("www-authenticate")).toBe(status === 401);
        expect(answer.headers.get("decision-id") ?? undefined).toBe(body.decision as string | undefined);
        expect(JSON.stringify({ ...body, decision: "" })).not.toMatch(/revoked|paused|scope|address|ada/);
      }
      expect((await fetch(`${url}/dns`, { headers: bearer(spent.text) })).status).toBe(200);
      for (const lines of [
        [`Authorization: Bearer ${good.text}`, "Authorization: Bearer x"],
        ["Authorization: Bearer x", `Authorization: Bearer ${good.text}`],
        [`X-API-Key: ${good.text}`, "X-API-Key: x"],
      ])
        expect([lines, await sendLines(url, lines)]).not.toEqual([lines, 200]);
    }
    for (const url of Object.values(service.urls)) {
      const over = await fetch(`${url}/dns`, { headers: bearer(spent.text) });
      expect([over.status, Number(over.headers.get("retry-after")) > 1]).toEqual([429, true]);
      expect(over.headers.get("ratelimit-policy")).toBe('"key";q=3;w=3600');
      expect(over.headers.get("ratelimit")).toMatch(/^"key";r=0;t=\d+$/);
    }
  });

  test(`on ${runtime} a Chatelaine that is away, or does not let the service ask, is 503 and never 401`, async () => {
    await using check = await openCheck();
    const { text } = await check.key("good");
    await using service = await startGuarded(runtime, check.url, { timeoutMs: 1_000 });
    const statuses = () =>
      Promise.all(
        Object.values(service.urls).map(async (url) => {
          const answer = await fetch(`${url}/dns`, { headers: bearer(text) });
          return [answer.status, answer.headers.get("retry-after")];
        }),
      );
    expect(await statuses()).toEqual([200, 200, 200].map((status) => [status, null]));
    await check.server.close();
    expect(await statuses()).toEqual([503, 503, 503].map((status) => [status, "2"]));
    using mute = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    await using waiting = await startGuarded(runtime, `http://127.0.0.1:${mute.port}`, { timeoutMs: 200 });
    for (const url of Object.values(waiting.urls))
      expect((await fetch(`${url}/dns`, { headers: bearer(text) })).status).toBe(503);
  });

  test(`on ${runtime} the one header that is named carries keys, and no other`, async () => {
    await using check = await openCheck();
    await using service = await startGuarded(runtime, check.url, { header: "X-Subscription-Key" });
    const { text } = await check.key("good");
    for (const url of Object.values(service.urls)) {
      const named = await fetch(`${url}/dns`, { headers: { "X-Subscription-Key": text } });
      expect([named.status, (await named.text()).includes(text)]).toEqual([200, false]);
      expect((await fetch(`${url}/dns`, { headers: bearer(text) })).status).toBe(401);
    }
  });

  test(`on ${runtime} a signed identity is checked with the keys that the server publishes`, async () => {
    await using check = await openCheck();
    await using service = await startGuarded(runtime, check.url);
    const { id, text } = await check.key("good");
    const answer = await check.auth(text, { path: "/auth?assert=app.example" });
    const token = answer.headers.get("remote-assertion")!;
    const checked = async (assertion: string) =>
      (await fetch(`${service.urls.hono}/assertion`, { headers: { "Remote-Assertion": assertion } })).json();
    expect(await checked(token)).toMatchObject({ ok: true, identity: { username: "ada", keyId: id } });
    expect(await checked(`${token.slice(0, -4)}AAAA`)).toEqual({ ok: false, reason: "signature" });
    expect(await checked("")).toEqual({ ok: false, reason: "missing" });
  });
}
