import { User as UserSchema } from "@chatelaine/contract/operations/users";
import { USER_ORDERS } from "@chatelaine/contract/orders";
import { ROLES, type Role } from "@chatelaine/contract/roles";
import { requireRole } from "../../domain/caller.ts";
import { AppError } from "../../domain/errors.ts";
import type { Condition } from "../../domain/filter.ts";
import { type Group, type User, userEntry } from "../../domain/user.ts";
import type { Call, Handlers, NamesOf } from "./call.ts";
import { runIdempotent, withIdempotencyKey } from "./idempotency.ts";
import { any, fieldsOf, type Listing, ordersBy, readPage, test } from "./pages.ts";

const USERS: Listing = {
  orders: ordersBy(USER_ORDERS),
  defaultOrder: "username",
  fields: fieldsOf(UserSchema, "locked", "has_password", "key_ids", "ceilings"),
  words: [["searchText"]],
};

export const userHandlers: Handlers<NamesOf<"users">> = {
  "users.list": ({ caller, query, deps }) =>
    readPage(USERS, query, userFilters(query), (wanted) => deps.users.list(caller, wanted), userEntry),
  "users.create": async (call) => {
    const { keys, users } = call.deps;
    const caller = withIdempotencyKey(call, "users.create");
    const create = () => users.create(caller, call.body);
    return userEntry(await runIdempotent(keys, caller, create, (id) => users.get(caller, { id })));
  },
  "users.get": async (call) => userEntry(await named(call)),
  "users.update": async (call) => {
    const { keys, users } = call.deps;
    const caller = withIdempotencyKey(call, "users.update");
    // A name that is changed is not found under the address of the first request.
    const update = async () => {
      const user = await named(call);
      return users.update(caller, user.id, call.body);
    };
    const { result, receipt } = await call.receipts.of(() =>
      runIdempotent(keys, caller, update, (id) => users.get(caller, { id })),
    );
    return { ...userEntry(result), receipt };
  },
  "users.remove": async (call) => {
    const user = await named(call);
    const { receipt } = await call.receipts.of(() => call.deps.users.remove(call.caller, user.id));
    return { id: user.id, receipt };
  },
  "users.setPassword": (call) => setPassword(call),
  "users.lock": (call) => ended(call, (user) => call.deps.users.lock(call.caller, user.id)),
  "users.unlock": async (call) => {
    const user = await named(call);
    return userEntry(await call.deps.users.unlock(call.caller, user.id));
  },
};

export const groupHandlers: Handlers<NamesOf<"groups">> = {
  "groups.list": async ({ caller, deps }) => {
    const entries = await deps.groups.list(caller);
    return { entries, total: entries.length };
  },
  "groups.create": async (call) => {
    const { body, deps } = call;
    const { keys, groups } = deps;
    const caller = withIdempotencyKey(call, "groups.create");
    const create = () => groups.create(caller, body);
    return runIdempotent(keys, caller, create, (id) => groupOf(call, id));
  },
  "groups.get": ({ caller, params, deps }) => deps.groups.get(caller, params.name),
  "groups.update": async (call) => {
    const { params, body, deps, receipts } = call;
    const { keys, groups } = deps;
    const caller = withIdempotencyKey(call, "groups.update");
    const update = () => groups.update(caller, params.name, body);
    const { result, receipt } = await receipts.of(() =>
      runIdempotent(keys, caller, update, (id) => groupOf(call, id)),
    );
    return { ...result, receipt };
  },
  "groups.remove": async ({ caller, params, deps, receipts }) => {
    const { result, receipt } = await receipts.of(() => deps.groups.remove(caller, params.name));
    return { id: result.id, receipt };
  },
  "groups.addMember": ({ caller, params, query, deps }) =>
    deps.groups.addMember(caller, { ...params, ...query }),
  "groups.removeMember": async ({ caller, params, query, deps, receipts }) => {
    const remove = () => deps.groups.removeMember(caller, { ...params, ...query });
    const { result, receipt } = await receipts.of(remove);
    return { ...result, receipt };
  },
};

/** Under another name, where a repeated request gave it that. */
async function groupOf({ caller, deps }: Pick<Call, "caller" | "deps">, id: number): Promise<Group> {
  const group = (await deps.groups.list(caller)).find((one) => one.id === id);
  if (!group) throw new AppError("not_found", "Group does not exist");
  return group;
}

type NamedCall = Pick<Call<"users.get">, "caller" | "params" | "deps" | "receipts">;

/** Who may not even see others is told which role is missing, not whether they exist. */
async function named({ caller, params, deps }: NamedCall): Promise<User> {
  if (params.name !== caller.username) requireRole(caller, "ACCOUNT_READ", "ACCOUNT_WRITE");
  return deps.users.get(caller, { username: params.name });
}

async function ended(call: NamedCall, work: (user: User) => Promise<User>) {
  const user = await named(call);
  const { result, receipt } = await call.receipts.of(() => work(user));
  return { ...userEntry(result), receipt };
}

async function setPassword({ caller, params, body, deps, receipts }: Call<"users.setPassword">) {
  const wanted = { password: body.password, current: body.currentPassword };
  const { result, receipt } = await receipts.of(() =>
    deps.users.setPassword(caller, { username: params.name }, wanted),
  );
  return { username: result.username, receipt };
}

function userFilters(query: Call<"users.list">["query"]): Condition[] {
  const filters: Condition[] = [];
  if (query.role) filters.push(any(query.role.map((role) => test(["allRoles"], "rin", role))));
  if (query.group !== undefined) filters.push(test(["groups"], "rin", query.group));
  if (query.locked !== undefined) filters.push(test(["lockedAt"], query.locked ? "!=" : "=", null));
  if (query.hasRole !== undefined) filters.push(hasRole(query.hasRole));
  return filters;
}

function hasRole(wanted: boolean): Condition {
  if (!wanted) return test(["allRoles"], "=", []);
  return any(ROLES.map((role: Role) => test(["allRoles"], "rin", role)));
}
