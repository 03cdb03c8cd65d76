import type { Role } from "@chatelaine/contract/roles";
import { Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { call } from "../api/call.ts";
import { useMe } from "../api/session.ts";
import { changedOf } from "../form/changes.ts";
import { ChoicesField } from "../form/chips-field.tsx";
import { ConflictNote } from "../form/conflict-note.tsx";
import { Panel } from "../form/dialog.tsx";
import { type Outcome, saveOn, useEdited } from "../form/edited.ts";
import { focusFirstError, placeFaults } from "../form/faults.ts";
import { PanelFoot } from "../form/panel-foot.tsx";
import { useGuard } from "../form/unsaved.tsx";
import { useChange } from "../form/use-change.ts";
import { Note } from "../frame/note.tsx";
import { showDone } from "../notices/notices.ts";
import type { Group } from "./groups.tsx";
import { OwnRightsQuestion } from "./own-rights-question.tsx";
import { RightsFields } from "./rights-fields.tsx";
import { losesOwnRights, type Planned, useIsLastAdmin } from "./self.ts";

interface Values extends Record<string, unknown> {
  name: string;
  roles: string[];
  scopes: string[];
  members: string[];
}

interface GroupPanelProps {
  /** Absent: a new one. */
  readonly group?: Group;
  readonly onClose: () => void;
  readonly onSaved: (name: string) => void;
}

const OFFERED_MAX = 1000;
const FIELDS = { name: "name", roles: "roles", scopes: "scopes", username: "members" } as const;

/** What a group's members are called where somebody else has changed them. */
const FIELD_WORDS = { name: "name", roles: "roles", scopes: "scopes", members: "members" } as const;

/** Add Group, Edit Group. */
export function GroupPanel({ group, onClose, onSaved }: GroupPanelProps) {
  const queries = useQueryClient();
  const me = useMe();
  const edited = useEdited(group, valuesOf);
  const form = useForm<Values>({
    initialValues: edited.before,
    validate: {
      name: (value) =>
        /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/.test(value)
          ? null
          : "Letters, digits, dot, hyphen and underscore; it begins with a letter; at most 32.",
    },
  });
  const { data: users } = useQuery({
    queryKey: ["users", "names"],
    queryFn: ({ signal }) =>
      call("users.list", { query: { order: "username", limit: OFFERED_MAX } }, { signal }),
  });
  const found = useQuery({
    queryKey: ["group", group?.id, "now"],
    queryFn: async ({ signal }) => (await readGroup(group?.id ?? 0, signal)) ?? null,
    enabled: group !== undefined,
  });
  /** What is saved of it so far: its parts are saved one after the other, and one may fail. */
  const saved = useRef(group);
  const [isAsked, setAsked] = useState(false);
  const save = useChange<Values, Outcome<void, Group>>({
    run: (values, once) => saveGroup(values, saved, once),
    onDone: (outcome, { name }) => {
      if ("theirs" in outcome) {
        setAsked(false);
        return edited.meet(outcome.theirs);
      }
      for (const one of ["users", "user", "owners", "groups", "group", "keys", "key"])
        void queries.invalidateQueries({ queryKey: [one] });
      showDone(`${name} saved.`);
      onSaved(name);
    },
    onFault: (error) => {
      const isPlaced = placeFaults(error, form, FIELDS);
      if (isPlaced) setAsked(false);
      return isPlaced;
    },
  });
  const guard = useGuard(form.isDirty() && !save.isPending, onClose);
  const submit = async (values: Values): Promise<void> => {
    const { username } = me.user;
    const was = edited.base?.name;
    const isConcerned = edited.base?.members.includes(username) === true;
    const planned: Planned = {
      memberOf: (names) => (values.members.includes(username) ? names : names.filter((one) => one !== was)),
      groups: (all) =>
        all.map((one) =>
          one.name === was ? { name: one.name, roles: values.roles as Role[], scopes: values.scopes } : one,
        ),
    };
    // Where that cannot be learnt the change will not come through either, and says why.
    if (isConcerned && (await losesOwnRights(me, planned).catch(() => false))) setAsked(true);
    else save.send(values);
  };
  const isLast = useIsLastAdmin({ all_roles: me.roles, locked: false });
  const wasDeleted = found.data === null;
  const take = (theirs: Group): void => {
    saved.current = theirs;
    edited.take(theirs, form);
  };
  return (
    <Panel
      title={group ? "Edit Group" : "Add Group"}
      size={480}
      closeLabel="Close panel"
      onClose={guard.close}
    >
      <form className="panel-form" noValidate onSubmit={form.onSubmit(submit, focusFirstError)}>
        <Stack gap="lg">
          {!wasDeleted && (
            <ConflictNote what="this group" edited={edited} words={FIELD_WORDS} onTake={take} />
          )}
          {wasDeleted && (
            <Note tone="bad" title="This group no longer exists" isAlert>
              It was deleted while you edited it. What you typed is still here, but cannot be saved.
            </Note>
          )}
          <TextInput
            label="Name"
            autoComplete="off"
            spellCheck={false}
            data-autofocus
            {...form.getInputProps("name")}
          />
          <ChoicesField
            label="Members"
            searchable
            limit={100}
            data={(users?.entries ?? []).map(({ username }) => username)}
            {...form.getInputProps("members")}
          />
          <RightsFields
            whom="every member"
            roles={form.getInputProps("roles")}
            scopes={form.getInputProps("scopes")}
          />
        </Stack>
        <PanelFoot change={save} onCancel={guard.close} isFinal={wasDeleted} />
      </form>
      {isAsked && (
        <OwnRightsQuestion
          username={me.user.username}
          isLast={isLast}
          change={save}
          onClose={() => setAsked(false)}
          onConfirm={() => save.send(form.values)}
        />
      )}
      {guard.question}
    </Panel>
  );
}

function valuesOf(group: Group | undefined): Values {
  return {
    name: group?.name ?? "",
    roles: [...(group?.roles ?? [])],
    scopes: [...(group?.scopes ?? [])],
    members: [...(group?.members ?? [])],
  };
}

/** Whatever it is called by now. @returns undefined for one that is gone */
async function readGroup(id: number, signal?: AbortSignal): Promise<Group | undefined> {
  return (await call("groups.list", {}, { signal })).entries.find((group) => group.id === id);
}

/** As the server has it, as far as it is known. */
interface Saved {
  current: Group | undefined;
}

/**
 * What it grants first, then who is in it, so that nobody is a member of what is not there. Each part goes with the version
 * that the part before has made.
 */
function saveGroup(values: Values, saved: Saved, once: { readonly idempotencyKey: string }) {
  const base = saved.current;
  return saveOn<void, Group>({
    base,
    read: () => readGroup(base?.id ?? 0),
    save: () => saveParts(values, saved, once),
  });
}

async function saveParts(
  { name, roles, scopes, members }: Values,
  saved: Saved,
  once: { readonly idempotencyKey: string },
): Promise<void> {
  const body = { name, roles: roles as Role[], scopes };
  let group = saved.current ?? (await call("groups.create", { body }, once));
  saved.current = group;
  const changed = changedOf(body, group);
  if (Object.keys(changed).length > 0) {
    const { version } = group;
    group = await call("groups.update", { name: group.name, body: { ...changed, version } }, once);
    saved.current = group;
  }
  const there = group.members;
  const member = (username: string) => ({ name, username, query: { version: saved.current?.version } });
  for (const username of members.filter((one) => !there.includes(one)))
    saved.current = await call("groups.addMember", member(username));
  for (const username of there.filter((one) => !members.includes(one)))
    saved.current = await call("groups.removeMember", member(username));
}
