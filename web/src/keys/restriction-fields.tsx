import { ROLE_WORDS, type Role } from "@chatelaine/contract/roles";
import { Checkbox, Group, NativeSelect, NumberInput, Radio, Stack, TagsInput, Textarea } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { type KeyValues, RATE_WINDOWS } from "./key-values.ts";

interface RestrictionFieldsProps {
  readonly form: UseFormReturnType<KeyValues>;
  /** What the owner may, expanded; undefined: not known. */
  readonly ownerRoles: readonly Role[] | undefined;
}

/** The folded part of the panel: words about the key, and what it may less than its user. */
export function RestrictionFields({ form, ownerRoles }: RestrictionFieldsProps) {
  const { username, rights, allScopes } = form.values;
  return (
    <Stack gap="md">
      <Textarea
        label="Description"
        description="What uses it, and whom to ask before it is taken away."
        autosize
        minRows={2}
        maxRows={8}
        {...form.getInputProps("description")}
      />
      <TagsInput
        label="Tags"
        description="Words to find keys by. Enter after each."
        maxTags={32}
        {...form.getInputProps("tags")}
      />
      <Radio.Group label="Rights in Chatelaine" {...form.getInputProps("rights")}>
        <Stack gap={8} mt={6}>
          <Radio value="all" label={`All that ${username || "the user"} has`} />
          <Radio value="services" label="For services only (no rights in Chatelaine)" />
          <Radio
            value="some"
            label="Only some roles"
            disabled={ownerRoles !== undefined && ownerRoles.length === 0}
          />
        </Stack>
      </Radio.Group>
      {rights === "some" && <RoleChoice form={form} offered={ownerRoles ?? []} />}
      <div>
        <Checkbox
          label={`All scopes of ${username || "the user"}`}
          description="Scopes say what the key may at the services it guards."
          {...form.getInputProps("allScopes", { type: "checkbox" })}
        />
        {!allScopes && (
          <TagsInput
            mt={8}
            label="Scopes"
            description="resource:action, such as dns:read or dns:*. Enter after each."
            {...form.getInputProps("scopes")}
          />
        )}
      </div>
      <TagsInput
        label="Allowed addresses"
        description="Addresses or blocks, such as 10.0.0.0/24. Empty: from anywhere."
        {...form.getInputProps("addresses")}
      />
      <Group gap={8} align="flex-end" wrap="nowrap">
        <NumberInput
          label="Rate limit"
          description="Uses. Empty: no limit."
          min={1}
          max={1_000_000}
          allowDecimal={false}
          allowNegative={false}
          hideControls
          flex={1}
          {...form.getInputProps("rate")}
        />
        <NativeSelect
          aria-label="Rate limit per"
          data={RATE_WINDOWS}
          w={130}
          {...form.getInputProps("rateWindow")}
        />
      </Group>
    </Stack>
  );
}

function RoleChoice({
  form,
  offered,
}: {
  readonly form: UseFormReturnType<KeyValues>;
  readonly offered: readonly Role[];
}) {
  return (
    <Checkbox.Group label="Roles" {...form.getInputProps("roles")}>
      <Stack gap={8} mt={6}>
        {offered.map((role) => (
          <Checkbox
            key={role}
            value={role}
            label={ROLE_WORDS[role].title}
            description={ROLE_WORDS[role].words}
          />
        ))}
      </Stack>
    </Checkbox.Group>
  );
}
