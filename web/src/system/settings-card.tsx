import type { InputOf, OutputOf } from "@chatelaine/contract/operations/operations";
import { Button, Group, Stack } from "@mantine/core";
import { type UseFormReturnType, useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { call } from "../api/call.ts";
import { focusFirstError, placeFaults } from "../form/faults.ts";
import { SubmitButton } from "../form/submit-button.tsx";
import { Trouble } from "../form/trouble.tsx";
import { useUnsaved } from "../form/unsaved.tsx";
import { useChange } from "../form/use-change.ts";
import { showDone } from "../notices/notices.ts";

export type Settings = OutputOf<"settings.get">;
export type SettingsPatch = InputOf<"settings.update", "body">;

interface SettingsCardProps<Values extends Record<string, unknown>> {
  readonly title: string;
  readonly words: ReactNode;
  readonly values: Values;
  readonly mayChange: boolean;
  readonly validate?: (values: Values) => Partial<Record<keyof Values, string>>;
  /** What the values are on the wire; only the members that this card shows. */
  readonly patchOf: (values: Values) => SettingsPatch;
  readonly children: (form: UseFormReturnType<Values>) => ReactNode;
}

/** A few settings that are saved together. Saves nothing that it does not show, so that it undoes nobody's change. */
export function SettingsCard<Values extends Record<string, unknown>>(props: SettingsCardProps<Values>) {
  const { title, words, values, mayChange, validate, patchOf, children } = props;
  const queries = useQueryClient();
  const form = useForm<Values>({ initialValues: values, validate: validate as never });
  const stored = JSON.stringify(values);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another's change is taken, one's own typing kept
  useEffect(() => {
    if (form.isDirty()) return;
    form.setInitialValues(values);
    form.setValues(values);
  }, [stored]);
  const save = useChange({
    run: (wanted: Values) => call("settings.update", { body: patchOf(wanted) }),
    onDone: (saved, wanted) => {
      form.setInitialValues(wanted);
      form.reset();
      queries.setQueryData(["settings"], saved);
      void queries.invalidateQueries({ queryKey: ["session"] });
      showDone("Settings saved.");
    },
    onFault: (error) =>
      placeFaults(error, form, Object.fromEntries(Object.keys(values).map((name) => [name, name]))),
  });
  const isDirty = form.isDirty();
  useUnsaved(isDirty && mayChange);
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
            {children(form)}
            <Trouble change={save} />
            {mayChange ? (
              <Group gap="sm">
                <SubmitButton isPending={save.isPending} isIdle={!isDirty}>
                  Save
                </SubmitButton>
                {isDirty && (
                  <Button variant="default" onClick={() => form.reset()}>
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
