import { RATE_USES_MAX } from "@chatelaine/contract/limits";
import { Stack } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { ChipsField } from "../form/chips-field.tsx";
import { AmountField } from "./amount-field.tsx";
import type { CeilingValues } from "./ceiling-values.ts";
import { lifetimeUnitsWith, windowsWith } from "./limit-words.ts";

const AMOUNT_MAX = 5_256_000;

interface CeilingFieldsProps<Values extends CeilingValues> {
  readonly form: UseFormReturnType<Values>;
  readonly whom: string;
}

/** What all keys of a user are held to, whatever they say themselves; their owner cannot lift it. */
export function CeilingFields<Values extends CeilingValues>({ form, whom }: CeilingFieldsProps<Values>) {
  const { rateWindow, lifeUnit } = form.values;
  return (
    <fieldset className="plain-fields ruled">
      <legend className="fields-title">Limits on all keys</legend>
      <p className="muted small">
        They hold for every key of {whom}, whatever the key says itself, and its owner cannot lift them.
      </p>
      <Stack gap="md" mt="sm">
        <ChipsField
          label="Allowed addresses"
          description="Addresses or blocks, such as 10.0.0.0/24. Empty: from anywhere. Enter after each."
          {...form.getInputProps("addresses")}
        />
        <AmountField
          label="Rate limit"
          description="Uses, all keys together. Empty: no limit."
          max={RATE_USES_MAX}
          amount={form.getInputProps("rate")}
          unit={form.getInputProps("rateWindow")}
          unitLabel="Rate limit per"
          units={windowsWith(rateWindow)}
        />
        <AmountField
          label="Longest lifetime"
          description="From a key's making or last reset. Empty: no limit."
          max={AMOUNT_MAX}
          amount={form.getInputProps("life")}
          unit={form.getInputProps("lifeUnit")}
          unitLabel="Longest lifetime in"
          units={lifetimeUnitsWith(lifeUnit)}
        />
      </Stack>
    </fieldset>
  );
}
