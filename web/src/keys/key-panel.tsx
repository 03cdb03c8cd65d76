import { Button, Checkbox, Collapse, Drawer, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconChevronRight } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { problemOf } from "../api/problem.ts";
import { useMe } from "../api/session.ts";
import { focusFirstError, showFaults } from "../form/faults.ts";
import { useGuard } from "../form/use-guard.tsx";
import { Note } from "../frame/note.tsx";
import { ConflictNote, ResetNote } from "./edit-notes.tsx";
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
import { LifeFields } from "./life-fields.tsx";
import { OwnerField } from "./owner-field.tsx";
import { canAdminister, useOwner, useOwnerRoles } from "./owner-rights.ts";
import { RestrictionFields } from "./restriction-fields.tsx";
import { useSaveKey } from "./save-key.ts";

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
  const [base, setBase] = useState(row);
  const [before, setBefore] = useState<KeyValues>(() =>
    row ? valuesOf(row) : emptyValues(me.user.username, me.key_policy.may_make_non_expiring),
  );
  const [opened] = useState(() => (resets && row ? withReset(row, before, true) : before));
  const form = useForm<KeyValues>({
    initialValues: opened,
    validate: (values) => findFaults(values, before.expiresAt),
  });
  const [isUnfolded, setUnfolded] = useState(() => row !== undefined && hasRestrictions(before));
  const [hasCalendar, setCalendar] = useState(false);
  const [isConflict, setConflict] = useState(false);
  const { save, isSaving } = useSaveKey();
  const isTouched = isChanged(form.values, before) && isChanged(form.values, opened);
  const guard = useGuard(isTouched && !isSaving, onClose);
  const owner = useOwner(form.values.username);
  const ownerRoles = useOwnerRoles(owner, form.values.username);

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
          <LifeFields form={form} row={base} before={before} owner={owner} onCalendar={setCalendar} />
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
            <RestrictionFields form={form} ownerRoles={ownerRoles} ceilings={owner?.ceilings ?? null} />
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
