/**
 * Keys, users and groups as `--json` prints them: as the REST API answers them, by the same schemas. Alone because it is
 * loaded with the data folder: schemas take longer to load than help takes to print.
 */
import { codecOf } from "@chatelaine/contract/codec";
import { Group as GroupSchema } from "@chatelaine/contract/operations/groups";
import { Key as KeySchema } from "@chatelaine/contract/operations/key-entry";
import type { OutputOf } from "@chatelaine/contract/operations/operations";
import { User as UserSchema } from "@chatelaine/contract/operations/users";
import type { Local } from "@chatelaine/server/app";

export type KeyRecord = Awaited<ReturnType<Local["keys"]["get"]>>;
export type UserRecord = Awaited<ReturnType<Local["users"]["get"]>>;
export type GroupRecord = Awaited<ReturnType<Local["groups"]["get"]>>;
export type PrintedKey = OutputOf<"keys.get">;
export type PrintedSecret = PrintedKey & { readonly key: string };
export type PrintedUser = OutputOf<"users.get">;
export type PrintedGroup = OutputOf<"groups.get">;

export interface Printed {
  key(key: KeyRecord): PrintedKey;
  /** With the key's text in its place beside what tells keys apart. */
  secret(key: KeyRecord, text: string): PrintedSecret;
  user(user: UserRecord): PrintedUser;
  group(group: GroupRecord): PrintedGroup;
}

export function createPrinted({ keys, caller }: Pick<Local, "keys" | "caller">): Printed {
  const printedKey = (key: KeyRecord): PrintedKey => codecOf(KeySchema).encode(keys.entryOf(caller, key));
  return {
    key: printedKey,
    secret: (key, text) => {
      const { id, name, username, ...rest } = printedKey(key);
      return { id, name, username, key: text, ...rest };
    },
    user: (user) => codecOf(UserSchema).encode({ ...user, locked: user.lockedAt !== null }),
    group: (group) => codecOf(GroupSchema).encode(group),
  };
}
