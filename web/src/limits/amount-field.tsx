import { Group, NativeSelect, NumberInput } from "@mantine/core";
import type { ComponentProps } from "react";
import type { Unit } from "./limit-words.ts";

interface AmountFieldProps {
  readonly label: string;
  readonly description: string;
  readonly max: number;
  /** As a form gives them. */
  readonly amount: ComponentProps<typeof NumberInput>;
  readonly unit: ComponentProps<typeof NativeSelect>;
  readonly unitLabel: string;
  readonly units: readonly Unit[];
}

/** A count and what it is counted in; empty is no limit. */
export function AmountField({ label, description, max, amount, unit, unitLabel, units }: AmountFieldProps) {
  return (
    <Group gap={8} align="flex-end" wrap="nowrap" className="amount">
      <NumberInput
        label={label}
        description={description}
        min={1}
        max={max}
        allowDecimal={false}
        allowNegative={false}
        hideControls
        flex={1}
        {...amount}
      />
      <NativeSelect aria-label={unitLabel} data={[...units]} w={130} {...unit} />
    </Group>
  );
}
