import { describe, expect, test } from "bun:test";
import { expandRoles, type Role } from "@chatelaine/contract/roles";
import { type KeyPolicy, policyIssues } from "./key-policy.ts";

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2030, 0, 1);
const OPEN: KeyPolicy = { keyDaysMax: null, nonExpiringKeys: true, nonExpiringRoles: null };

function judge(
  policy: Partial<KeyPolicy>,
  life: { days: number | null; was?: number | null },
  role: Role = "KEY_HOLDER",
): string[] {
  const endOf = (days: number | null): number | null => (days === null ? null : NOW + days * DAY_MS);
  const issues = policyIssues(
    { ...OPEN, ...policy },
    {
      roles: expandRoles([role]),
      madeAt: NOW,
      expiresAt: endOf(life.days),
      was: life.was === undefined ? undefined : endOf(life.was),
    },
  );
  return issues.map(({ path, code, message }) => `${path} ${code}: ${message}`);
}

describe("the policy for keys", () => {
  test("allows everything until somebody sets one", () => {
    expect(judge({}, { days: null })).toEqual([]);
    expect(judge({}, { days: 36_500 })).toEqual([]);
  });

  test("bounds the life of keys that end, to the day, and says until when", () => {
    expect(judge({ keyDaysMax: 90 }, { days: 90 })).toEqual([]);
    expect(judge({ keyDaysMax: 90 }, { days: 91 })).toEqual([
      "expires_at policy: Keys may live 90 days at most: until 2030-04-01T00:00:00.000Z.",
    ]);
  });

  test("forbids keys that never expire to everybody, or to all but some", () => {
    expect(judge({ nonExpiringKeys: false }, { days: null }, "FULL_ADMIN")).toEqual([
      "expires_at policy: Keys that never expire are not allowed here. Set an expiry.",
    ]);
    const some = { nonExpiringRoles: ["FULL_ADMIN", "API_KEY_WRITE"], keyDaysMax: 30 } as const;
    expect(judge(some, { days: null })).toEqual([
      "expires_at policy: Only holders of FULL_ADMIN or API_KEY_WRITE may make keys that never expire. Set an expiry within 30 days.",
    ]);
    expect(judge(some, { days: null }, "API_KEY_WRITE")).toEqual([]);
    expect(judge(some, { days: 30 })).toEqual([]);
  });

  test("never stands in the way of a shorter life, and bounds a longer one from the key's making", () => {
    const strict = { keyDaysMax: 30, nonExpiringKeys: false };
    expect(judge(strict, { days: 400, was: null })).toEqual([]);
    expect(judge(strict, { days: null, was: null })).toEqual([]);
    expect(judge(strict, { days: 60, was: 90 })).toEqual([]);
    expect(judge(strict, { days: 31, was: 10 })).toEqual([
      "expires_at policy: Keys may live 30 days at most from their making or last reset: this one until 2030-01-31T00:00:00.000Z. Reset it for a longer life.",
    ]);
    expect(judge(strict, { days: null, was: 10 })).toHaveLength(1);
  });
});
