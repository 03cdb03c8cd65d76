/**
 * Whoever is left without a role signs in nowhere and their keys are refused, as if they were locked: it is said while a change
 * that does this is made, with the keys that stop. Held by `web/test/without-role.test.ts` for every way to lose a role.
 */
import { OWNERS_ASKED_MAX, PAGE_ENTRIES_MAX } from "@chatelaine/contract/limits";
import { useQuery } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { sayNames } from "../form/say-names.ts";
import { Note } from "../frame/note.tsx";
import { SeveralLastUses, useFreshKeys } from "../keys/what-stops.tsx";
import type { GroupEntry } from "./group.ts";
import type { UserEntry } from "./user.ts";

/** Of a group as it will be: undefined where it is deleted. */
type Planned = Pick<GroupEntry, "roles" | "members"> | undefined;
type Grant = { readonly name: string; readonly roles: readonly string[] };

/** @param groups those that there are, as far as they are known */
export function rolesFrom(names: readonly string[], groups: readonly Grant[]): readonly string[] {
  return groups.filter(({ name }) => names.includes(name)).flatMap(({ roles }) => roles);
}

/** The members of a group, by name, who have a role now and would have none. @returns undefined: it is not known */
export function useLeftWithoutRole(
  group: GroupEntry | undefined,
  planned: Planned,
): readonly string[] | undefined {
  const name = group?.name ?? "";
  const members = useQuery({
    queryKey: ["users", "of", name],
    queryFn: ({ signal }) =>
      call("users.list", { query: { group: name, limit: PAGE_ENTRIES_MAX } }, { signal }),
    enabled: group !== undefined,
    staleTime: 0,
  });
  const groups = useQuery({
    queryKey: ["groups"],
    queryFn: ({ signal }) => call("groups.list", {}, { signal }),
    enabled: group !== undefined,
  });
  if (group === undefined) return [];
  if (!members.data || !groups.data) return undefined;
  const others = groups.data.entries.filter((one) => one.name !== name);
  const rolesOf = (user: UserEntry): readonly string[] => [
    ...user.roles,
    ...rolesFrom(user.groups, others),
    ...(planned?.members.includes(user.username) ? planned.roles : []),
  ];
  return members.data.entries
    .filter((user) => user.all_roles.length > 0 && rolesOf(user).length === 0)
    .map(({ username }) => username);
}

interface LeftProps {
  readonly usernames: readonly string[];
}

/** Who it is: in the foot of a panel, where it is in view whatever is scrolled. */
export function WithoutRole({ usernames }: LeftProps) {
  const keys = useFreshKeys({ usernames: usernames.slice(0, OWNERS_ASKED_MAX) }, usernames.length > 0);
  if (usernames.length === 0) return null;
  const stops = (keys.data?.entries ?? [])
    .filter(({ status }) => status === "active")
    .map(({ name }) => name);
  const isOne = usernames.length === 1;
  return (
    <Note tone="bad" title={`${sayNames(usernames)} ${isOne ? "is" : "are"} left without a role`} isAlert>
      {isOne ? `${usernames[0]} can't sign in, and their keys are` : "They can't sign in, and their keys are"}{" "}
      refused, as soon as this is done.{stops.length > 0 && ` What stops: ${sayNames(stops)}.`}
    </Note>
  );
}

interface StopsProps extends LeftProps {
  /** Of the part of the page, where another one is beside it. */
  readonly label?: string;
}

/** What stops by it. */
export function StopsWithoutRole({ usernames, label = "What stops working" }: StopsProps) {
  const keys = useFreshKeys({ usernames: usernames.slice(0, OWNERS_ASKED_MAX) }, usernames.length > 0);
  if (usernames.length === 0) return null;
  return (
    <section className="what-stops" aria-label={label}>
      {keys.data && <p>What stops working:</p>}
      <SeveralLastUses query={keys} onlyWorking withOwner={usernames.length > 1} />
    </section>
  );
}
