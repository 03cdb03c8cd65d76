import type { Role } from "@chatelaine/contract/roles";
import { Button, Drawer, MultiSelect, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { focusFirstError, showDone, showFaults } from "../form/faults.ts";
import { useGuard } from "../form/use-guard.tsx";
import type { Group } from "./groups.tsx";
import { RightsFields } from "./rights-fields.tsx";

interface Values extends Record<string, unknown> {
  name: string;
  roles: string[];
  scopes: string[];
  members: string[];
}

const OFFERED_MAX = 1000;

/** Add Group, Edit Group. */
export function GroupPanel({ group, onClose }: { readonly group?: Group; readonly onClose: () => void }) {
  const queries = useQueryClient();
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
  const save = useMutation({
    mutationFn: (values: Values) => saveGroup(values, group),
    onSuccess: (_, values) => {
      for (const name of ["users", "user", "owners", "groups"])
        void queries.invalidateQueries({ queryKey: [name] });
      showDone(`${values.name} is saved.`);
      onClose();
    },
    onError: (error) =>
      showFaults(error, form, { name: "name", roles: "roles", scopes: "scopes", username: "members" }),
  });
  const guard = useGuard(form.isDirty() && !save.isPending && !save.isSuccess, onClose);
  return (
    <Drawer
      opened
      onClose={guard.close}
      closeOnEscape={!guard.isAsking}
      size={480}
      title={group ? "Edit Group" : "Add Group"}
      closeButtonProps={{ "aria-label": "Close panel" }}
    >
      <form
        className="panel-form"
        noValidate
        onSubmit={form.onSubmit((values) => save.mutate(values), focusFirstError)}
      >
        <Stack gap="lg">
          <TextInput
            label="Name"
            autoComplete="off"
            spellCheck={false}
            data-autofocus
            {...form.getInputProps("name")}
          />
          <MultiSelect
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

/** What it grants first, then who is in it, so that nobody is a member of what is not there. */
async function saveGroup({ name, roles, scopes, members }: Values, group: Group | undefined): Promise<void> {
  const body = { name, roles: roles as Role[], scopes };
  if (group === undefined) await call("groups.create", { body });
  else if (
    JSON.stringify(body) !== JSON.stringify({ name: group.name, roles: group.roles, scopes: group.scopes })
  )
    await call("groups.update", { name: group.name, body });
  const before = group?.members ?? [];
  for (const username of members)
    if (!before.includes(username)) await call("groups.addMember", { name, username });
  for (const username of before)
    if (!members.includes(username)) await call("groups.removeMember", { name, username });
}
