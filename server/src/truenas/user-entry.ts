/** A user as the TrueNAS API shows them (`conformance/6-users.txt`), and how their fields are asked about. */

import type { Condition } from "../domain/filter.ts";
import { isList, type QueryValue } from "../domain/filter-values.ts";
import type { Group, User } from "../domain/user.ts";
import { constant, type Field, type Fields, flagged, inside, member, shownSecond, test } from "./listing.ts";
import { HOME, SHELL } from "./user-info.ts";
import type { Entry } from "./version.ts";
import { instantOrNull, MASK } from "./wire.ts";

/** What this server has nothing of, with the value that says so. */
const CONSTANTS: Readonly<Record<string, QueryValue>> = {
  unixhash: MASK,
  smbhash: MASK,
  home: HOME,
  shell: SHELL,
  builtin: false,
  smb: false,
  webshare: false,
  userns_idmap: null,
  ssh_password_enabled: false,
  sshpubkey: null,
  sudo_commands: [],
  sudo_commands_nopasswd: [],
  local: true,
  immutable: false,
  twofactor_auth_configured: false,
  sid: null,
  password_age: null,
  password_history: null,
  password_change_required: false,
};

const PRIMARY_GROUP: Readonly<Record<string, QueryValue>> = {
  bsdgrp_builtin: false,
  bsdgrp_smb: false,
  bsdgrp_sudo_commands: [],
  bsdgrp_sudo_commands_nopasswd: [],
};

/** @param groups to name the groups that filters know by number */
export function userFields(groups: readonly Group[]): Fields {
  const constants = Object.entries(CONSTANTS).map(([name, value]) => [name, constant(value)]);
  return {
    ...Object.fromEntries(constants),
    id: member("id"),
    uid: member("id"),
    username: member("username"),
    full_name: member("fullName"),
    email: member("email"),
    roles: inside("allRoles"),
    api_keys: inside("keyIds"),
    locked: flagged(test("lockedAt", "!=", null), test("lockedAt", "=", null), "isLocked"),
    password_disabled: flagged(
      test("hasPassword", "=", false),
      test("hasPassword", "=", true),
      "hasNoPassword",
    ),
    last_password_change: shownSecond("passwordChangedAt", "date"),
    group: primaryGroup(),
    groups: groupNumbers(groups),
  };
}

/** Every user is alone in a group of their own name and number. */
function primaryGroup(): Field {
  const members: Fields = {
    id: member("id"),
    bsdgrp_gid: member("id"),
    bsdgrp_group: member("username"),
    ...Object.fromEntries(Object.entries(PRIMARY_GROUP).map(([name, value]) => [name, constant(value)])),
  };
  return {
    where: (asked) => {
      const [, name = "", ...rest] = asked.path;
      const never: Condition = { kind: "any", of: [] };
      return Object.hasOwn(members, name) ? members[name]!.where({ ...asked, path: [name, ...rest] }) : never;
    },
    order: "id",
  };
}

/** Records name their groups, entries number them. A number that is no group's becomes a name that no group has. */
function groupNumbers(groups: readonly Group[]): Field {
  const names = new Map(groups.map(({ id, name }) => [id, name]));
  const named = (value: QueryValue): QueryValue => {
    if (typeof value === "number") return names.get(value) ?? "";
    return isList(value) ? value.map(named) : value;
  };
  const field = inside("groups");
  return { ...field, where: (asked) => field.where({ ...asked, value: named(asked.value) }) };
}

export function userEntry(user: User, groups: readonly Group[]): Entry {
  const numbers = new Map(groups.map(({ id, name }) => [name, id]));
  return {
    ...CONSTANTS,
    id: user.id,
    uid: user.id,
    username: user.username,
    full_name: user.fullName,
    email: user.email,
    group: { id: user.id, bsdgrp_gid: user.id, bsdgrp_group: user.username, ...PRIMARY_GROUP },
    groups: user.groups.flatMap((name) => numbers.get(name) ?? []),
    password_disabled: !user.hasPassword,
    locked: isLocked(user),
    last_password_change: instantOrNull(user.passwordChangedAt),
    roles: user.allRoles,
    api_keys: user.keyIds,
  };
}

function isLocked({ lockedAt }: User): boolean {
  return lockedAt !== null;
}
