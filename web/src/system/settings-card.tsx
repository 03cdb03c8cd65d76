import type { InputOf, OutputOf } from "@chatelaine/contract/operations/operations";
import { Button, Group, Stack } from "@mantine/core";
import { type UseFormReturnType, useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { call } from "../api/call.ts";
import { changedOf, isSame } from "../form/changes.ts";
import { ConflictNote } from "../form/conflict-note.tsx";
import { type SaveOutcome, saveOn, useEdited } from "../form/edited.ts";
import { focusFirstError, placeFaults } from "../form/faults.ts";
import { Fields } from "../form/fields.tsx";
import { SubmitButton } from "../form/submit-button.tsx";
import { Trouble } from "../form/trouble.tsx";
import { useHold } from "../form/unsaved.tsx";
import { type IdempotentRequest, useChange } from "../form/use-change.ts";
import { showDone } from "../notices/notices.ts";

export type SettingsEntry = OutputOf<"settings.get">;
type SettingsPatch = InputOf<"settings.update", "body">;

interface SettingsCardProps<Values extends Record<string, unknown>> {
  readonly title: string;
  readonly words: ReactNode;
  readonly settings: SettingsEntry;
  readonly valuesOf: (settings: SettingsEntry) => Values;
  /** It holds something that is never shown, so that what somebody else has changed of it cannot be seen by its values. */
  readonly hasSecret?: boolean;
  readonly mayChange: boolean;
  readonly validate?: (values: Values) => Partial<Record<keyof Values, string>>;
  /** What the values are on the wire; only the members that this card shows. */
  readonly patchOf: (values: Values) => SettingsPatch;
  readonly children: (form: UseFormReturnType<Values>) => ReactNode;
}

/** What settings are called where somebody else has changed them. */
const FIELD_WORDS: Record<keyof Omit<SettingsEntry, "version">, string> = {
  key_days_max: "longest lifetime",
  non_expiring_keys: "non-expiring keys",
  non_expiring_roles: "who may make non-expiring keys",
  insecure_transport: "plain http at the REST API",
  insecure_transport_dialect: "plain http at the JSON-RPC API",
  public_url: "public address",
  client_certificate: "certificate that clients see",
  session_idle_minutes: "idle limit of sessions",
  session_hours: "absolute limit of sessions",
  docs: "who may read the documentation",
  webhook_url: "webhook address",
  webhook_secret_set: "webhook secret",
};

/**
 * A few settings that are saved together: only those that were changed here, and on the version that they were changed on.
 */
export function SettingsCard<Values extends Record<string, unknown>>(props: SettingsCardProps<Values>) {
  const {
    title,
    words,
    settings,
    valuesOf,
    hasSecret = false,
    mayChange,
    validate,
    patchOf,
    children,
  } = props;
  const queries = useQueryClient();
  const edited = useEdited(settings, (one) => valuesOf(one ?? settings));
  const { before } = edited;
  const form = useForm<Values>({ initialValues: before, validate: validate as never });
  const show = (next: SettingsEntry): void => {
    const values = valuesOf(next);
    form.setInitialValues(values);
    form.setValues(values);
    edited.moveTo(next);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another's change is taken, one's own typing kept
  useEffect(() => {
    if (!form.isDirty()) show(settings);
    else if (!hasSecret && isSame(valuesOf(settings), before)) edited.moveTo(settings);
  }, [settings]);
  const save = useChange<Values, SaveOutcome<SettingsEntry, SettingsEntry>>({
    run: (wanted, once) =>
      saveOn({
        base: edited.base,
        save: () => update(wanted, once),
        read: () => call("settings.get", undefined, { signal: once.signal }),
      }),
    onDone: (outcome, _, wasUnknown) => {
      if ("theirs" in outcome) return edited.meet(outcome.theirs, wasUnknown);
      const { saved } = outcome;
      show(saved);
      queries.setQueryData(["settings"], saved);
      void queries.invalidateQueries({ queryKey: ["session"] });
      showDone("Settings saved.");
    },
    onFault: (error) =>
      placeFaults(error, form, Object.fromEntries(Object.keys(before).map((name) => [name, name]))),
  });
  const update = (wanted: Values, once: IdempotentRequest): Promise<SettingsEntry> => {
    const changed = changedOf(patchOf(wanted), patchOf(before));
    return call("settings.update", { body: { ...changed, version: edited.base?.version } }, once);
  };
  const isDirty = form.isDirty();
  useHold({ change: save, isDirty: isDirty && mayChange });
  const submit = (wanted: Values): void => {
    if (isDirty) save.send(wanted);
  };
  return (
    <section className="card">
      <h2>{title}</h2>
      <p className="muted">{words}</p>
      <form noValidate onSubmit={form.onSubmit(submit, focusFirstError)}>
        <fieldset className="plain-fields" disabled={!mayChange}>
          <legend className="visually-hidden">{title}</legend>
          <Stack gap="md">
            <Fields change={save} gap="md">
              {children(form)}
              <ConflictNote
                what="the settings"
                edited={edited}
                words={FIELD_WORDS}
                onTake={(theirs) => edited.take(theirs, form)}
              />
            </Fields>
            <Trouble change={save} />
            {mayChange ? (
              <Group gap="sm">
                <SubmitButton isPending={save.isPending} isIdle={!isDirty}>
                  Save
                </SubmitButton>
                {isDirty && (
                  <Button
                    variant="default"
                    onClick={() => (save.isPending ? save.sayWaiting() : form.reset())}
                  >
                    Undo changes
                  </Button>
                )}
              </Group>
            ) : (
              <p className="muted">Only a full administrator changes these.</p>
            )}
          </Stack>
        </fieldset>
      </form>
    </section>
  );
}
