/** What the Add and Edit panels hold, and how it becomes a request. */

import type { InputOf } from "@chatelaine/contract/operations/operations";
import type { Role } from "@chatelaine/contract/roles";
import { serverNow } from "../api/server-clock.ts";
import { changedOf } from "../form/changes.ts";
import type { KeyEntry } from "./key.ts";

export interface KeyValues extends Record<string, unknown> {
  name: string;
  username: string;
  nonExpiring: boolean;
  /** `YYYY-MM-DD HH:mm:ss` in the viewer's zone. */
  expiresAt: string | null;
  description: string;
  tags: string[];
  addresses: string[];
  rate: number | "";
  rateWindow: string;
  rights: "all" | "services" | "some";
  roles: Role[];
  allScopes: boolean;
  scopes: string[];
  managesSignIn: boolean;
  reset: boolean;
}

/** Names on the wire, and where they stand in the panel. */
export const FIELDS = {
  name: "name",
  username: "username",
  expires_at: "expiresAt",
  description: "description",
  tags: "tags",
  allowed_ips: "addresses",
  rate_limit: "rate",
  roles: "roles",
  scopes: "scopes",
  manages_sign_in: "managesSignIn",
} as const;

/** What a key's members are called where somebody else has changed them. */
export const FIELD_WORDS = {
  name: "name",
  expires_at: "expiry",
  description: "description",
  tags: "tags",
  roles: "roles",
  scopes: "scopes",
  allowed_ips: "allowed addresses",
  rate_limit: "rate limit",
  manages_sign_in: "right to manage sign-in",
  status: "status",
  reset_at: "the key itself",
} as const;

export function emptyValues(username: string, nonExpiring = true): KeyValues {
  return {
    name: "",
    username,
    nonExpiring,
    expiresAt: null,
    description: "",
    tags: [],
    addresses: [],
    rate: "",
    rateWindow: "60",
    rights: "all",
    roles: [],
    allScopes: true,
    scopes: [],
    managesSignIn: false,
    reset: false,
  };
}

export function valuesOf(key: KeyEntry): KeyValues {
  return {
    name: key.name,
    username: key.username,
    nonExpiring: key.expires_at === null,
    expiresAt: key.expires_at === null ? null : localText(new Date(key.expires_at)),
    description: key.description,
    tags: [...key.tags],
    addresses: [...(key.allowed_ips ?? [])],
    rate: key.rate_limit?.limit ?? "",
    rateWindow: String(key.rate_limit?.window_seconds ?? 60),
    rights: key.roles === null ? "all" : key.roles.length === 0 ? "services" : "some",
    roles: [...(key.roles ?? [])],
    allScopes: key.scopes === null,
    scopes: [...(key.scopes ?? [])],
    managesSignIn: key.manages_sign_in,
    reset: false,
  };
}

/** `YYYY-MM-DD HH:mm:ss`, as the calendar wants it. */
export function localText(date: Date): string {
  const two = (part: number): string => String(part).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

export function instantOf(local: string): Date {
  return new Date(local.replace(" ", "T"));
}

type Limits = Omit<InputOf<"keys.update", "body">, "version" | "name">;

function limitsOf(values: KeyValues): Required<Limits> {
  return {
    expires_at:
      values.nonExpiring || values.expiresAt === null ? null : instantOf(values.expiresAt).toISOString(),
    description: values.description,
    tags: values.tags,
    allowed_ips: values.addresses.length === 0 ? null : values.addresses,
    rate_limit: values.rate === "" ? null : { limit: values.rate, window_seconds: Number(values.rateWindow) },
    roles: values.rights === "all" ? null : values.rights === "services" ? [] : values.roles,
    scopes: values.allScopes ? null : values.scopes,
    manages_sign_in: values.managesSignIn,
  };
}

export function createBody(values: KeyValues): InputOf<"keys.create", "body"> {
  return { name: values.name.trim(), username: values.username, ...limitsOf(values) };
}

/** Only what differs from what the panel began with. */
export function updateBody(values: KeyValues, before: KeyValues): InputOf<"keys.update", "body"> {
  const now = { name: values.name.trim(), ...limitsOf(values) };
  return changedOf(now, { name: before.name, ...limitsOf(before) });
}

export function isChanged(values: KeyValues, before: KeyValues): boolean {
  return JSON.stringify(values) !== JSON.stringify(before);
}

type Faults = Partial<Record<keyof KeyValues, string>>;

/** @param wasExpiresAt the moment that stands already, which may be over */
export function findFaults(values: KeyValues, wasExpiresAt: string | null): Faults {
  const faults: Faults = {};
  if (values.name.trim() === "") faults.name = "Give the key a name by which you will know it again.";
  if (values.username === "") faults.username = "Choose the user that the key acts as.";
  if (!values.nonExpiring) {
    if (values.expiresAt === null) faults.expiresAt = "Choose when the key expires, or tick Non-expiring.";
    else if (
      (values.reset || values.expiresAt !== wasExpiresAt) &&
      instantOf(values.expiresAt).getTime() <= serverNow()
    )
      faults.expiresAt = "This moment is over. Choose one in the future.";
  }
  if (values.rights === "some" && values.roles.length === 0)
    faults.roles = "Choose at least one role, or make it a key for services only.";
  if (!values.allScopes && values.scopes.length === 0 && values.rights === "services")
    faults.scopes = "Without roles and without scopes the key could do nothing.";
  return faults;
}

/** Whether the panel's folded part holds anything. */
export function hasRestrictions(values: KeyValues): boolean {
  return (
    values.description !== "" ||
    values.tags.length > 0 ||
    values.addresses.length > 0 ||
    values.rate !== "" ||
    values.rights !== "all" ||
    !values.allScopes ||
    values.managesSignIn
  );
}
