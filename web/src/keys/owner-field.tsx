import { TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/call.ts";
import { useMay, useMe } from "../api/session.ts";
import { ChoiceField } from "../form/chips-field.tsx";
import { Note } from "../frame/note.tsx";
import type { UserEntry } from "../users/user.ts";

interface OwnerFieldProps {
  readonly value: string;
  readonly onChange: (username: string) => void;
  readonly error?: string;
  readonly isFixed: boolean;
}

const OFFERED_MAX = 50;
const TYPING_MS = 150;
const WORDS = "The key acts as this user, with at most this user's rights.";

function labelOf({ username, locked }: { readonly username: string; readonly locked: boolean }): string {
  return locked ? `${username} (locked)` : username;
}

/** The text of the field is the label of what is chosen, until somebody types. */
function isChosen(typed: string, value: string): boolean {
  return [true, false].some((locked) => typed === labelOf({ username: value, locked }));
}

type Standing = Pick<UserEntry, "username" | "locked" | "all_roles">;

/** Whatever the key itself says, it is refused as long as its owner may not act. */
export function OwnerNote({ owner }: { readonly owner: Standing }) {
  if (owner.locked)
    return (
      <Note tone="soon" title={`${owner.username} is locked`}>
        The key is refused until its owner is unlocked.
      </Note>
    );
  if (owner.all_roles.length > 0) return null;
  return (
    <Note tone="soon" title={`${owner.username} has no role`}>
      The key is refused until its owner has a role.
    </Note>
  );
}

/** Whom the key belongs to: those who hold a role, administrators first. */
export function OwnerField({ value, onChange, error, isFixed }: OwnerFieldProps) {
  const me = useMe();
  const may = useMay();
  const actsForOthers = me.roles.includes("API_KEY_WRITE") && may("users.list") && !isFixed;
  const [typed, setTyped] = useState("");
  const [q] = useDebouncedValue(isChosen(typed, value) ? "" : typed.trim(), TYPING_MS);
  const { data, isPlaceholderData } = useQuery({
    queryKey: ["owners", q],
    queryFn: ({ signal }) =>
      call(
        "users.list",
        { query: { has_role: true, order: "username", limit: OFFERED_MAX, q: q || undefined } },
        { signal },
      ),
    enabled: actsForOthers,
    placeholderData: keepPreviousData,
  });
  if (!actsForOthers)
    return (
      <TextInput
        label="Username"
        description={isFixed ? "A key keeps its user." : WORDS}
        value={value}
        error={error}
        readOnly={isFixed || !me.roles.includes("API_KEY_WRITE")}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  const wanted = isChosen(typed, value) ? "" : typed.trim();
  // Until the answer to what is typed is there, what is known already is narrowed to it, so that it can be chosen at once.
  const isAnswer = q === wanted && !isPlaceholderData;
  const known = data?.entries ?? [];
  const entries = known.filter(
    ({ username }) => isAnswer || username.toLowerCase().includes(wanted.toLowerCase()),
  );
  const isHolder = (roles: readonly string[]): boolean =>
    roles.every((role) => role === "KEY_HOLDER" || role === "KEY_VERIFY");
  const named = (isWanted: (user: (typeof entries)[number]) => boolean) =>
    entries.filter(isWanted).map((user) => ({ value: user.username, label: labelOf(user) }));
  const chosen = entries.find((user) => user.username === value);
  const choose = (username: string): void => {
    // At once, or what was typed would go on narrowing the offers, the chosen one included.
    setTyped(labelOf(known.find((user) => user.username === username) ?? { username, locked: false }));
    onChange(username);
  };
  return (
    <>
      <ChoiceField
        label="Username"
        description={WORDS}
        data={[
          ...(chosen || value === "" || wanted !== "" ? [] : [value]),
          { group: "Administrators", items: named((user) => !user.locked && !isHolder(user.all_roles)) },
          { group: "Key holders", items: named((user) => !user.locked && isHolder(user.all_roles)) },
          { group: "Locked: their keys are refused", items: named((user) => user.locked) },
        ].filter((group) => typeof group === "string" || group.items.length > 0)}
        searchable
        withAlignedLabels
        allowDeselect={false}
        filter={({ options }) => options}
        nothingFoundMessage="No matching user with a role."
        comboboxProps={{ transitionProps: { duration: 100, transition: "fade" } }}
        value={value || null}
        error={error}
        onChange={(username) => username !== null && choose(username)}
        searchValue={typed}
        onSearchChange={setTyped}
      />
      {chosen && <OwnerNote owner={chosen} />}
    </>
  );
}
