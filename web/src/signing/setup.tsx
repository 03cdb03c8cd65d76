import { PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { call } from "../api/call.ts";
import { isOutcomeUnknown, problemOf } from "../api/problem.ts";
import { isSignedIn, sessionQuery } from "../api/session.ts";
import { focusFirstError, placeFaults } from "../form/faults.ts";
import { nameFault } from "../form/name-fault.ts";
import { SubmitButton } from "../form/submit-button.tsx";
import { Trouble } from "../form/trouble.tsx";
import { useChange } from "../form/use-change.ts";
import { Note } from "../frame/note.tsx";
import { useTitle } from "../frame/title.ts";
import { Door } from "./door.tsx";
import { FirstHolder } from "./first-holder.tsx";
import { PASSWORD_HINT, passwordFault } from "./password-rules.ts";

/**
 * Out of the fragment, which no server and no log ever sees, and out of the address at once. This tab's entry keeps it, so that
 * a reload still has it.
 */
function takeToken(): string {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  const kept: unknown = history.state?.setupToken;
  const token = given ?? (typeof kept === "string" ? kept : "");
  if (location.hash !== "")
    history.replaceState({ ...history.state, setupToken: token }, "", location.pathname);
  return token;
}

/** First start: the one-time link makes the first administrator, who then may make a first user for services. */
export function Setup() {
  useTitle("Setup");
  const [token] = useState(takeToken);
  const [isMade, setMade] = useState(false);
  const setup = useQuery({ queryKey: ["setup"], queryFn: ({ signal }) => call("setup.get", {}, { signal }) });
  const { data: who } = useQuery(sessionQuery);
  if (isMade && isSignedIn(who)) return <FirstHolder username={who.user.username} />;
  if (setup.data && !setup.data.needed && !isMade) return <AlreadySet />;
  if (token === "") return <LinkMissing />;
  return <FirstAdministrator token={token} onMade={() => setMade(true)} />;
}

function AlreadySet() {
  return (
    <Door title="Setup is done" words="This installation has its administrator.">
      <Link to="/sign-in" search={{}}>
        To the sign-in
      </Link>
    </Door>
  );
}

function LinkMissing() {
  return (
    <Door
      title="Welcome to Chatelaine"
      words="There is no user yet. The first administrator is made by the one-time link that the server printed when it started."
    >
      <Stack gap="sm">
        <p>Open that link, or have a new one printed on the machine:</p>
        <pre className="code-block">
          <code>chatelaine setup-link</code>
        </pre>
      </Stack>
    </Door>
  );
}

function FirstAdministrator({ token, onMade }: { readonly token: string; readonly onMade: () => void }) {
  const queries = useQueryClient();
  const [isDead, setDead] = useState(false);
  const mayBeMade = useRef(false);
  const form = useForm({
    initialValues: { username: "", full_name: "", password: "", again: "" },
    validate: {
      username: nameFault,
      password: passwordFault,
      again: (value, values) => (value === values.password ? null : "The two are not the same."),
    },
  });
  const make = useChange({
    tried: "do",
    run: async ({ username, full_name, password }: typeof form.values) => {
      await call("setup.create", { body: { token, username, password, full_name } }).catch((error) => {
        // The first try may have made them, and its answer was lost: then the sign-in succeeds.
        if (!mayBeMade.current || problemOf(error).errors.length > 0) throw error;
      });
      mayBeMade.current = true;
      return call("session.create", { body: { username, password } });
    },
    onDone: (me) => {
      onMade();
      queries.setQueryData(sessionQuery.queryKey, me);
    },
    onFault: (error) => {
      if (isOutcomeUnknown(error)) mayBeMade.current = true;
      const { code, errors } = problemOf(error);
      const isLinkDead = errors.length === 0 && ["forbidden", "not_authenticated", "conflict"].includes(code);
      if (isLinkDead) setDead(true);
      return (
        isLinkDead ||
        placeFaults(error, form, { username: "username", password: "password", full_name: "full_name" })
      );
    },
  });
  return (
    <Door
      title="Make the first administrator"
      words="A full administrator may do everything here: make users and keys, and take them away."
    >
      <form onSubmit={form.onSubmit((values) => make.send(values), focusFirstError)} noValidate>
        <Stack gap="md">
          {isDead && (
            <Note tone="bad" title="This link does not work any more" isAlert>
              It holds for an hour, and once. Have a new one printed: <code>chatelaine setup-link</code>
            </Note>
          )}
          <Trouble change={make} />
          <TextInput
            label="Username"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            autoFocus
            {...form.getInputProps("username")}
          />
          <TextInput
            label="Full name"
            description="May be left empty."
            autoComplete="name"
            {...form.getInputProps("full_name")}
          />
          <PasswordInput
            label="Password"
            description={PASSWORD_HINT}
            autoComplete="new-password"
            visibilityToggleButtonProps={{ "aria-label": "Show password", tabIndex: 0 }}
            {...form.getInputProps("password")}
          />
          <PasswordInput
            label="Password again"
            autoComplete="new-password"
            visibilityToggleButtonProps={{ "aria-label": "Show repeated password", tabIndex: 0 }}
            {...form.getInputProps("again")}
          />
          <SubmitButton isPending={make.isPending} fullWidth>
            Make administrator
          </SubmitButton>
        </Stack>
      </form>
    </Door>
  );
}
