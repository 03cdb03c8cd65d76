import type { InputOf, OutputOf } from "@chatelaine/contract/operations/operations";
import { Button, Group, Stack } from "@mantine/core";
import { type UseFormReturnType, useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { call } from "../api/call.ts";
import { focusFirstError, showDone, showFaults } from "../form/faults.ts";

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
  const save = useMutation({
    mutationFn: (wanted: Values) => call("settings.update", { body: patchOf(wanted) }),
    onSuccess: (saved, wanted) => {
      form.setInitialValues(wanted);
      form.reset();
      queries.setQueryData(["settings"], saved);
      void queries.invalidateQueries({ queryKey: ["session"] });
      showDone("The settings hold from now on.");
    },
    onError: (error) =>
      showFaults(error, form, Object.fromEntries(Object.keys(values).map((name) => [name, name]))),
  });
  return (
    <section className="card">
      <h2>{title}</h2>
      <p className="muted">{words}</p>
      <form noValidate onSubmit={form.onSubmit((wanted) => save.mutate(wanted), focusFirstError)}>
        <fieldset className="plain-fields" disabled={!mayChange}>
          <legend className="visually-hidden">{title}</legend>
          <Stack gap="md">
            {children(form)}
            {mayChange ? (
              <Group gap="sm">
                <Button type="submit" disabled={!form.isDirty()} loading={save.isPending}>
                  Save
                </Button>
                {form.isDirty() && (
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
