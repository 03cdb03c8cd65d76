import { expect, test } from "bun:test";
import { openCheck } from "../../server/test/check-app.ts";
import { run } from "./chatelaine.ts";

test("why tells the exact rule by the number that the refused caller got, and nothing of what was no key", async () => {
  await using check = await openCheck();
  const { id, text } = await check.key("ci", {
    scopes: ["dns:read"],
    allowedIps: ["192.0.2.0/24"],
    rateLimit: { limit: 1, windowSeconds: 3_600 },
  });
  const refuse = async (path: string, from: string, key = text) => {
    const headers = { "X-Forwarded-For": from, "X-Forwarded-Host": "app.example" };
    const answer = await check.auth(key, { path, headers });
    expect([answer.ok, await answer.text()]).toEqual([false, ""]);
    return answer.headers.get("decision-id")!;
  };
  const why = (decision: string, ...more: string[]) =>
    run(["why", decision, "--data", check.folder.path, ...more]);
  const near = "192.0.2.7";
  expect((await check.auth(text, { headers: { "X-Forwarded-For": near } })).status).toBe(200);
  const decisions = {
    scope_missing: await refuse("/auth?scope=dns:write", near),
    address_not_allowed: await refuse("/auth", "198.51.100.1"),
    rate_limited: await refuse("/auth", near),
  };
  const unknown = await refuse("/auth", near, `${id}-${"a".repeat(64)}`);
  await check.app.usage.flush();
  const rules = {
    scope_missing: /dns:write.*dns:read/,
    address_not_allowed: /198\.51\.100\.1/,
    rate_limited: /More than 1 in 3600 seconds/,
  };
  for (const [reason, decision] of Object.entries(decisions)) {
    const { code, stdout } = await why(decision, "--json");
    expect([reason, code]).toEqual([reason, 0]);
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({ decision, key_id: id, key_name: "ci", reason, host: "app.example" });
    expect(told.rule).toMatch(rules[reason as keyof typeof rules]);
  }
  expect((await why(decisions.scope_missing)).stdout).toContain("scope_missing");
  for (const decision of [unknown, crypto.randomUUID(), "x", "' OR 1=1 --"]) {
    const { code, stdout, stderr } = await why(decision);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("No such decision");
  }
});
