/** What users and groups may be called and hold: every broken rule at once. */

import type { Issue } from "@chatelaine/contract/errors";
import {
  ALLOWED_IPS_MAX,
  FULL_NAME_CHARS_MAX,
  LIFETIME_SECONDS_MAX,
  LIFETIME_SECONDS_MIN,
  RATE_USES_MAX,
  RATE_WINDOW_SECONDS_MAX,
  SCOPES_MAX,
} from "@chatelaine/contract/limits";
import { isRole, type Role } from "@chatelaine/contract/roles";
import { parseNetwork } from "../domain/address.ts";
import { keptTextIssues } from "../domain/kept-text.ts";
import type { UserLimits } from "../domain/limits.ts";
import { blankIssues } from "../domain/names.ts";
import { isScope } from "../domain/rights.ts";
import { isEmail, isUsername } from "../domain/user.ts";
import { checkNewPassword } from "../sign-in/passwords.ts";

export interface NewUserInput {
  readonly username: string;
  readonly fullName?: string;
  readonly email?: string | null;
  readonly roles?: readonly Role[];
  readonly scopes?: readonly string[];
  readonly locked?: boolean;
  /** Absent: cannot sign in by password. */
  readonly password?: string;
  readonly groups?: readonly string[];
}

interface Rights {
  readonly roles?: readonly Role[] | undefined;
  readonly scopes?: readonly string[] | undefined;
}

/** @param username the name that the user has, where the input brings none */
export function checkUserInput(input: Partial<NewUserInput>, username = input.username ?? ""): Issue[] {
  const { fullName, email, password } = input;
  const issues = [...checkName("username", input.username), ...checkRights(input), ...keptTextIssues(input)];
  if (fullName !== undefined && !isFullName(fullName)) {
    const message = `A full name has at most ${FULL_NAME_CHARS_MAX} characters and no control characters`;
    issues.push({ path: ["fullName"], code: "shape", message });
  }
  issues.push(...blankIssues(["fullName"], fullName));
  if (email !== undefined && email !== null && !isEmail(email)) {
    issues.push({ path: ["email"], code: "shape", message: "Not an e-mail address" });
  }
  issues.push(...checkCeilings((input as { ceilings?: UserLimits | null }).ceilings));
  return password === undefined ? issues : [...issues, ...checkNewPassword(password, username)];
}

function checkCeilings(ceilings: UserLimits | null | undefined): Issue[] {
  if (!ceilings) return [];
  const { allowedIps, rateLimit, lifetimeSeconds } = ceilings;
  const isWithin = (value: number, least: number, most: number): boolean =>
    Number.isInteger(value) && value >= least && value <= most;
  const issues: Issue[] = [];
  if (
    allowedIps &&
    (allowedIps.length > ALLOWED_IPS_MAX || !allowedIps.every((block) => parseNetwork(block)))
  )
    issues.push({
      path: ["ceilings", "allowed_ips"],
      code: "bad_address",
      message: "Expected addresses or CIDR blocks",
    });
  if (
    rateLimit &&
    !(
      isWithin(rateLimit.limit, 1, RATE_USES_MAX) &&
      isWithin(rateLimit.windowSeconds, 1, RATE_WINDOW_SECONDS_MAX)
    )
  )
    issues.push({
      path: ["ceilings", "rate_limit"],
      code: "shape",
      message: `A limit of 1 to ${RATE_USES_MAX} in 1 to ${RATE_WINDOW_SECONDS_MAX} seconds`,
    });
  if (lifetimeSeconds !== null && !isWithin(lifetimeSeconds, LIFETIME_SECONDS_MIN, LIFETIME_SECONDS_MAX))
    issues.push({
      path: ["ceilings", "lifetime_seconds"],
      code: "shape",
      message: "A life of a minute to a hundred years",
    });
  return issues;
}

export function checkName(field: "username" | "name", name: string | undefined): Issue[] {
  if (name === undefined || isUsername(name)) return [];
  const message = "A name has 1 to 32 of A-Za-z0-9_.- and begins with a letter or _";
  return [{ path: [field], code: "shape", message }];
}

export function checkRights({ roles = [], scopes = [] }: Rights): Issue[] {
  const issues: Issue[] = [];
  roles.forEach((role, at) => {
    if (!isRole(role)) issues.push({ path: ["roles", at], code: "unknown_role", message: "No such role" });
  });
  if (scopes.length > SCOPES_MAX) {
    issues.push({ path: ["scopes"], code: "too_long", message: `At most ${SCOPES_MAX} scopes` });
  }
  scopes.slice(0, SCOPES_MAX).forEach((scope, at) => {
    if (isScope(scope)) return;
    issues.push({
      path: ["scopes", at],
      code: "bad_scope",
      message: "A scope is resource:action, where each may be *",
    });
  });
  return issues;
}

/** Without repetitions, in the order given. */
export function distinct<Value>(values: readonly Value[]): Value[] {
  return [...new Set(values)];
}

function isFullName(text: string): boolean {
  return text.length <= FULL_NAME_CHARS_MAX && !/\p{Cc}/u.test(text) && text.isWellFormed();
}
