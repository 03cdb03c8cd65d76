/**
 * Groups: they grant their roles and scopes to their members. What may be given by them, `minting.ts` judges.
 */
import type { Issue } from "@chatelaine/contract/errors";
import type { Role } from "@chatelaine/contract/roles";
import { type Audit, recordOf } from "../activity/audit.ts";
import { differences } from "../domain/audit.ts";
import { askingOf, type Caller, requireRole } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError, refuseIssues, takenAs } from "../domain/errors.ts";
import { keptTextIssues } from "../domain/kept-text.ts";
import { requireMayMint } from "../domain/minting.ts";
import { type Group, isUsername } from "../domain/user.ts";
import { changedMeanwhile, requireVersion } from "../domain/version.ts";
import { rememberRequest } from "../keys/keys.ts";
import type { Store, Transaction } from "../store/store.ts";
import { type Act, getGroup, getUser, keepAnAdmin, orNote } from "./acts.ts";
import { checkName, checkRights, distinct } from "./rules.ts";

export interface Groups {
  list(caller: Caller): Promise<readonly Group[]>;
  get(caller: Caller, name: string): Promise<Group>;
  create(caller: Caller, input: GroupInput & { readonly name: string }): Promise<Group>;
  /** Throws conflict where the group is not at the version that the change was decided on. */
  update(caller: Caller, name: string, change: GroupChange): Promise<Group>;
  remove(caller: Caller, name: string): Promise<Group>;
  /** Does nothing, whatever the version, where it is so already; else throws conflict as `update` does. */
  addMember(caller: Caller, member: Member): Promise<Group>;
  removeMember(caller: Caller, member: Member): Promise<Group>;
}

interface Member {
  /** Of the group. */
  readonly name: string;
  readonly username: string;
  readonly version?: number | undefined;
}

interface GroupInput {
  readonly name?: string;
  readonly roles: readonly Role[];
  readonly scopes: readonly string[];
}

interface GroupChange extends Partial<GroupInput> {
  /** The version that the change was decided on; another one is a conflict. Absent: whatever is there. */
  readonly version?: number | undefined;
}

export interface GroupsDeps {
  readonly store: Store;
  readonly audit: Pick<Audit, "note">;
  readonly clock: Clock;
}

interface Membership extends Member {
  readonly isMember: boolean;
}

export function createGroups(deps: GroupsDeps): Groups {
  const { store } = deps;
  const setMember = (caller: Caller, wanted: Membership): Promise<Group> =>
    orNote(deps, caller, actOfMembership(wanted), () => changeMembership(deps, caller, wanted));
  return {
    list: async (caller) => {
      requireRole(caller, "ACCOUNT_READ");
      return store.listGroups(askingOf(caller));
    },
    get: async (caller, name) => {
      requireRole(caller, "ACCOUNT_READ");
      return getGroup(store, name);
    },
    create: (caller, input) =>
      orNote(deps, caller, actOf("create", input.name), () => create(deps, caller, input)),
    update: (caller, name, change) =>
      orNote(deps, caller, actOf("update", name), () => update(deps, caller, { name, change })),
    remove: (caller, name) => orNote(deps, caller, actOf("delete", name), () => remove(deps, caller, name)),
    addMember: (caller, member) => setMember(caller, { ...member, isMember: true }),
    removeMember: (caller, member) => setMember(caller, { ...member, isMember: false }),
  };
}

async function create(
  { store, clock }: GroupsDeps,
  caller: Caller,
  { name, ...rights }: GroupInput & { readonly name: string },
): Promise<Group> {
  requireRole(caller, "ACCOUNT_WRITE");
  refuseIssues([...checkName("name", name), ...checkRights(rights), ...keptTextIssues({ name, ...rights })]);
  const [roles, scopes] = [distinct(rights.roles), distinct(rights.scopes)];
  requireMayMint(caller, { what: "group", after: { name, roles, scopes }, members: [] });
  return store.transact(caller, async (tx) => {
    await refuseTaken(tx, { name });
    const inserting = tx.insertGroup({ name, roles, scopes, createdAt: clock.now() });
    await inserting.catch(takenAs(NAME_TAKEN));
    const group = await getGroup(tx, name);
    await rememberRequest(tx, caller, group.id, clock.now());
    const details = { changes: differences<object>({}, { name, roles, scopes }) };
    tx.audit(recordOf(caller, clock.now(), { ...actOf("create", name, group.id), details }));
    return group;
  });
}

