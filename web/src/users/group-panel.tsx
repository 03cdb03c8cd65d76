import { PAGE_ENTRIES_MAX } from "@chatelaine/contract/limits";
import type { Role } from "@chatelaine/contract/roles";
import { TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { call } from "../api/call.ts";
import { useMe } from "../api/session.ts";
import { changedOf } from "../form/changes.ts";
import { ChoicesField } from "../form/chips-field.tsx";
import { ConflictNote } from "../form/conflict-note.tsx";
import { Panel } from "../form/dialog.tsx";
import { type SaveOutcome, saveOn, useEdited } from "../form/edited.ts";
import { focusFirstError, placeFaults } from "../form/faults.ts";
import { Fields } from "../form/fields.tsx";
import { nameFault } from "../form/name-fault.ts";
import { PanelFoot } from "../form/panel-foot.tsx";
import { useGuard } from "../form/unsaved.tsx";
import { type IdempotentRequest, useChange } from "../form/use-change.ts";
import { Note } from "../frame/note.tsx";
import { showDone } from "../notices/notices.ts";
import { readGroup, useGroupNow } from "./as-now.ts";
import type { GroupEntry } from "./group.ts";
import { OwnRightsQuestion } from "./own-rights-question.tsx";
import { RightsFields } from "./rights-fields.tsx";
import { ownRightsLost, useIsLastAdmin } from "./self.ts";
import { useOwnRights } from "./use-own-rights.ts";
import { StopsWithoutRole, useLeftWithoutRole, WithoutRole } from "./without-role.tsx";

interface Values extends Record<string, unknown> {
  name: string;
  roles: string[];
  scopes: string[];
  members: string[];
}

interface GroupPanelProps {
  /** Absent: a new one. */
  readonly group?: GroupEntry;
  readonly onClose: () => void;
  readonly onSaved: (name: string) => void;
}

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
      name: nameFault,
    },
  });
  const { data: users } = useQuery({
    queryKey: ["users", "names"],
    queryFn: ({ signal }) =>
      call("users.list", { query: { order: "username", limit: PAGE_ENTRIES_MAX } }, { signal }),
  });
  /** What is saved of it so far: its parts are saved one after the other, and one may fail. */
  const saved = useRef(group);
  const save = useChange<Values, SaveOutcome<void, GroupEntry>>({
    run: (values, once) => saveGroup(values, saved, once),
    onDone: (outcome, { name }, wasUnknown) => {
      if ("theirs" in outcome) {
        rights.drop();
        return edited.meet(outcome.theirs, wasUnknown);
      }
      for (const one of ["users", "user", "owners", "groups", "group", "keys", "key"])
        void queries.invalidateQueries({ queryKey: [one] });
      showDone(`${name} saved.`);
      onSaved(name);
    },
    onFault: (error) => {
      const isPlaced = placeFaults(error, form, FIELDS);
      if (isPlaced) rights.drop();
      return isPlaced;
    },
  });
  const rights = useOwnRights({
    save,
    loses: async ({ members, roles, scopes }: Values) => {
      const { base } = edited;
      if (base === undefined) return null;
      const { username } = me.user;
      const leaves = base.members.includes(username) && !members.includes(username);
      return ownRightsLost(me, {
        memberOf: (names) => (leaves ? names.filter((one) => one !== base.name) : names),
        groups: (all) =>
          all.map((one) =>
            one.name === base.name ? { name: one.name, roles: roles as Role[], scopes } : one,
          ),
      });
    },
  });
  const { change, asked } = rights;
  const guard = useGuard({ change, isDirty: form.isDirty(), onClose });
  const isLast = useIsLastAdmin({ all_roles: me.roles, locked: false });
  const wasDeleted = useGroupNow(group).data === null;
  const { members, roles } = form.values;
  const left = useLeftWithoutRole(group, { members, roles: roles as Role[] }) ?? [];
  const take = (theirs: GroupEntry): void => {
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
      <form className="panel-form" noValidate onSubmit={form.onSubmit(rights.submit, focusFirstError)}>
        <Fields change={change}>
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
          <StopsWithoutRole usernames={left} />
        </Fields>
        <PanelFoot change={change} onCancel={guard.close} isFinal={wasDeleted}>
          <WithoutRole usernames={left} />
        </PanelFoot>
      </form>
      {asked && (
        <OwnRightsQuestion
          username={me.user.username}
          lost={asked.lost}
          isLast={isLast && asked.lost !== undefined}
          change={save}
          onClose={rights.drop}
          onConfirm={() => save.send(asked.values)}
        />
      )}
      {guard.question}
    </Panel>
  );
}

function valuesOf(group: GroupEntry | undefined): Values {
  return {
    name: group?.name ?? "",
    roles: [...(group?.roles ?? [])],
    scopes: [...(group?.scopes ?? [])],
    members: [...(group?.members ?? [])],
  };
}

/** As the server has it, as far as it is known. */
interface Saved {
  current: GroupEntry | undefined;
}

/**
 * What it grants first, then who is in it, so that nobody is a member of what is not there. Each part goes with the version
 * that the part before has made.
 */
function saveGroup(values: Values, saved: Saved, once: IdempotentRequest) {
  const base = saved.current;
  return saveOn<void, GroupEntry>({
    base,
    latest: () => saved.current,
    read: () => readGroup(base?.id ?? 0, once.signal),
    save: () => saveParts(values, saved, once),
  });
}

async function saveParts(
  { name, roles, scopes, members }: Values,
  saved: Saved,
  once: IdempotentRequest,
): Promise<void> {
  const { signal } = once;
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
    saved.current = await call("groups.addMember", member(username), { signal });
  for (const username of there.filter((one) => !members.includes(one)))
    saved.current = await call("groups.removeMember", member(username), { signal });
}
