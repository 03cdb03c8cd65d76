import { RATE_USES_MAX, TAGS_MAX } from "@chatelaine/contract/limits";
import { ROLE_LABELS, type Role } from "@chatelaine/contract/roles";
import { Checkbox, Radio, Stack, Textarea } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { useMe } from "../api/session.ts";
import { ChipsField } from "../form/chips-field.tsx";
import { AmountField } from "../limits/amount-field.tsx";
import { type LimitsEntry, sayRate, windowsWith } from "../limits/limit-words.ts";
import type { KeyValues } from "./key-values.ts";

interface RestrictionFieldsProps {
  readonly form: UseFormReturnType<KeyValues>;
  /** What the owner may, expanded; undefined: not known. */
  readonly ownerRoles: readonly Role[] | undefined;
  /** What all keys of the owner are held to, where there is such a thing. */
  readonly ceilings: LimitsEntry | null;
}

/** The folded part of the panel: words about the key, and what it may less than its user. */
export function RestrictionFields({ form, ownerRoles, ceilings: theirs }: RestrictionFieldsProps) {
  const me = useMe();
  const { username, rights, allScopes, managesSignIn } = form.values;
  const isFullAdmin = me.roles.includes("FULL_ADMIN");
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
      <ChipsField
        label="Tags"
        description="Words by which the list finds this key. Press Enter after each."
        maxTags={TAGS_MAX}
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
          <ChipsField
            mt={8}
            label="Scopes"
            description="resource:action, such as dns:read or dns:*. Enter after each."
            {...form.getInputProps("scopes")}
          />
        )}
      </div>
      <ChipsField
        label="Allowed addresses"
        description={`Addresses or blocks, such as 10.0.0.0/24. Empty: from anywhere${theirs?.allowed_ips ? ` that ${username} may: ${theirs.allowed_ips.join(", ")}` : ""}.`}
        {...form.getInputProps("addresses")}
      />
      <AmountField
        label="Rate limit"
        description={`Uses. Empty: no limit.${theirs?.rate_limit ? ` All keys of ${username} together: ${sayRate(theirs.rate_limit)}.` : ""}`}
        max={RATE_USES_MAX}
        amount={form.getInputProps("rate")}
        unit={form.getInputProps("rateWindow")}
        unitLabel="Rate limit per"
        units={windowsWith(form.values.rateWindow)}
      />
      {(isFullAdmin || managesSignIn) && (
        <Checkbox
          label="Manages sign-in"
          description="Whatever limits this key, it may set passwords, give roles and groups to users who can sign in, and change settings. Terraform needs this. Only a full administrator allows it."
          {...form.getInputProps("managesSignIn", { type: "checkbox" })}
        />
      )}
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
            label={ROLE_LABELS[role].title}
            description={ROLE_LABELS[role].words}
          />
        ))}
      </Stack>
    </Checkbox.Group>
  );
}
