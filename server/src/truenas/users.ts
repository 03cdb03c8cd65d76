/** `user.*`: the members that this server has; others are refused as unknown (`conformance/6-users.txt`). */

import { PASSWORD_BYTES_MAX, USER_GROUPS_MAX } from "@chatelaine/contract/limits";
import { ROLES } from "@chatelaine/contract/roles";
import { z } from "zod";
import type { Groups } from "../accounts/groups.ts";
import type { NewUserInput } from "../accounts/rules.ts";
import type { UserChange } from "../accounts/user-changes.ts";
import type { Users } from "../accounts/users.ts";
import { systemCaller } from "../domain/caller.ts";
import { AppError } from "../domain/errors.ts";
import { inSlices, type Slices } from "../domain/slices.ts";
import { type Group, isUsername, type User } from "../domain/user.ts";
import { asDialect, CallError, ValidationErrors } from "./errors.ts";
import { runQuery } from "./listing.ts";
import type { AnswerQuery } from "./long-answers.ts";
import { method, type RpcCall, type RpcMethod } from "./method.ts";
import { filtersParam, flag, integer, optionsParam, param, text } from "./params.ts";
import { userEntry, userFields } from "./user-entry.ts";
import type { Entry } from "./version.ts";

const MEMBERS = {
  full_name: text(),
  email: text().nullable(),
  password: text({ isSecret: true }),
  password_disabled: flag,
  locked: flag,
  groups: z.array(integer).max(USER_GROUPS_MAX),
  roles: z.array(z.enum(ROLES)).max(ROLES.length),
};
const CREATE = z.strictObject({ username: text(), ...z.object(MEMBERS).partial().shape });
const UPDATE = z.strictObject({ username: text(), ...MEMBERS }).partial();
type Given = z.output<typeof UPDATE>;

const SET_PASSWORD = z.strictObject({
  username: text(),
  old_password: text({ max: PASSWORD_BYTES_MAX, isSecret: true }).nullable().default(null),
  new_password: text({ min: 1, max: PASSWORD_BYTES_MAX, isSecret: true }),
});

const ID = param("id", integer);
const DELETE_OPTIONS = param("options", z.strictObject({ delete_group: flag.optional() }).default({}));

export function userMethods(
  { users, groups: allGroups }: { readonly users: Users; readonly groups: Pick<Groups, "list"> },
  answer: AnswerQuery,
): Record<string, RpcMethod> {
  // Asked for after a change too, which must not then seem to have failed: not in the caller's name.
  const listGroups = (): Promise<readonly Group[]> => allGroups.list(systemCaller("reader"));
  const shown = async ({ version }: RpcCall, user: User): Promise<Entry> =>
    version.userEntry(userEntry(user, await listGroups()));
  return {
    "user.query": method(
      ["ACCOUNT_READ"],
      "List users",
      [filtersParam, optionsParam],
      async (call, condition, options) => {
        const { caller, version } = call;
        const groups = await allGroups.list(caller);
        const entries = (rows: readonly User[]): Slices<Entry> =>
          inSlices(rows, (user) => version.userEntry(userEntry(user, groups)));
        const listing = { fields: userFields(groups), list: users.list, entries };
        return answer(call, options, () => runQuery<User>(listing, caller, condition, options));
      },
    ),
    "user.get_instance": method(["ACCOUNT_READ"], "Read a user", [ID, optionsParam], async (call, id) =>
      shown(call, await ofUser("id", id, () => users.get(call.caller, { id }))),
    ),
    "user.create": method(
      ["ACCOUNT_WRITE"],
      "Make a user",
      [param("user_create", CREATE)],
      async (call, given) => {
        requireOneWay("user_create", given);
        const groups = await groupNames(listGroups, "user_create", given.groups);
        const input: NewUserInput = {
          ...inputOf(given, groups),
          username: given.username,
          locked: given.locked,
        };
        return shown(call, await asDialect("user_create", undefined, () => users.create(call.caller, input)));
      },
      { audit: ([given]) => `Create user ${usernameIn(given)}`.trim() },
    ),
    "user.update": method(
      ["ACCOUNT_WRITE"],
      "Edit a user",
      [ID, param("user_update", UPDATE)],
      async (call, id, given) => {
        requireOneWay("user_update", given);
        const groups = await groupNames(listGroups, "user_update", given.groups);
        const change: UserChange = {
          ...inputOf(given, groups),
          locked: given.locked,
          passwordDisabled: given.password_disabled,
        };
        const isOwnPassword = id === call.caller.userId && call.caller.kind === "user" && setsPassword(given);
        const update = () => ofUser("user_update", id, () => users.update(call.caller, id, change));
        return shown(call, await (isOwnPassword ? sayingHow(update) : update()));
      },
      { audit: (given) => `Update user ${idIn(given[0])}`.trim() },
    ),
    "user.set_password": method(
      "any",
      "Change a password: one's own with the present one",
      [param("set_password_data", SET_PASSWORD)],
      async ({ caller }, { username, old_password, new_password }) => {
        const wanted = { password: new_password, current: old_password ?? undefined };
        await asDialect("user.set_password", undefined, () =>
          users.setPassword(caller, { username }, wanted).catch(asMembers),
        );
        return null;
      },
      { audit: () => "Set account password" },
    ),
    "user.delete": method(
      ["ACCOUNT_WRITE"],
      "Delete a user with all keys",
      [ID, DELETE_OPTIONS],
      async ({ caller }, id) => {
        await ofUser("id", id, () => users.remove(caller, id));
        return id;
      },
      { audit: (given) => `Delete user ${idIn(given[0])}`.trim() },
    ),
  };
}

