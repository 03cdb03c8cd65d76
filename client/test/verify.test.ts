import { expect, test } from "bun:test";
import { type Answer, createVerifier } from "@chatelaine/client/verify";
import type { InputOf, OutputOf } from "@chatelaine/contract/operations/operations";
import { openCheck } from "../../server/test/check-app.ts";
import { SYSTEM } from "../../server/test/installation.ts";

type WireAnswer = Extract<OutputOf<"keys.verify">, { valid: boolean }>;
type WireQuestion = Extract<InputOf<"keys.verify", "body">, { key: string }>;

test("the types of the library are the contract's", () => {
  const same = (answer: WireAnswer): Answer => answer;
  const reason = (
    answer: Extract<Answer, { valid: false }>,
  ): Extract<WireAnswer, { valid: false }>["reason"] => answer.reason;
  const asked: WireQuestion = { key: "", scope: "a:b", ip: "", cost: 1 } satisfies Required<
    Parameters<ReturnType<typeof createVerifier>["verify"]>[1]
  > & { key: string };
  expect([same, reason, asked]).toHaveLength(3);
});

test("an answer is a value, whether the key is good or not", async () => {
  await using check = await openCheck();
  const { verify, verifyMany } = createVerifier({ url: `${check.url}/` });
  const good = await check.key("good");
  const near = await check.key("near", { allowedIps: ["192.0.2.0/24"] });
  const limited = await check.key("limited", { rateLimit: { limit: 10, windowSeconds: 3_600 } });
  expect(await verify(good.text, { scope: "dns:read" })).toMatchObject({
    valid: true,
    key: { id: good.id, name: "good", scopes: ["dns:*", "web:read"] },
    user: { username: "ada", groups: ["ops"] },
    rate_limit: null,
  });
  const reasonOf = async (...args: Parameters<typeof verify>) => {
    const answer = await verify(...args);
    return answer.valid ? "valid" : answer.reason;
  };
  expect(await reasonOf(good.text, { scope: "mail:send" })).toBe("scope_missing");
  expect(await reasonOf(near.text, { ip: "192.0.2.7" })).toBe("valid");
  expect(await reasonOf(near.text)).toBe("address_not_allowed");
  expect(await reasonOf(limited.text, { cost: 10 })).toBe("valid");
  const over = await verify(limited.text);
  expect(over).toMatchObject({ valid: false, reason: "rate_limited" });
  expect((over as { retry_after_seconds: number }).retry_after_seconds).toBeGreaterThan(0);
  for (const text of ["", "nonsense", "\ud800", "x".repeat(1_000_000)])
    expect(await reasonOf(text)).toBe("malformed");
  const many = await verifyMany([{ key: good.text }, { key: "x".repeat(1_000_000) }, { key: near.text }]);
  expect(many.map((answer) => answer.valid)).toEqual([true, false, false]);
  const more = {
    scope: `${"s".repeat(60)}:${"a".repeat(60)}`,
    ip: "2001:db8:1111:2222:3333:4444:5555:6666",
    cost: 1,
  };
  for (const text of ["\ud800", "\u0000", "\u20ac", '"'].map((one) => one.repeat(100_000))) {
    const hostile = Array.from({ length: 99 }, () => ({ key: text, ...more }));
    const answers = await verifyMany([...hostile, { key: good.text }]);
    expect(answers.map((answer) => answer.valid)).toEqual([...hostile.map(() => false), true]);
  }
  await check.app.keys.revoke(SYSTEM, good.id, "test");
  expect(await reasonOf(good.text)).toBe("revoked");
});

test("a service that may not ask is told so, and may with a key of its own that has KEY_VERIFY", async () => {
  await using check = await openCheck({ trustedProxy: ["127.0.0.1"] });
  const { text } = await check.key("good");
  // A header of a proxy takes away what loopback alone gives.
  const proxied = (url: string, init: RequestInit) =>
    fetch(url, { ...init, headers: { ...(init.headers as object), "X-Forwarded-Proto": "https" } });
  const without = createVerifier({ url: check.url, fetch: proxied });
  await expect(without.verify(text)).rejects.toMatchObject({ code: "forbidden", status: 403 });
  await check.app.users.create(SYSTEM, { username: "service", roles: ["KEY_VERIFY"] });
  const { secret } = await check.app.keys.create(SYSTEM, { name: "service", username: "service" });
  const withKey = createVerifier({ url: check.url, fetch: proxied, key: secret.text });
  expect((await withKey.verify(text)).valid).toBe(true);
});

test("whatever is not an answer of Chatelaine is `unavailable`, and never a no", async () => {
  const good = { valid: true, key: { id: 1, scopes: [] }, user: { username: "ada" }, rate_limit: null };
  const answers: ((init: RequestInit) => Promise<Response> | Response)[] = [
    () => Promise.reject(new TypeError("no route")),
    () => new Response("<html>Sign in to this network</html>", { headers: { "Content-Type": "text/html" } }),
    () => new Response(null, { status: 204 }),
    () => new Response("", { status: 502 }),
    () => Response.json(null),
    () => Response.json([good]),
    () => Response.json({ valid: "true" }),
    () => Response.json({ valid: true }),
    () => Response.json({ ...good, key: undefined }),
    () => Response.json({ ...good, valid: 1 }),
    () => Response.json({ ok: true }),
    () => Response.json({ ...good, more: "x".repeat(5_000_000) }),
    ({ signal }) =>
      new Promise((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason))),
  ];
  for (const answer of answers) {
    const verifier = createVerifier({
      url: "http://chatelaine.example",
      timeoutMs: 200,
      fetch: async (_, init) => answer(init),
    });
    await expect(verifier.verify("1-x")).rejects.toMatchObject({
      name: "ChatelaineError",
      code: "unavailable",
    });
  }
});

test("the caller's own signal ends a question with its own reason", async () => {
  using mute = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { verify } = createVerifier({ url: `http://127.0.0.1:${mute.port}` });
  const reason = new Error("The client has gone");
  const stop = new AbortController();
  const asked = verify("1-x", {}, { signal: stop.signal });
  stop.abort(reason);
  await expect(asked).rejects.toBe(reason);
});

test("a key goes to the address that was given, and follows no redirect", async () => {
  const arrived: string[] = [];
  using elsewhere = Bun.serve({
    port: 0,
    fetch: async (req) => {
      arrived.push(await req.text());
      return Response.json({ valid: false, reason: "unknown" });
    },
  });
  using here = Bun.serve({ port: 0, fetch: () => Response.redirect(elsewhere.url.href, 307) });
  const { verify } = createVerifier({ url: here.url.href });
  await expect(verify("1-secret")).rejects.toMatchObject({ code: "unavailable" });
  expect(arrived).toEqual([]);
});

test("a question is asked again once where a kept-alive connection has ended", async () => {
  await using check = await openCheck();
  const { text } = await check.key("good");
  let failures = 1;
  const { verify } = createVerifier({
    url: check.url,
    fetch: (url, init) => {
      if (failures-- > 0) return Promise.reject(new TypeError("ECONNRESET"));
      return fetch(url, init);
    },
  });
  expect((await verify(text)).valid).toBe(true);
});
