import { Button, Group, Modal, PasswordInput, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { focusFirstError, showDone, showFaults } from "../form/faults.ts";
import { useFocusBack } from "../form/use-focus-back.ts";
import { PASSWORD_HINT, passwordFault } from "../signing/password-rules.ts";
import type { User } from "./user-columns.tsx";

/** Gives somebody else a password. His sessions end by it. */
export function SetPassword({ user, onClose }: { readonly user: User; readonly onClose: () => void }) {
  useFocusBack();
  const queries = useQueryClient();
  const form = useForm({ initialValues: { password: "" }, validate: { password: passwordFault } });
  const save = useMutation({
    mutationFn: ({ password }: { password: string }) =>
      call("users.setPassword", { name: user.username, body: { password } }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["users"] });
      void queries.invalidateQueries({ queryKey: ["user"] });
      showDone(`${user.username} has a new password. Open sessions have ended.`);
      onClose();
    },
    onError: (error) => showFaults(error, form, { password: "password" }),
  });
  return (
    <Modal opened onClose={onClose} title="Set Password" withCloseButton={false} size="sm">
      <form onSubmit={form.onSubmit((values) => save.mutate(values), focusFirstError)} noValidate>
        <Stack gap="md">
          <PasswordInput
            label="New password"
            description={`For ${user.username}. ${PASSWORD_HINT}`}
            autoComplete="new-password"
            data-autofocus
            visibilityToggleButtonProps={{ "aria-label": "Show password", tabIndex: 0 }}
            {...form.getInputProps("password")}
          />
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={save.isPending}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
