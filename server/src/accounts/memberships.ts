import { AppError } from "../domain/errors.ts";
import type { Group, User } from "../domain/user.ts";
import type { Store, Transaction } from "../store/store.ts";

/** Throws not_found. */
export async function getGroup(store: Pick<Store | Transaction, "findGroup">, name: string): Promise<Group> {
  const group = await store.findGroup(name);
  if (!group) throw new AppError("not_found", "Group does not exist");
  return group;
}

/** Makes the user a member of exactly these groups. Throws not_found. */
export async function setGroups(
  tx: Transaction,
  user: Pick<User, "id" | "groups">,
  groups: readonly string[],
): Promise<void> {
  for (const name of groups) {
    if (!user.groups.includes(name)) await tx.addMember((await getGroup(tx, name)).id, user.id);
  }
  for (const name of user.groups) {
    if (!groups.includes(name)) await tx.removeMember((await getGroup(tx, name)).id, user.id);
  }
}
