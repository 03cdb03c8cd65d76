import { Button, Group, Modal, PasswordInput, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { problemOf } from "../api/problem.ts";
import { useMe } from "../api/session.ts";
import { focusFirstError, showDone, showFaults } from "../form/faults.ts";
import { useFocusBack } from "../form/use-focus-back.ts";
import { PASSWORD_HINT, passwordFault } from "./password-rules.ts";

const TOGGLE = { "aria-label": "Show password", tabIndex: 0 } as const;

export default function ChangePassword({ onClose }: { readonly onClose: () => void }) {
  useFocusBack();
  const { user } = useMe();
  const form = useForm({
    initialValues: { current: "", next: "", again: "" },
    validate: {
      current: (value) => (value === "" ? "Type the password you have now." : null),
      next: passwordFault,
      again: (value, values) => (value === values.next ? null : "The two are not the same."),
    },
  });
  const change = useMutation({
    mutationFn: ({ current, next }: typeof form.values) =>
      call("users.setPassword", {
        name: user.username,
        body: { password: next, current_password: current },
      }),
    onSuccess: () => {
      showDone("Your password is changed. Your other sessions have ended.");
      onClose();
    },
    onError: (error) => {
      const { code, errors } = problemOf(error);
      if (errors.length === 0 && (code === "forbidden" || code === "not_authenticated"))
        return form.setFieldError("current", "That is not the password you have now.");
      showFaults(error, form, { password: "next", current_password: "current" });
    },
  });
  return (
    <Modal opened onClose={onClose} title="Change Password" withCloseButton={false} size="sm">
      <form onSubmit={form.onSubmit((values) => change.mutate(values), focusFirstError)} noValidate>
        <Stack gap="md">
          <input type="hidden" autoComplete="username" value={user.username} readOnly />
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
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={change.isPending}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
