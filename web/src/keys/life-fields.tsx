import { Checkbox, Skeleton } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { useEffect, useRef } from "react";
import { serverNow } from "../api/server-clock.ts";
import { useMe } from "../api/session.ts";
import { part } from "../load/part.tsx";
import type { UserEntry } from "../users/user.ts";
import { ExpiredNote } from "./edit-notes.tsx";
import type { KeyEntry } from "./key.ts";
import { type KeyValues, localText } from "./key-values.ts";
import { type LifeLimit, lifeLimitOf } from "./life-limit.ts";

const ExpiryField = part(() => import("./expiry-field.tsx"), "ExpiryField", {
  waiting: <Skeleton height={84} />,
});

interface LifeFieldsProps {
  readonly form: UseFormReturnType<KeyValues>;
  /** Absent: a new key. */
  readonly row: KeyEntry | undefined;
  readonly before: KeyValues;
  readonly owner: UserEntry | undefined;
  readonly onCalendar: (isOpen: boolean) => void;
  /** What the form fills in by itself. */
  readonly onPreset: (values: Partial<KeyValues>) => void;
}

/** Whether the key ends, and when: within the server's policy and what its user is held to. */
export function LifeFields(props: LifeFieldsProps) {
  const { form, row, before, owner, onCalendar } = props;
  const me = useMe();
  useEffect(() => void ExpiryField.preload(), []);
  const limit = lifeLimitOf(me, owner);
  useLongestLife(props, limit);
  const mayLast = me.key_policy.may_make_non_expiring;
  const isHeld = (owner?.ceilings?.lifetime_seconds ?? null) !== null;
  const { nonExpiring, reset } = form.values;
  const error = form.errors.expiresAt as string | undefined;
  return (
    <div>
      <Checkbox
        label="Non-expiring"
        description={sayLasting(mayLast, isHeld ? limit : null, nonExpiring)}
        disabled={(!mayLast || isHeld) && !nonExpiring}
        {...form.getInputProps("nonExpiring", { type: "checkbox" })}
        error={nonExpiring ? error : undefined}
      />
      {!nonExpiring && (
        <div className="under">
          <ExpiryField
            limit={limit}
            madeAt={row && !reset ? new Date(row.reset_at ?? row.created_at).getTime() : serverNow()}
            onCalendar={onCalendar}
            value={form.values.expiresAt}
            error={error}
            onChange={(value) => form.setFieldValue("expiresAt", value)}
          />
        </div>
      )}
      {row && !reset && (
        <ExpiredNote
          row={row}
          values={form.values}
          before={before}
          onPropose={(at) => form.setFieldValue("expiresAt", at)}
        />
      )}
    </div>
  );
}

function sayLasting(mayLast: boolean, limit: LifeLimit | null, nonExpiring: boolean): string | undefined {
  if (limit !== null) return limit.words;
  if (!mayLast) return "Server policy requires an expiry date.";
  return nonExpiring ? "Works until it is revoked or edited." : undefined;
}

/**
 * A new key of somebody whose keys are held to a longest life would get an end from the server, whatever is ticked: so the form
 * shows that end, as something that may be chosen earlier. It takes it back for an owner who is not held, unless
 * somebody has touched it.
 */
function useLongestLife({ form, row, owner, onPreset }: LifeFieldsProps, limit: LifeLimit | null): void {
  const filled = useRef<string>(undefined);
  const { nonExpiring, expiresAt } = form.values;
  const seconds = owner?.ceilings?.lifetime_seconds ?? null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another owner is what asks for it
  useEffect(() => {
    if (row !== undefined || owner === undefined) return;
    const isOurs = filled.current !== undefined && expiresAt === filled.current;
    if (seconds !== null && limit !== null && (nonExpiring || isOurs)) {
      filled.current = localText(new Date(serverNow() + Math.min(seconds, limit.seconds) * 1000));
      onPreset({ nonExpiring: false, expiresAt: filled.current });
    } else if (seconds === null && isOurs) {
      filled.current = undefined;
      onPreset({ nonExpiring: true, expiresAt: null });
    }
  }, [owner?.username, seconds]);
}
