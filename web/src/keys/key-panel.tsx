import { Button, Checkbox, Collapse, Drawer, Skeleton, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconChevronRight } from "@tabler/icons-react";
import { lazy, type ReactNode, Suspense, useEffect, useState } from "react";
import { problemOf } from "../api/problem.ts";
import { useMe } from "../api/session.ts";
import { focusFirstError, showFaults } from "../form/faults.ts";
import { useGuard } from "../form/use-guard.tsx";
import { Note } from "../frame/note.tsx";
import { ConflictNote, ExpiredNote, ResetNote } from "./edit-notes.tsx";
import { formerLifetimeEnd, type Key, type MadeKey } from "./key.ts";
import {
  emptyValues,
  FIELDS,
  findFaults,
  hasRestrictions,
  isChanged,
  type KeyValues,
  localText,
  mergeValues,
  valuesOf,
} from "./key-values.ts";
import { OwnerField } from "./owner-field.tsx";
import { canAdminister, useOwnerRoles } from "./owner-rights.ts";
import { RestrictionFields } from "./restriction-fields.tsx";
import { useSaveKey } from "./save-key.ts";

const loadExpiry = () => import("./expiry-field.tsx");
const ExpiryField = lazy(loadExpiry);

interface KeyPanelProps {
  /** Absent: a new one. */
  readonly row?: Key;
  readonly resets?: boolean;
  readonly onClose: () => void;
  /** With the key itself where there is a new one. */
  readonly onSaved: (saved: Key | MadeKey) => void;
}

/** Add API Key, Edit API Key. */
export function KeyPanel({ row, resets = false, onClose, onSaved }: KeyPanelProps) {
  const me = useMe();
  useEffect(() => void loadExpiry(), []);
  const [base, setBase] = useState(row);
  const [before, setBefore] = useState<KeyValues>(() =>
    row ? valuesOf(row) : emptyValues(me.user.username, me.key_policy.may_make_non_expiring),
  );
  const [opened] = useState(() => (resets && row ? withReset(row, before, true) : before));
  const form = useForm<KeyValues>({
    initialValues: opened,
    validate: (values) => findFaults(values, before.expiresAt),
  });
  const mayLast = me.key_policy.may_make_non_expiring;
  const [isUnfolded, setUnfolded] = useState(() => row !== undefined && hasRestrictions(before));
  const [hasCalendar, setCalendar] = useState(false);
  const [isConflict, setConflict] = useState(false);
  const { save, isSaving } = useSaveKey();
  const isTouched = isChanged(form.values, before) && isChanged(form.values, opened);
  const guard = useGuard(isTouched && !isSaving, onClose);
  const ownerRoles = useOwnerRoles(form.values.username);

  const submit = form.onSubmit(
    async (values) => {
      try {
        onSaved(await save(values, base, before));
      } catch (error) {
        if (base && problemOf(error).code === "conflict") return setConflict(true);
        if (problemOf(error).errors.length > 0) setUnfolded(true);
        showFaults(error, form, FIELDS);
      }
    },
    (faults) => {
      if (["roles", "scopes"].some((name) => name in faults)) setUnfolded(true);
      focusFirstError();
    },
  );
  const takeTheirs = (theirs: Key): void => {
    const now = valuesOf(theirs);
    form.setValues(mergeValues(form.values, before, now));
    setBase(theirs);
    setBefore(now);
    setConflict(false);
  };

  return (
    <Drawer
      opened
      onClose={guard.close}
      closeOnEscape={!guard.isAsking && !hasCalendar}
      title={row ? "Edit API Key" : "Add API Key"}
      size={480}
      closeButtonProps={{ "aria-label": "Close panel" }}
    >
      <form onSubmit={submit} noValidate className="panel-form">
        <Stack gap="lg">
          {isConflict && base && <ConflictNote base={base} onTaken={takeTheirs} />}
          <TextInput
            label="Name"
            description="Unique over all users."
            maxLength={200}
            autoComplete="off"
            data-autofocus
            {...form.getInputProps("name")}
          />
          <OwnerField
            value={form.values.username}
            isFixed={row !== undefined}
            error={form.errors.username as string | undefined}
            onChange={(username) => form.setFieldValue("username", username)}
          />
          <div>
            <Checkbox
              label="Non-expiring"
              description={
                mayLast
                  ? "It works until somebody revokes or changes it."
                  : "Keys must expire here: the server's policy."
              }
              disabled={!mayLast && !form.values.nonExpiring}
              {...form.getInputProps("nonExpiring", { type: "checkbox" })}
            />
            {!form.values.nonExpiring && (
              <div className="under">
                <Suspense fallback={<Skeleton height={84} />}>
                  <ExpiryField
                    daysMax={me.key_policy.key_days_max}
                    onCalendar={setCalendar}
                    value={form.values.expiresAt}
                    error={form.errors.expiresAt as string | undefined}
                    onChange={(value) => form.setFieldValue("expiresAt", value)}
                  />
                </Suspense>
              </div>
            )}
            {base && !form.values.reset && (
              <ExpiredNote
                row={base}
                values={form.values}
                before={before}
                onPropose={(at) => form.setFieldValue("expiresAt", at)}
              />
            )}
          </div>
          {base && (
            <div>
              <Checkbox
                label="Reset"
                description="Makes a new random key. The old one stops working at once."
                checked={form.values.reset}
                onChange={(event) =>
                  form.setValues(withReset(base, form.values, event.currentTarget.checked))
                }
              />
              {form.values.reset && <ResetNote row={base} />}
            </div>
          )}
          <Fold isOpen={isUnfolded} onToggle={() => setUnfolded(!isUnfolded)}>
            <RestrictionFields form={form} ownerRoles={ownerRoles} />
          </Fold>
          {canAdminister(form.values, ownerRoles) && (
            <Note tone="soon" title="This key could administer Chatelaine">
              Whoever holds it may change keys or users as {form.values.username}. For a service, choose “For
              services only” under Description, rights and limits.
            </Note>
          )}
        </Stack>
        <div className="panel-foot">
          <Button variant="default" onClick={guard.close}>
            Cancel
          </Button>
          <Button type="submit" loading={isSaving}>
            Save
          </Button>
        </div>
      </form>
      {guard.question}
    </Drawer>
  );
}

/** A reset of a key whose time is over needs a new time: as long as it had before. */
function withReset(row: Key, values: KeyValues, reset: boolean): KeyValues {
  const end = formerLifetimeEnd(row, Date.now());
  const isOver = row.expires_at !== null && new Date(row.expires_at).getTime() <= Date.now();
  if (!reset || !isOver || end === undefined || values.nonExpiring) return { ...values, reset };
  return { ...values, reset, expiresAt: localText(end) };
}

interface FoldProps {
  readonly isOpen: boolean;
  readonly onToggle: () => void;
  readonly children: ReactNode;
}

function Fold({ isOpen, onToggle, children }: FoldProps) {
  return (
    <div className="fold">
      <button type="button" className="fold-title" aria-expanded={isOpen} onClick={onToggle}>
        <IconChevronRight size={18} stroke={1.8} aria-hidden data-open={isOpen || undefined} />
        Description, rights and limits
      </button>
      <Collapse expanded={isOpen}>{isOpen && <div className="fold-body">{children}</div>}</Collapse>
    </div>
  );
}
