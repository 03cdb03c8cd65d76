import { useQueryClient } from "@tanstack/react-query";
import { useRouter, useSearch } from "@tanstack/react-router";
import { useTitle } from "../frame/title.ts";
import { Door } from "./door.tsx";
import { SignInForm } from "./sign-in-form.tsx";

export function SignIn() {
  useTitle("Sign in");
  const { to } = useSearch({ from: "/sign-in" });
  const router = useRouter();
  const queries = useQueryClient();
  return (
    <Door title="Sign in" words="The keys of this installation, and who may use them.">
      <SignInForm
        onSignedIn={() => {
          void queries.invalidateQueries({
            refetchType: "none",
            predicate: ({ queryKey }) => queryKey[0] !== "session",
          });
          router.history.push(ownPath(to));
        }}
      />
    </Door>
  );
}

/** An address of ours, whatever somebody put into the link. */
function ownPath(to: string | undefined): string {
  if (to === undefined || !URL.canParse(to, location.origin)) return "/keys";
  const url = new URL(to, location.origin);
  return url.origin === location.origin && !url.pathname.startsWith("/sign-in")
    ? to.replace(/^[/\\]+/, "/")
    : "/keys";
}
