import { useQueryClient } from "@tanstack/react-query";
import { useRouter, useSearch } from "@tanstack/react-router";
import { landing } from "../frame/places.ts";
import { useTitle } from "../frame/title.ts";
import { Door } from "./door.tsx";
import { SignInForm } from "./sign-in-form.tsx";

export function SignIn() {
  useTitle("Sign in");
  const { to } = useSearch({ from: "/sign-in" });
  const router = useRouter();
  const queries = useQueryClient();
  return (
    <Door title="Sign in" words="Sign in to manage the API keys of this installation.">
      <SignInForm
        onSignedIn={(me) => {
          void queries.invalidateQueries({
            refetchType: "none",
            predicate: ({ queryKey }) => queryKey[0] !== "session",
          });
          // Back leads to where they were before, not to a sign-in that is done.
          router.history.replace(landing(me, to));
        }}
      />
    </Door>
  );
}
