import { Button, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useNavigate } from "@tanstack/react-router";
import { call } from "../api/call.ts";
import { focusFirstError, placeFaults } from "../form/faults.ts";
import { nameFault } from "../form/name-fault.ts";
import { SubmitButton } from "../form/submit-button.tsx";
import { Trouble } from "../form/trouble.tsx";
import { useChange } from "../form/use-change.ts";
import { Note } from "../frame/note.tsx";
import { Door } from "./door.tsx";

/** After the first administrator: somebody whom the keys of services can belong to. */
export function FirstHolder({ username }: { readonly username: string }) {
  const navigate = useNavigate();
  const form = useForm({
    initialValues: { username: "services" },
    validate: {
      username: nameFault,
    },
  });
  const leave = (): void => void navigate({ to: "/keys", search: {} });
  const make = useChange({
    run: (values: typeof form.values, once) =>
      call(
        "users.create",
        { body: { username: values.username, full_name: "Keys of services", roles: ["KEY_HOLDER"] } },
        once,
      ),
    onDone: leave,
    onFault: (error) => placeFaults(error, form, { username: "username" }),
  });
  return (
    <Door
      title="A user for services"
      words={`A key acts as the user it belongs to. A key of ${username} may do everything here; a service should have less.`}
    >
      <form onSubmit={form.onSubmit((values) => make.send(values), focusFirstError)} noValidate>
        <Stack gap="md">
          <Note tone="info" title="Key holder">
            This user may hold keys and nothing else, and cannot sign in until you give it a password. More
            such users can be made at any time under Users.
          </Note>
          <TextInput
            label="Username"
            autoComplete="off"
            spellCheck={false}
            {...form.getInputProps("username")}
          />
          <Trouble change={make} />
          <SubmitButton isPending={make.isPending} fullWidth>
            Make key holder
          </SubmitButton>
          <Button variant="subtle" fullWidth onClick={leave}>
            Skip this
          </Button>
        </Stack>
      </form>
      <p className="small muted door-foot">
        Other machines may not trust this server's certificate yet.{" "}
        <a href="/certificate">What to do about it</a>
      </p>
    </Door>
  );
}
