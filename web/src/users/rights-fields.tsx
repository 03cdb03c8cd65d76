import { ROLE_LABELS, ROLES, type Role } from "@chatelaine/contract/roles";
import { Checkbox, Stack } from "@mantine/core";
import { ChipsField } from "../form/chips-field.tsx";

interface RightsFieldsProps {
  readonly roles: {
    readonly value?: string[];
    readonly onChange?: (value: string[]) => void;
    readonly error?: unknown;
  };
  readonly scopes: {
    readonly value?: string[];
    readonly onChange?: (value: string[]) => void;
    readonly error?: unknown;
  };
  /** Whom they are granted to. */
  readonly whom: string;
}

const GROUPS: readonly { readonly title: string; readonly roles: readonly Role[] }[] = [
  { title: "Administrators", roles: ["FULL_ADMIN", "READONLY_ADMIN", "SHARING_ADMIN"] },
  { title: "Services", roles: ["KEY_HOLDER", "KEY_VERIFY"] },
];
const SINGLE = ROLES.filter((role) => !GROUPS.some(({ roles }) => roles.includes(role)));

/** Roles, each in words, and scopes. */
export function RightsFields({ roles, scopes, whom }: RightsFieldsProps) {
  return (
    <>
      <Checkbox.Group
        label="Roles"
        description={`What ${whom} may do in Chatelaine. Without a role nobody signs in or has keys.`}
        value={roles.value}
        onChange={roles.onChange}
        error={roles.error as string | undefined}
      >
        <Stack gap="md" mt="sm">
          {[...GROUPS, { title: "Single rights", roles: SINGLE }].map((group) => (
            <fieldset key={group.title} className="role-group">
              <legend>{group.title}</legend>
              <Stack gap={10}>
                {group.roles.map((role) => (
                  <Checkbox
                    key={role}
                    value={role}
                    label={ROLE_LABELS[role].title}
                    description={ROLE_LABELS[role].words}
                  />
                ))}
              </Stack>
            </fieldset>
          ))}
        </Stack>
      </Checkbox.Group>
      <ChipsField
        label="Scopes"
        description={`What ${whom} may do at the services that Chatelaine guards: resource:action, such as dns:read or dns:*. Enter after each.`}
        value={scopes.value}
        onChange={scopes.onChange}
        error={scopes.error as string | undefined}
      />
    </>
  );
}
