import type { Role } from "@chatelaine/contract/roles";
import { Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { call } from "../api/call.ts";
import { useMe } from "../api/session.ts";
import { ChoicesField } from "../form/chips-field.tsx";
import { Panel } from "../form/dialog.tsx";
import { focusFirstError, placeFaults } from "../form/faults.ts";
import { PanelFoot } from "../form/panel-foot.tsx";
import { useGuard } from "../form/unsaved.tsx";
import { useChange } from "../form/use-change.ts";
import { Note } from "../frame/note.tsx";
import { isGone } from "../keys/what-stops.tsx";
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

/** Add Group, Edit Group. */
export function GroupPanel({ group, onClose, onSaved }: GroupPanelProps) {
  const queries = useQueryClient();
  const me = useMe();
  const form = useForm<Values>({
    initialValues: {
      name: group?.name ?? "",
      roles: [...(group?.roles ?? [])],
      scopes: [...(group?.scopes ?? [])],
      members: [...(group?.members ?? [])],
    },
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
    queryKey: ["group", group?.name],
    queryFn: ({ signal }) => call("groups.get", { name: group?.name ?? "" }, { signal }),
    enabled: group !== undefined,
  });
  /** What is saved of it so far: its parts are saved one after the other, and one may fail. */
  const saved = useRef<Saved>({ group, members: group?.members ?? [] });
  const [isAsked, setAsked] = useState(false);
  const save = useChange<Values, void>({
    run: (values, once) => saveGroup(values, saved, once),
    onDone: (_, { name }) => {
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
    const was = group?.name;
    const isConcerned = group?.members.includes(username) === true;
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
  const wasDeleted = group !== undefined && isGone(found);
  return (
    <Panel
      title={group ? "Edit Group" : "Add Group"}
      size={480}
      closeLabel="Close panel"
      onClose={guard.close}
    >
      <form className="panel-form" noValidate onSubmit={form.onSubmit(submit, focusFirstError)}>
        <Stack gap="lg">
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

interface Saved {
  /** As the server has it, as far as it is known. */
  group: Pick<Group, "name" | "roles" | "scopes" | "members"> | undefined;
  /** Members when the form was opened, and what it has made of them since. */
  members: readonly string[];
}

/**
 * What it grants first, then who is in it, so that nobody is a member of what is not there. Only those are put in or taken
 * out whom this form put in or took out: who came or went meanwhile stays so.
 */
async function saveGroup(
  { name, roles, scopes, members }: Values,
  { current: saved }: { readonly current: Saved },
  once: { readonly idempotencyKey: string },
): Promise<void> {
  const body = { name, roles: roles as Role[], scopes };
  const was = saved.group;
  if (was === undefined) saved.group = await call("groups.create", { body }, once);
  else if (JSON.stringify(body) !== JSON.stringify({ name: was.name, roles: was.roles, scopes: was.scopes }))
    saved.group = await call("groups.update", { name: was.name, body }, once);
  const there = saved.group?.members ?? [];
  for (const username of members.filter((one) => !saved.members.includes(one))) {
    if (!there.includes(username)) saved.group = await call("groups.addMember", { name, username });
    saved.members = [...saved.members, username];
  }
  for (const username of saved.members.filter((one) => !members.includes(one))) {
    if (there.includes(username)) saved.group = await call("groups.removeMember", { name, username });
    saved.members = saved.members.filter((one) => one !== username);
  }
}
