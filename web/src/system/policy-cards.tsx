import {
  KEY_DAYS_MAX,
  SESSION_HOURS_MAX,
  SESSION_IDLE_MINUTES_MAX,
  SESSION_IDLE_MINUTES_MIN,
} from "@chatelaine/contract/limits";
import { ROLE_LABELS, ROLES, type Role } from "@chatelaine/contract/roles";
import { Checkbox, NumberInput, TextInput } from "@mantine/core";
import { ChoicesField } from "../form/chips-field.tsx";
import { SettingsCard, type SettingsEntry } from "./settings-card.tsx";

interface CardProps {
  readonly settings: SettingsEntry;
  readonly mayChange: boolean;
}

const WHOLE = { allowDecimal: false, allowNegative: false, clampBehavior: "strict" } as const;

/** How long keys may live, and who may make those that live for ever. */
export function KeyPolicyCard({ settings, mayChange }: CardProps) {
  return (
    <SettingsCard
      title="Key policy"
      words="Holds for everybody, full administrators included. Existing keys keep their expiry date until they are edited or reset."
      settings={settings}
      valuesOf={({ key_days_max, non_expiring_keys, non_expiring_roles }) => ({
        key_days_max: key_days_max ?? ("" as number | ""),
        non_expiring_keys,
        non_expiring_roles: [...(non_expiring_roles ?? [])] as string[],
      })}
      mayChange={mayChange}
      patchOf={(values) => ({
        key_days_max: values.key_days_max === "" ? null : values.key_days_max,
        non_expiring_keys: values.non_expiring_keys,
        non_expiring_roles:
          values.non_expiring_roles.length === 0 ? null : (values.non_expiring_roles as Role[]),
      })}
    >
      {(form) => (
        <>
          <NumberInput
            label="Longest lifetime"
            description="In days, for keys that expire. Empty: no limit."
            suffix={form.values.key_days_max === 1 ? " day" : " days"}
            min={1}
            max={KEY_DAYS_MAX}
            {...WHOLE}
            {...form.getInputProps("key_days_max")}
          />
          <Checkbox
            label="Non-expiring keys may be made"
            {...form.getInputProps("non_expiring_keys", { type: "checkbox" })}
          />
          {form.values.non_expiring_keys && (
            <ChoicesField
              label="Who may make them"
              description="Holders of any of these roles. Empty: whoever may make keys."
              data={ROLES.map((role) => ({ value: role, label: ROLE_LABELS[role].title }))}
              {...form.getInputProps("non_expiring_roles")}
            />
          )}
        </>
      )}
    </SettingsCard>
  );
}

/** What links and examples name. */
export function AddressCard({ settings, mayChange }: CardProps) {
  return (
    <SettingsCard
      title="Address"
      words="This server as its clients see it. Links and examples name it, and its pages count as the server's own. Empty: the address of each request."
      settings={settings}
      valuesOf={({ public_url }) => ({ public_url: public_url ?? "" })}
      mayChange={mayChange}
      patchOf={({ public_url }) => ({ public_url: public_url.trim().replace(/\/+$/, "") || null })}
    >
      {(form) => (
        <TextInput
          label="Public address"
          placeholder="https://keys.example.org"
          type="url"
          spellCheck={false}
          {...form.getInputProps("public_url")}
        />
      )}
    </SettingsCard>
  );
}

/** When browsers must sign in again. */
export function SessionLimitsCard({ settings, mayChange }: CardProps) {
  return (
    <SettingsCard
      title="Session limits"
      words="When somebody who is signed in by a browser must sign in again."
      settings={settings}
      valuesOf={({ session_idle_minutes, session_hours }) => ({ session_idle_minutes, session_hours })}
      mayChange={mayChange}
      patchOf={(values) => values}
    >
      {(form) => (
        <>
          <NumberInput
            label="Idle"
            description="After so long without a request."
            suffix=" minutes"
            min={SESSION_IDLE_MINUTES_MIN}
            max={SESSION_IDLE_MINUTES_MAX}
            {...WHOLE}
            {...form.getInputProps("session_idle_minutes")}
          />
          <NumberInput
            label="Absolute"
            description="After so long, whatever happens."
            suffix=" hours"
            min={1}
            max={SESSION_HOURS_MAX}
            {...WHOLE}
            {...form.getInputProps("session_hours")}
          />
        </>
      )}
    </SettingsCard>
  );
}
