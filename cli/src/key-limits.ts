/** The options that describe a key or hold it to less than its user may; the same for new and old keys. */
import { ROLES, type Role } from "@chatelaine/contract/roles";
import type { Command } from "commander";
import { collectRole, parseRate } from "./arguments.ts";
import { collect, type Local } from "./command.ts";

export interface KeyLimitOptions {
  readonly description?: string;
  readonly tag?: readonly string[];
  /** False where `--no-tags` was given. */
  readonly tags?: boolean;
  readonly role?: readonly Role[];
  /** False where `--no-roles` was given. */
  readonly roles?: boolean;
  readonly allRoles?: boolean;
  readonly scope?: readonly string[];
  /** False where `--no-scopes` was given. */
  readonly scopes?: boolean;
  readonly allScopes?: boolean;
  readonly allowIp?: readonly string[];
  readonly anyIp?: boolean;
  /** False where `--no-manages-sign-in` was given. */
  readonly managesSignIn?: boolean;
  /** False where `--no-rate` was given. */
  readonly rate?: { readonly limit: number; readonly windowSeconds: number } | false;
}

type KeyFields = Omit<Parameters<Local["keys"]["update"]>[2], "version" | "reset">;

export function addKeyLimits(command: Command): Command {
  return command
    .option("--description <text>", "what it is for")
    .option("--tag <text>", "a word to find it by; may be given again", collect(String))
    .option(
      "--role <role>",
      `only this of the user's roles; may be given again (${ROLES.join(", ")})`,
      collectRole,
    )
    .option("--no-roles", "none of the user's roles: a key for guarded services only")
    .option(
      "--scope <scope>",
      "only this of the user's scopes, as resource:action; may be given again",
      collect(String),
    )
    .option("--no-scopes", "none of the user's scopes")
    .option("--allow-ip <cidr>", "only from this address or network; may be given again", collect(String))
    .option("--rate <count/time>", "at most so many uses in that time: 100/60s, 100/m, 5000/d", parseRate)
    .option(
      "--manages-sign-in",
      "may set passwords, rights of users who sign in, and settings, whatever it is held to",
    );
}

/** What was given, and nothing else: absent members keep their value. */
export function limitsOf(options: KeyLimitOptions): KeyFields {
  const { description } = options;
  return {
    ...(description !== undefined && { description }),
    ...(options.tag ? { tags: options.tag } : options.tags === false && { tags: [] }),
    ...(options.role ? { roles: options.role } : options.allRoles && { roles: null }),
    ...(options.roles === false && { roles: [] }),
    ...(options.scope ? { scopes: options.scope } : options.allScopes && { scopes: null }),
    ...(options.scopes === false && { scopes: [] }),
    ...(options.allowIp ? { allowedIps: options.allowIp } : options.anyIp && { allowedIps: null }),
    ...(options.rate ? { rateLimit: options.rate } : options.rate === false && { rateLimit: null }),
    ...(options.managesSignIn !== undefined && { managesSignIn: options.managesSignIn }),
  };
}