async function update(
  { store, clock }: GroupsDeps,
  caller: Caller,
  { name, change: { version, ...change } }: { readonly name: string; readonly change: GroupChange },
): Promise<Group> {
  requireRole(caller, "ACCOUNT_WRITE");
  refuseIssues([...checkName("name", change.name), ...checkRights(change), ...keptTextIssues(change)]);
  const work = async (tx: Transaction): Promise<Group> => {
    const before = await getGroup(tx, name);
    requireVersion("group", before.version, version);
    const wanted = {
      name: change.name ?? before.name,
      roles: distinct(change.roles ?? before.roles),
      scopes: distinct(change.scopes ?? before.scopes),
    };
    const members = await tx.listMemberKinds(before.id);
    requireMayMint(caller, { what: "group", before, after: wanted, members });
    const changes = differences(before, wanted);
    if (Object.keys(changes).length === 0) return before;
    if (wanted.name !== before.name) await refuseTaken(tx, { name: wanted.name, but: before.id });
    const changing = tx.changeGroup(before.id, before.version, wanted).catch(takenAs(NAME_TAKEN));
    if (!(await changing)) throw changedMeanwhile("group");
    await rememberRequest(tx, caller, before.id, clock.now());
    tx.audit(recordOf(caller, clock.now(), { ...actOf("update", name, before.id), details: { changes } }));
    return getGroup(tx, wanted.name);
  };
  return store.transact(caller, (tx) => keepAnAdmin(tx, () => work(tx)), { urgent: true });
}

async function remove({ store, clock }: GroupsDeps, caller: Caller, name: string): Promise<Group> {
  requireRole(caller, "ACCOUNT_WRITE");
  const work = async (tx: Transaction): Promise<Group> => {
    const group = await getGroup(tx, name);
    requireMayMint(caller, { what: "group", before: group, members: [] });
    if (!(await tx.removeGroup(group.id, group.version))) throw changedMeanwhile("group");
    tx.audit(recordOf(caller, clock.now(), actOf("delete", name, group.id)));
    return group;
  };
  return store.transact(caller, (tx) => keepAnAdmin(tx, () => work(tx)), { urgent: true });
}

async function changeMembership(
  { store, clock }: GroupsDeps,
  caller: Caller,
  wanted: Membership,
): Promise<Group> {
  const { name, username, isMember } = wanted;
  requireRole(caller, "ACCOUNT_WRITE");
  const work = async (tx: Transaction): Promise<Group> => {
    const group = await getGroup(tx, name);
    const user = await tx.findUser({ username });
    if (!user) throw new AppError("not_found", "User does not exist");
    requireMayMint(caller, { what: "group", before: group, members: [] });
    requireMayMint(caller, { what: "user", before: user, after: user, password: "keeps" });
    if (group.members.includes(username) === isMember) return group;
    requireVersion("group", group.version, wanted.version);
    const isChanged = isMember
      ? await tx.addMember(group.id, user.id)
      : await tx.removeMember(group.id, user.id);
    if (!isChanged) return group;
    const after = await getUser(tx, user.id);
    requireMayMint(caller, { what: "user", before: user, after, password: "keeps" });
    const details = { user: { id: user.id, username } };
    const act = { ...actOfMembership(wanted, group.id), details };
    tx.audit(recordOf(caller, clock.now(), act));
    return getGroup(tx, name);
  };
  return store.transact(caller, (tx) => keepAnAdmin(tx, () => work(tx)), { urgent: !isMember });
}

const NAME_TAKEN: Issue = {
  path: ["name"],
  code: "name_taken",
  message: "A group with this name exists already",
};

async function refuseTaken(tx: Transaction, wanted: { name: string; but?: number }): Promise<void> {
  if (await tx.isNameTaken("group", wanted)) refuseIssues([NAME_TAKEN]);
}

const WORDS = { create: "Create group", update: "Update group", delete: "Delete group" } as const;

function actOf(what: keyof typeof WORDS, name: string, id: number | null = null): Act {
  const shown = isUsername(name) ? name : "";
  const target = { kind: "group", id, name: shown } as const;
  return { action: `group.${what}`, description: `${WORDS[what]} ${shown}`.trim(), target };
}

function actOfMembership({ name, username, isMember }: Membership, id: number | null = null): Act {
  const [group, user] = [name, username].map((text) => (isUsername(text) ? text : "?"));
  const description = isMember ? `Add ${user} to group ${group}` : `Remove ${user} from group ${group}`;
  const target = { kind: "group", id, name: group ?? "" } as const;
  return { action: isMember ? "group.add" : "group.remove", description, target };
}
