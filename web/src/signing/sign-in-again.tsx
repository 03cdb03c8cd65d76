import { useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useRef } from "react";
import { useStage } from "../form/stages.ts";
import { landing } from "../frame/places.ts";
import { useTitle } from "../frame/title.ts";
import { Door } from "./door.tsx";
import { SignInForm } from "./sign-in-form.tsx";

/** Over a screen whose session has ended. The same user goes on where they were; another one begins at the start. */
export function SignInAgain({ username }: { readonly username: string }) {
  useTitle("Sign in");
  const queries = useQueryClient();
  const router = useRouter();
  const page = useRef<HTMLDivElement>(null);
  useStage(() => page.current);
  return (
    <div className="again" ref={page}>
      <Door
        title="Your session has ended"
        words="Sign in again to go on where you were. Nothing you typed is lost."
      >
        <SignInForm
          username={username}
          onSignedIn={(me) => {
            if (me.user.username !== username) return location.assign("/");
            const here = router.history.location.href;
            const to = landing(me, here);
            // They may see less than before.
            if (to !== here) router.history.push(to);
            void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "session" });
          }}
        />
      </Door>
    </div>
  );
}
