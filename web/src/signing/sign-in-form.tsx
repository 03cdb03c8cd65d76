import { PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/call.ts";
import { problemOf, sayProblem } from "../api/problem.ts";
import { type Me, sessionQuery } from "../api/session.ts";
import { focusFirstError } from "../form/faults.ts";
import { SubmitButton } from "../form/submit-button.tsx";
import { Note } from "../frame/note.tsx";

interface SignInFormProps {
  readonly username?: string;
  readonly onSignedIn: (me: Me) => void;
}

export function SignInForm({ username = "", onSignedIn }: SignInFormProps) {
  const queries = useQueryClient();
  const [refusal, setRefusal] = useState<{ title: string; words: string }>();
  const form = useForm({
    initialValues: { username, password: "" },
    validate: {
      username: (value) => (value.trim() === "" ? "Type your user name." : null),
      password: (value) => (value === "" ? "Type your password." : null),
    },
  });
  const signIn = useMutation({
    mutationFn: (values: typeof form.values) =>
      call("session.create", { body: { username: values.username.trim(), password: values.password } }),
    onMutate: () => setRefusal(undefined),
    onSuccess: (me) => {
      queries.setQueryData(sessionQuery.queryKey, me);
      onSignedIn(me);
    },
    onError: (error) => {
      if (isWrong(error)) form.setFieldValue("password", "");
      setRefusal(sayRefusal(error));
      document.querySelector<HTMLElement>("input[name=password]")?.focus();
    },
  });
  return (
    <form
      onSubmit={form.onSubmit((values) => {
        if (!signIn.isPending) signIn.mutate(values);
      }, focusFirstError)}
      noValidate
    >
      <Stack gap="md">
        {refusal && (
          <Note tone="bad" title={refusal.title} isAlert>
            {refusal.words}
          </Note>
        )}
        <TextInput
          label="Username"
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus={username === ""}
          {...form.getInputProps("username")}
        />
        <PasswordInput
          label="Password"
          name="password"
          autoComplete="current-password"
          autoFocus={username !== ""}
          visibilityToggleButtonProps={{ "aria-label": "Show password", tabIndex: 0 }}
          {...form.getInputProps("password")}
        />
        <SubmitButton isPending={signIn.isPending} fullWidth>
          Sign In
        </SubmitButton>
      </Stack>
    </form>
  );
}

function isWrong(error: unknown): boolean {
  return problemOf(error).code === "not_authenticated";
}

function sayRefusal(error: unknown): { title: string; words: string } {
  const { code } = problemOf(error);
  if (isWrong(error))
    return { title: "That did not match", words: "Check the user name and the password, and try again." };
  if (code === "insecure_transport")
    return {
      title: "This connection is not private",
      words: "Sign in by https, or by http on the machine itself.",
    };
  return sayProblem(error);
}
