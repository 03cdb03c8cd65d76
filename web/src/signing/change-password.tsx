import { Button, Group, PasswordInput, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { call } from "../api/call.ts";
import { problemOf } from "../api/problem.ts";
import { useMe } from "../api/session.ts";
import { Dialog } from "../form/dialog.tsx";
import { focusFirstError, placeFaults } from "../form/faults.ts";
import { Fields } from "../form/fields.tsx";
import { SubmitButton } from "../form/submit-button.tsx";
import { Trouble } from "../form/trouble.tsx";
import { useGuard } from "../form/unsaved.tsx";
import { useChange } from "../form/use-change.ts";
import { showDone } from "../notices/notices.ts";
import { PASSWORD_HINT, passwordFault } from "./password-rules.ts";

/** The first attempt was made, and its answer lost: then the password that was the current one is not any more. */
const CHANGED_BEFORE =
  "This is refused now. The new password may be yours already: sign in with it to find out.";
const TOGGLE = { "aria-label": "Show password", tabIndex: 0 } as const;

export function ChangePassword({ onClose }: { readonly onClose: () => void }) {
  const { user } = useMe();
  const form = useForm({
    initialValues: { current: "", next: "", again: "" },
    validate: {
      current: (value) => (value === "" ? "Type the password you have now." : null),
      next: passwordFault,
      again: (value, values) => (value === values.next ? null : "The two are not the same."),
    },
  });
  const change = useChange({
    repeated: "Try again: if your current password is refused then, the new one is yours already.",
    run: ({ current, next }: typeof form.values, { signal }) =>
      call(
        "users.setPassword",
        { name: user.username, body: { password: next, current_password: current } },
        { signal },
      ),
    onDone: () => {
      showDone("Your password is changed. Your other sessions have ended.");
      onClose();
    },
    onFault: (error, wasUnknown) => {
      const { code, errors } = problemOf(error);
      if (errors.length > 0 || code !== "forbidden")
        return placeFaults(error, form, { password: "next", current_password: "current" });
      form.setFieldError("current", wasUnknown ? CHANGED_BEFORE : "That is not the password you have now.");
      focusFirstError();
      return true;
    },
  });
  const guard = useGuard({ change, isDirty: form.isDirty(), onClose });
  return (
    <Dialog title="Change Password" size="sm" onClose={guard.close}>
      <form onSubmit={form.onSubmit((values) => change.send(values), focusFirstError)} noValidate>
        <Stack gap="md">
          <input type="hidden" autoComplete="username" value={user.username} readOnly />
          <Fields change={change} gap="md">
            <PasswordInput
              label="Current password"
              autoComplete="current-password"
              visibilityToggleButtonProps={TOGGLE}
              data-autofocus
              {...form.getInputProps("current")}
            />
            <PasswordInput
              label="New password"
              description={PASSWORD_HINT}
              autoComplete="new-password"
              visibilityToggleButtonProps={TOGGLE}
              {...form.getInputProps("next")}
            />
            <PasswordInput
              label="New password again"
              autoComplete="new-password"
              visibilityToggleButtonProps={TOGGLE}
              {...form.getInputProps("again")}
            />
          </Fields>
          <Trouble change={change} />
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={guard.close}>
              Cancel
            </Button>
            <SubmitButton isPending={change.isPending}>Save</SubmitButton>
          </Group>
        </Stack>
      </form>
      {guard.question}
    </Dialog>
  );
}
