import { Button, Group, PasswordInput, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { Dialog } from "../form/dialog.tsx";
import { focusFirstError, placeFaults } from "../form/faults.ts";
import { Fields } from "../form/fields.tsx";
import { SubmitButton } from "../form/submit-button.tsx";
import { Trouble } from "../form/trouble.tsx";
import { useGuard } from "../form/unsaved.tsx";
import { useChange } from "../form/use-change.ts";
import { showDone } from "../notices/notices.ts";
import { PASSWORD_HINT, passwordFault } from "../signing/password-rules.ts";
import { useUserNow } from "./as-now.ts";
import type { UserEntry } from "./user.ts";
import { UserGone } from "./user-gone.tsx";

/** Gives somebody else a password. Their sessions end by it. */
export function SetPassword({ user, onClose }: { readonly user: UserEntry; readonly onClose: () => void }) {
  const queries = useQueryClient();
  const found = useUserNow(user);
  const { username } = found.data ?? user;
  const wasGone = found.data === null;
  const form = useForm({ initialValues: { password: "" }, validate: { password: passwordFault } });
  const save = useChange({
    repeated: "Trying again is safe: it sets the same password.",
    run: (password: string, { signal }) =>
      call("users.setPassword", { name: username, body: { password } }, { signal }),
    onDone: () => {
      void queries.invalidateQueries({ queryKey: ["users"] });
      void queries.invalidateQueries({ queryKey: ["user"] });
      showDone(`${username} has a new password. Open sessions have ended.`);
      onClose();
    },
    onFault: (error) => placeFaults(error, form, { password: "password" }),
  });
  const guard = useGuard({ change: save, isDirty: form.isDirty(), onClose });
  return (
    <Dialog title="Set Password" size="sm" onClose={guard.close}>
      <form onSubmit={form.onSubmit((values) => save.send(values.password), focusFirstError)} noValidate>
        <Stack gap="md">
          {wasGone && <UserGone />}
          <Fields change={save} gap="md">
            <PasswordInput
              label="New password"
              description={`For ${username}, whose open sessions end. ${PASSWORD_HINT}`}
              autoComplete="new-password"
              data-autofocus
              visibilityToggleButtonProps={{ "aria-label": "Show password", tabIndex: 0 }}
              {...form.getInputProps("password")}
            />
          </Fields>
          <Trouble change={save} />
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={guard.close}>
              {wasGone ? "Close" : "Cancel"}
            </Button>
            {!wasGone && <SubmitButton isPending={save.isPending}>Save</SubmitButton>}
          </Group>
        </Stack>
      </form>
      {guard.question}
    </Dialog>
  );
}