function setsPassword({ password, password_disabled }: Given): boolean {
  return password !== undefined || password_disabled === true;
}

/** A refusal with the method that does it. */
async function sayingHow<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "forbidden") throw error;
    throw new CallError("EACCES", `${error.message} Use user.set_password.`);
  }
}

const MEMBER_OF: Readonly<Record<string, string>> = {
  password: "new_password",
  currentPassword: "old_password",
};

/** Names the members as the method does; a user who is not there is a wrong `username`. */
function asMembers(error: unknown): never {
  if (!(error instanceof AppError)) throw error;
  if (error.code === "not_found") {
    throw new ValidationErrors([
      { attribute: "user.set_password.username", message: "User does not exist.", errname: "ENOENT" },
    ]);
  }
  const issues = error.issues.map((issue) => ({
    ...issue,
    path: issue.path.map((step) => MEMBER_OF[step] ?? step),
  }));
  throw new AppError(error.code, error.message, { issues, details: error.details });
}

function inputOf(given: Given, groups: readonly string[] | undefined): Partial<NewUserInput> {
  const { username, full_name: fullName, email, roles } = given;
  const password = given.password_disabled ? undefined : given.password;
  return { username, fullName, email, roles, password, groups };
}

function requireOneWay(attribute: string, { password, password_disabled }: Given): void {
  if (!password_disabled || password === undefined) return;
  const message = 'Leave "password" out when it is disabled';
  throw new ValidationErrors([{ attribute: `${attribute}.password`, message }]);
}

async function groupNames(
  listGroups: () => Promise<readonly Group[]>,
  attribute: string,
  numbers: readonly number[] | undefined,
): Promise<string[] | undefined> {
  if (numbers === undefined) return undefined;
  const names = new Map((await listGroups()).map(({ id, name }) => [id, name]));
  const unknown = numbers.filter((number) => !names.has(number));
  if (unknown.length === 0) return numbers.map((number) => names.get(number)!);
  const message = `This attribute refers to groups that do not exist: ${unknown.join(", ")}`;
  throw new ValidationErrors([{ attribute: `${attribute}.groups`, message }]);
}

function ofUser<Result>(attribute: string, id: number, work: () => Promise<Result>): Promise<Result> {
  return asDialect(attribute, { what: "User", id }, work);
}

function usernameIn(given: unknown): string {
  const { username } = Object(given) as { readonly username?: unknown };
  return typeof username === "string" && isUsername(username) ? username : "";
}

function idIn(given: unknown): string {
  return Number.isSafeInteger(given) ? String(given) : "";
}
