import { KEY_NAME_CHARS_MAX } from "@chatelaine/contract/limits";
import { Checkbox, TextInput } from "@mantine/core";
import { type UseFormReturnType, useForm } from "@mantine/form";
import { IconChevronRight } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { call } from "../api/call.ts";
import { problemOf } from "../api/problem.ts";
import { serverNow } from "../api/server-clock.ts";
import { useMe } from "../api/session.ts";
import { ConflictNote } from "../form/conflict-note.tsx";
import { Panel } from "../form/dialog.tsx";
import { type Edited, type SaveOutcome, useEdited } from "../form/edited.ts";
import { focusFirstError, placeFaults } from "../form/faults.ts";
import { Fields } from "../form/fields.tsx";
import { PanelFoot } from "../form/panel-foot.tsx";
import { useGuard } from "../form/unsaved.tsx";
import { useChange } from "../form/use-change.ts";
import { Note } from "../frame/note.tsx";
import { ResetNote } from "./edit-notes.tsx";
import { formerLifetimeEnd, type KeyEntry, type MadeKey } from "./key.ts";
import {
  emptyValues,
  FIELD_WORDS,
  FIELDS,
  findFaults,
  hasRestrictions,
  isChanged,
  type KeyValues,
  localText,
  valuesOf,
} from "./key-values.ts";
import { LifeFields } from "./life-fields.tsx";
import { OwnerField, OwnerNote } from "./owner-field.tsx";
import { canAdminister, useOwner, useOwnerRoles } from "./owner-rights.ts";
import { RestrictionFields } from "./restriction-fields.tsx";
import { type KeySave, saveKey } from "./save-key.ts";
import { isGone } from "./what-stops.tsx";

interface KeyPanelProps {
  /** Absent: a new one. */
  readonly row?: KeyEntry;
  readonly resets?: boolean;
  readonly onClose: () => void;
  /** With the key itself where there is a new one. */
  readonly onSaved: (saved: KeyEntry | MadeKey) => void;
}

/** Add API Key, Edit API Key. */
export function KeyPanel({ row, resets = false, onClose, onSaved }: KeyPanelProps) {
  const me = useMe();
  const edited = useEdited<KeyEntry, KeyValues>(row, (one) =>
    one ? valuesOf(one) : emptyValues(me.user.username, me.key_policy.may_make_non_expiring),
  );
  const { base, before } = edited;
  const [opened, setOpened] = useState(() => (resets && row ? withReset(row, before, true) : before));
  const form = useForm<KeyValues>({
    initialValues: opened,
    validate: (values) => findFaults(values, before.expiresAt),
  });
  const [isUnfolded, setUnfolded] = useState(() => row !== undefined && hasRestrictions(before));
  const [hasCalendar, setCalendar] = useState(false);
  const save = useSaving({
    form,
    onSaved,
    onConflict: edited.meet,
    onUnfold: () => setUnfolded(true),
  });
  const isTouched = isChanged(form.values, before) && isChanged(form.values, opened);
  const guard = useGuard({
    change: save,
    isDirty: isTouched,
    makesKey: base === undefined || form.values.reset,
    onClose,
  });
  const owner = useOwner(form.values.username);
  const ownerRoles = useOwnerRoles(owner, form.values.username);
  const wasDeleted = useIsDeleted(row);

  const submit = form.onSubmit(
    (values) => save.send({ values, base, before }),
    (faults) => {
      if (["roles", "scopes"].some((name) => name in faults)) setUnfolded(true);
      focusFirstError();
    },
  );
  /** What the form fills in by itself is nothing that would be lost. */
  const preset = (values: Partial<KeyValues>): void => {
    form.setValues(values);
    setOpened((was) => ({ ...was, ...values }) as KeyValues);
  };

  return (
    <Panel
      title={row ? "Edit API Key" : "Add API Key"}
      size={480}
      closeLabel="Close panel"
      keepsEscape={hasCalendar}
      onClose={guard.close}
    >
      <form onSubmit={submit} noValidate className="panel-form">
        <Fields change={save}>
          {!wasDeleted && (
            <ConflictNote
              what="this key"
              edited={edited}
              words={FIELD_WORDS}
              onTake={(theirs) => edited.take(theirs, form)}
            />
          )}
          {wasDeleted && (
            <Note tone="bad" title="This key no longer exists" isAlert>
              It was deleted while you edited it. What you typed is still here, but cannot be saved.
            </Note>
          )}
          <TextInput
            label="Name"
            description="Unique over all users."
            maxLength={KEY_NAME_CHARS_MAX}
            autoComplete="off"
            data-autofocus={!resets || undefined}
            {...form.getInputProps("name")}
          />
          <OwnerField
            value={form.values.username}
            isFixed={row !== undefined}
            error={form.errors.username as string | undefined}
            onChange={(username) => form.setFieldValue("username", username)}
          />
          {row && owner && <OwnerNote owner={owner} />}
          <LifeFields
            form={form}
            row={base}
            before={before}
            owner={owner}
            onCalendar={setCalendar}
            onPreset={preset}
          />
          {base && (
            <div>
              <Checkbox
                label="Reset"
                description="Generate a new key. The current one stops working immediately."
                data-autofocus={resets || undefined}
                checked={form.values.reset}
                onChange={(event) =>
                  form.setValues(withReset(base, form.values, event.currentTarget.checked))
                }
              />
              {form.values.reset && <ResetNote id={base.id} />}
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
        </Fields>
        <PanelFoot change={save} onCancel={guard.close} isFinal={wasDeleted} />
      </form>
      {guard.question}
    </Panel>
  );
}

interface Saving {
  readonly form: UseFormReturnType<KeyValues>;
  readonly onSaved: KeyPanelProps["onSaved"];
  readonly onConflict: Edited<KeyEntry, KeyValues>["meet"];
  readonly onUnfold: () => void;
}

function useSaving({ form, onSaved, onConflict, onUnfold }: Saving) {
  const queries = useQueryClient();
  return useChange<KeySave, SaveOutcome<KeyEntry | MadeKey, KeyEntry>>({
    run: saveKey,
    onDone: (outcome, _, wasUnknown) => {
      if ("theirs" in outcome) return onConflict(outcome.theirs, wasUnknown);
      void queries.invalidateQueries({ queryKey: ["keys"] });
      void queries.invalidateQueries({ queryKey: ["key"] });
      onSaved(outcome.saved);
    },
    onFault: (error) => {
      if (problemOf(error).errors.length > 0) onUnfold();
      return placeFaults(error, form, FIELDS);
    },
  });
}

/** Somebody else may delete what is being edited. */
function useIsDeleted(row: KeyEntry | undefined): boolean {
  const found = useQuery({
    queryKey: ["key", row?.id],
    queryFn: ({ signal }) => call("keys.get", { id: row?.id ?? 0 }, { signal }),
    enabled: row !== undefined,
  });
  return isGone(found);
}

/** A reset of a key whose time is over needs a new time: as long as it had before. */
function withReset(row: KeyEntry, values: KeyValues, reset: boolean): KeyValues {
  const end = formerLifetimeEnd(row, serverNow());
  const isOver = row.expires_at !== null && new Date(row.expires_at).getTime() <= serverNow();
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
      {/* At once: what grows moves from under the mouse, and a press on it counts for nothing. */}
      {isOpen && <div className="fold-body">{children}</div>}
    </div>
  );
}
