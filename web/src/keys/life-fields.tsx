import { Checkbox, Skeleton } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { lazy, Suspense, useEffect } from "react";
import { useMe } from "../api/session.ts";
import type { User } from "../users/user-columns.tsx";
import { ExpiredNote } from "./edit-notes.tsx";
import type { Key } from "./key.ts";
import type { KeyValues } from "./key-values.ts";
import { type LifeLimit, lifeLimitOf } from "./life-limit.ts";

const loadExpiry = () => import("./expiry-field.tsx");
const ExpiryField = lazy(loadExpiry);

interface LifeFieldsProps {
  readonly form: UseFormReturnType<KeyValues>;
  /** Absent: a new key. */
  readonly row: Key | undefined;
  readonly before: KeyValues;
  readonly owner: User | undefined;
  readonly onCalendar: (isOpen: boolean) => void;
}

/** Whether the key ends, and when: within the server's policy and what its user is held to. */
export function LifeFields({ form, row, before, owner, onCalendar }: LifeFieldsProps) {
  const me = useMe();
  useEffect(() => void loadExpiry(), []);
  const limit = lifeLimitOf(me, owner);
  const mayLast = me.key_policy.may_make_non_expiring;
  const isHeld = (owner?.ceilings?.lifetime_seconds ?? null) !== null;
  const { nonExpiring, reset } = form.values;
  const error = form.errors.expiresAt as string | undefined;
  return (
    <div>
      <Checkbox
        label="Non-expiring"
        description={sayLasting({
          mayLast,
          limit: isHeld ? limit : null,
          endsItself: row === undefined && nonExpiring,
        })}
        disabled={(!mayLast || (isHeld && row !== undefined)) && !nonExpiring}
        {...form.getInputProps("nonExpiring", { type: "checkbox" })}
        error={nonExpiring ? error : undefined}
      />
      {!nonExpiring && (
        <div className="under">
          <Suspense fallback={<Skeleton height={84} />}>
            <ExpiryField
              limit={limit}
              madeAt={row && !reset ? new Date(row.reset_at ?? row.created_at).getTime() : Date.now()}
              onCalendar={onCalendar}
              value={form.values.expiresAt}
              error={error}
              onChange={(value) => form.setFieldValue("expiresAt", value)}
            />
          </Suspense>
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

interface Lasting {
  readonly mayLast: boolean;
  /** Of the user. */
  readonly limit: LifeLimit | null;
  /** The server gives it that end. */
  readonly endsItself: boolean;
}

function sayLasting({ mayLast, limit, endsItself }: Lasting): string {
  if (limit !== null) return endsItself ? `${limit.words} This one ends then.` : limit.words;
  return mayLast
    ? "It works until somebody revokes or changes it."
    : "Keys must expire here: the server's policy.";
}
