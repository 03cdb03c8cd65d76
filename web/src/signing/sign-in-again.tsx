import { useQueryClient } from "@tanstack/react-query";
import { useTitle } from "../frame/title.ts";
import { Door } from "./door.tsx";
import { SignInForm } from "./sign-in-form.tsx";

/** Over a screen whose session has ended. The same user goes on where he was; another one begins anew. */
export function SignInAgain({ username }: { readonly username: string }) {
  useTitle("Sign in");
  const queries = useQueryClient();
  return (
    <div className="again">
      <Door
        title="Your session has ended"
        words="Sign in again to go on where you were. Nothing you typed is lost."
      >
        <SignInForm
          username={username}
          onSignedIn={(me) => {
            if (me.user.username !== username) return location.assign("/");
            void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "session" });
          }}
        />
      </Door>
    </div>
  );
}
