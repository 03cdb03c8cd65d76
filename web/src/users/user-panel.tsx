import type { Role } from "@chatelaine/contract/roles";
import { Button, Drawer, MultiSelect, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { useMay, useMe } from "../api/session.ts";
import { focusFirstError, showDone, showFaults } from "../form/faults.ts";
import { useGuard } from "../form/use-guard.tsx";
import { CeilingFields } from "../limits/ceiling-fields.tsx";
import { CEILING_FIELDS, type CeilingValues, ceilingsOf, ceilingValues } from "../limits/ceiling-values.ts";
import { PASSWORD_HINT, passwordFault } from "../signing/password-rules.ts";
import { RightsFields } from "./rights-fields.tsx";
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
  // The server lets nobody set his own, and a user that is being added has none yet.
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
  const save = useMutation({
    mutationFn: (values: Values) => {
      const body = {
        username: values.username,
        full_name: values.full_name,
        email: values.email.trim() === "" ? null : values.email.trim(),
        roles: values.roles as Role[],
        scopes: values.scopes,
        groups: values.groups,
      };
      if (user) {
        const ceilings = ceilingsOf(values);
        const isHeldElse = JSON.stringify(ceilings) !== JSON.stringify(ceilingsOf(before));
        const changed = { ...changedOf(body, user), ...(isHeldElse && { ceilings }) };
        return call("users.update", { name: user.username, body: changed });
      }
      return call("users.create", {
        body: { ...body, ...(values.password !== "" && { password: values.password }) },
      });
    },
    onSuccess: (saved) => {
      for (const name of ["users", "user", "owners", "groups"])
        void queries.invalidateQueries({ queryKey: [name] });
      showDone(user ? `${saved.username} is saved.` : `${saved.username} is added.`);
      onClose();
    },
    onError: (error) => showFaults(error, form, FIELDS),
  });
  const guard = useGuard(form.isDirty() && !save.isPending && !save.isSuccess, onClose);
  return (
    <Drawer
      opened
      onClose={guard.close}
      closeOnEscape={!guard.isAsking}
      size={480}
      title={user ? "Edit User" : "Add User"}
      closeButtonProps={{ "aria-label": "Close panel" }}
    >
      <form
        className="panel-form"
        noValidate
        onSubmit={form.onSubmit((values) => save.mutate(values), focusFirstError)}
      >
        <Stack gap="lg">
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
          <MultiSelect
            label="Groups"
            description="What a group grants, its members have too."
            data={(groups?.entries ?? []).map(({ name }) => name)}
            placeholder={groups?.entries.length === 0 ? "There are no groups yet" : undefined}
            {...form.getInputProps("groups")}
          />
          {holdsKeys && <CeilingFields form={form} whom={user.username} />}
        </Stack>
        <div className="panel-foot">
          <Button variant="default" onClick={guard.close}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending}>
            Save
          </Button>
        </div>
      </form>
      {guard.question}
    </Drawer>
  );
}

function changedOf<Body extends object>(body: Body, user: User): Partial<Body> {
  const changed = Object.entries(body).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(user[name as keyof User]),
  );
  return Object.fromEntries(changed) as Partial<Body>;
}
