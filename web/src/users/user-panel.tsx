import type { Role } from "@chatelaine/contract/roles";
import { PasswordInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { useMay, useMe } from "../api/session.ts";
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
import { CeilingFields } from "../limits/ceiling-fields.tsx";
import { CEILING_FIELDS, type CeilingValues, ceilingsOf, ceilingValues } from "../limits/ceiling-values.ts";
import { showDone } from "../notices/notices.ts";
import { PASSWORD_HINT, passwordFault } from "../signing/password-rules.ts";
import { readUser, useUserNow } from "./as-now.ts";
import { OwnRightsQuestion } from "./own-rights-question.tsx";
import { RightsFields } from "./rights-fields.tsx";
import { isMe, ownRightsLost, useIsLastAdmin } from "./self.ts";
import { useOwnRights } from "./use-own-rights.ts";
import type { UserEntry } from "./user.ts";
import { rolesFrom, StopsWithoutRole, WithoutRole } from "./without-role.tsx";

const FIELDS = {
  username: "username",
  full_name: "full_name",
  email: "email",
  roles: "roles",
  scopes: "scopes",
  groups: "groups",
  password: "password",
  ...CEILING_FIELDS,
} as const;

/** What a user's members are called where somebody else has changed them. */
const FIELD_WORDS = {
  username: "username",
  full_name: "full name",
  email: "email",
  roles: "roles",
  scopes: "scopes",
  groups: "groups",
  ceilings: "limits of their keys",
  locked: "lock",
  password_changed_at: "password",
  has_password: "password",
} as const;

interface Values extends CeilingValues {
  username: string;
  full_name: string;
  email: string;
  roles: string[];
  scopes: string[];
  groups: string[];
  password: string;
}

interface UserPanelProps {
  /** Absent: a new one. */
  readonly user?: UserEntry;
  readonly onClose: () => void;
  readonly onSaved: (username: string) => void;
}

/** Add User, Edit User. */
export function UserPanel({ user, onClose, onSaved }: UserPanelProps) {
  const queries = useQueryClient();
  const may = useMay();
  const me = useMe();
  const edited = useEdited(user, valuesOf);
  const { base, before } = edited;
  // The server lets nobody set their own, and a user that is being added has none yet.
  const holdsKeys = user !== undefined && user.username !== me.user.username;
  const form = useForm<Values>({
    initialValues: before,
    validate: {
      username: nameFault,
      password: (value) => (value === "" ? null : passwordFault(value)),
    },
  });
  const { data: groups } = useQuery({
    queryKey: ["groups"],
    queryFn: ({ signal }) => call("groups.list", {}, { signal }),
    enabled: may("groups.list"),
  });
  const save = useChange<Values, SaveOutcome<{ username: string }, UserEntry>>({
    run: (values, once) => saveUser({ values, before, base }, once),
    onDone: (outcome, _, wasUnknown) => {
      rights.drop();
      if ("theirs" in outcome) return edited.meet(outcome.theirs, wasUnknown);
      const { saved } = outcome;
      for (const name of ["users", "user", "owners", "groups", "group", "keys", "key"])
        void queries.invalidateQueries({ queryKey: [name] });
      showDone(user ? `${saved.username} saved.` : `${saved.username} added.`);
      onSaved(saved.username);
    },
    onFault: (error) => {
      const isPlaced = placeFaults(error, form, FIELDS);
      if (isPlaced) rights.drop();
      return isPlaced;
    },
  });
  const rights = useOwnRights({
    save,
    loses: async ({ roles, scopes, groups: joined }: Values) => {
      if (user === undefined || !isMe(me, user)) return null;
      const own = { roles: roles as Role[], scopes };
      return ownRightsLost(me, { own, memberOf: () => joined, groups: (all) => all });
    },
  });
  const { change, asked } = rights;
  const isLast = useIsLastAdmin(user ?? NOBODY);
  const guard = useGuard({ change, isDirty: form.isDirty(), onClose });
  const wasDeleted = useUserNow(user).data === null;
  const { roles, groups: joined } = form.values;
  const granted = joined.length > 0 ? groups && rolesFrom(joined, groups.entries) : [];
  const hasNone = roles.length === 0 && granted?.length === 0;
  const left = user !== undefined && user.all_roles.length > 0 && hasNone ? [user.username] : [];
  return (
    <Panel title={user ? "Edit User" : "Add User"} size={480} closeLabel="Close panel" onClose={guard.close}>
      <form className="panel-form" noValidate onSubmit={form.onSubmit(rights.submit, focusFirstError)}>
        <Fields change={change}>
          {!wasDeleted && (
            <ConflictNote
              what="this user"
              edited={edited}
              words={FIELD_WORDS}
              onTake={(theirs) => edited.take(theirs, form)}
            />
          )}
          {wasDeleted && (
            <Note tone="bad" title="This user no longer exists" isAlert>
              They were deleted while you edited them. What you typed is still here, but cannot be saved.
            </Note>
          )}
          <TextInput
            label="Username"
            description={
              user ? "The keys stay after a new name; clients that name the user must follow." : undefined
            }
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            data-autofocus
            {...form.getInputProps("username")}
          />
          <TextInput label="Full name" autoComplete="off" {...form.getInputProps("full_name")} />
          <TextInput label="Email" type="email" autoComplete="off" {...form.getInputProps("email")} />
          {!user && (
            <PasswordInput
              label="Password"
              description={`${PASSWORD_HINT} Empty: holds keys, but cannot sign in here.`}
              autoComplete="new-password"
              visibilityToggleButtonProps={{ "aria-label": "Show password", tabIndex: 0 }}
              {...form.getInputProps("password")}
            />
          )}
          <RightsFields
            whom={form.values.username || "this user"}
            roles={form.getInputProps("roles")}
            scopes={form.getInputProps("scopes")}
          />
          <ChoicesField
            label="Groups"
            description="What a group grants, its members have too."
            data={(groups?.entries ?? []).map(({ name }) => name)}
            placeholder={groups?.entries.length === 0 ? "There are no groups yet" : undefined}
            {...form.getInputProps("groups")}
          />
          <StopsWithoutRole usernames={left} />
          {holdsKeys && <CeilingFields form={form} whom={user.username} />}
        </Fields>
        <PanelFoot change={change} onCancel={guard.close} isFinal={wasDeleted}>
          <WithoutRole usernames={left} />
        </PanelFoot>
      </form>
      {asked && user && (
        <OwnRightsQuestion
          username={user.username}
          lost={asked.lost}
          isLast={isLast && !asked.values.roles.includes("FULL_ADMIN")}
          change={save}
          onClose={rights.drop}
          onConfirm={() => save.send(asked.values)}
        />
      )}
      {guard.question}
    </Panel>
  );
}

/** Somebody who is being added is no administrator yet. */
const NOBODY = { username: "", all_roles: [], locked: false } as const;

function valuesOf(user: UserEntry | undefined): Values {
  return {
    username: user?.username ?? "",
    full_name: user?.full_name ?? "",
    email: user?.email ?? "",
    roles: [...(user?.roles ?? ["KEY_HOLDER"])],
    scopes: [...(user?.scopes ?? [])],
    groups: [...(user?.groups ?? [])],
    password: "",
    ...ceilingValues(user?.ceilings ?? null),
  };
}

function bodyOf(values: Values) {
  return {
    username: values.username,
    full_name: values.full_name,
    email: values.email.trim() === "" ? null : values.email.trim(),
    roles: values.roles as Role[],
    scopes: values.scopes,
    groups: values.groups,
  };
}

interface UserSave {
  readonly values: Values;
  readonly before: Values;
  /** Absent: a new one. */
  readonly base: UserEntry | undefined;
}

function saveUser({ values, before, base }: UserSave, once: IdempotentRequest) {
  const save = () => {
    if (base === undefined) {
      const password = values.password === "" ? {} : { password: values.password };
      return call("users.create", { body: { ...bodyOf(values), ...password } }, once);
    }
    const wanted = { ...bodyOf(values), ceilings: ceilingsOf(values) };
    const changed = changedOf(wanted, { ...bodyOf(before), ceilings: ceilingsOf(before) });
    return call("users.update", { name: base.username, body: { ...changed, version: base.version } }, once);
  };
  return saveOn<{ username: string }, UserEntry>({
    base,
    save,
    read: () => readUser(base?.id ?? 0, once.signal),
  });
}
