import type { Role } from "@chatelaine/contract/roles";
import { PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/call.ts";
import { useMay, useMe } from "../api/session.ts";
import { ChoicesField } from "../form/chips-field.tsx";
import { Panel } from "../form/dialog.tsx";
import { focusFirstError, placeFaults } from "../form/faults.ts";
import { PanelFoot } from "../form/panel-foot.tsx";
import { useGuard } from "../form/unsaved.tsx";
import { useChange } from "../form/use-change.ts";
import { Note } from "../frame/note.tsx";
import { isGone } from "../keys/what-stops.tsx";
import { CeilingFields } from "../limits/ceiling-fields.tsx";
import { CEILING_FIELDS, type CeilingValues, ceilingsOf, ceilingValues } from "../limits/ceiling-values.ts";
import { showDone } from "../notices/notices.ts";
import { PASSWORD_HINT, passwordFault } from "../signing/password-rules.ts";
import { OwnRightsQuestion } from "./own-rights-question.tsx";
import { RightsFields } from "./rights-fields.tsx";
import { isMe, losesOwnRights, type Planned, useIsLastAdmin } from "./self.ts";
import type { User } from "./user-columns.tsx";

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

interface Values extends CeilingValues {
  username: string;
  full_name: string;
  email: string;
  roles: string[];
  scopes: string[];
  groups: string[];
  password: string;
}

/** Add User, Edit User. */
export function UserPanel({ user, onClose }: { readonly user?: User; readonly onClose: () => void }) {
  const queries = useQueryClient();
  const may = useMay();
  const me = useMe();
  const before: Values = {
    username: user?.username ?? "",
    full_name: user?.full_name ?? "",
    email: user?.email ?? "",
    roles: [...(user?.roles ?? ["KEY_HOLDER"])],
    scopes: [...(user?.scopes ?? [])],
    groups: [...(user?.groups ?? [])],
    password: "",
    ...ceilingValues(user?.ceilings ?? null),
  };
  // The server lets nobody set their own, and a user that is being added has none yet.
  const holdsKeys = user !== undefined && user.username !== me.user.username;
  const form = useForm<Values>({
    initialValues: before,
    validate: {
      username: (value) =>
        /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/.test(value)
          ? null
          : "Letters, digits, dot, hyphen and underscore; it begins with a letter; at most 32.",
      password: (value) => (value === "" ? null : passwordFault(value)),
    },
  });
  const { data: groups } = useQuery({
    queryKey: ["groups"],
    queryFn: ({ signal }) => call("groups.list", {}, { signal }),
    enabled: may("groups.list"),
  });
  const save = useChange<Values, { username: string }>({
    run: (values, once) => saveUser({ values, before, user }, once),
    onDone: (saved) => {
      for (const name of ["users", "user", "owners", "groups", "group", "keys", "key"])
        void queries.invalidateQueries({ queryKey: [name] });
      showDone(user ? `${saved.username} saved.` : `${saved.username} added.`);
      onClose();
    },
    onFault: (error) => {
      const isPlaced = placeFaults(error, form, FIELDS);
      if (isPlaced) setAsked(undefined);
      return isPlaced;
    },
  });
  const [asked, setAsked] = useState<Values>();
  const isLast = useIsLastAdmin(user ?? NOBODY);
  const guard = useGuard(form.isDirty() && !save.isPending, onClose);
  const wasDeleted = useIsDeleted(user);
  const submit = async (values: Values): Promise<void> => {
    const own = { roles: values.roles as Role[], scopes: values.scopes };
    const planned: Planned = { own, memberOf: () => values.groups, groups: (all) => all };
    // Where that cannot be learnt the change will not come through either, and says why.
    const loses =
      user !== undefined && isMe(me, user) && (await losesOwnRights(me, planned).catch(() => false));
    if (loses) setAsked(values);
    else save.send(values);
  };
  return (
    <Panel title={user ? "Edit User" : "Add User"} size={480} closeLabel="Close panel" onClose={guard.close}>
      <form className="panel-form" noValidate onSubmit={form.onSubmit(submit, focusFirstError)}>
        <Stack gap="lg">
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
          {holdsKeys && <CeilingFields form={form} whom={user.username} />}
        </Stack>
        <PanelFoot change={save} onCancel={guard.close} isFinal={wasDeleted} />
      </form>
      {asked && user && (
        <OwnRightsQuestion
          username={user.username}
          isLast={isLast && !asked.roles.includes("FULL_ADMIN")}
          change={save}
          onClose={() => setAsked(undefined)}
          onConfirm={() => save.send(asked)}
        />
      )}
      {guard.question}
    </Panel>
  );
}

/** Somebody who is being added is no administrator yet. */
const NOBODY = { username: "", all_roles: [], locked: false } as const;

interface UserSave {
  readonly values: Values;
  readonly before: Values;
  /** Absent: a new one. */
  readonly user: User | undefined;
}

function saveUser({ values, before, user }: UserSave, once: { readonly idempotencyKey: string }) {
  const body = {
    username: values.username,
    full_name: values.full_name,
    email: values.email.trim() === "" ? null : values.email.trim(),
    roles: values.roles as Role[],
    scopes: values.scopes,
    groups: values.groups,
  };
  if (user === undefined) {
    const password = values.password === "" ? {} : { password: values.password };
    return call("users.create", { body: { ...body, ...password } }, once);
  }
  const ceilings = ceilingsOf(values);
  const isHeldElse = JSON.stringify(ceilings) !== JSON.stringify(ceilingsOf(before));
  const changed = { ...changedOf(body, user), ...(isHeldElse && { ceilings }) };
  return call("users.update", { name: user.username, body: changed }, once);
}

/** Somebody else may delete whom one edits. */
function useIsDeleted(user: User | undefined): boolean {
  const found = useQuery({
    queryKey: ["user", user?.username],
    queryFn: ({ signal }) => call("users.get", { name: user?.username ?? "" }, { signal }),
    enabled: user !== undefined,
  });
  return isGone(found);
}

function changedOf<Body extends object>(body: Body, user: User): Partial<Body> {
  const changed = Object.entries(body).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(user[name as keyof User]),
  );
  return Object.fromEntries(changed) as Partial<Body>;
}
