import { useQueryClient } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { noteEnd } from "../api/queries.ts";
import { showDone, showProblem } from "../form/faults.ts";
import type { User } from "./user-columns.tsx";

export function useLock(): (action: "lock" | "unlock", user: User) => void {
  const queries = useQueryClient();
  return (action, user) => {
    call(`users.${action}`, { name: user.username })
      .then(() =>
        showDone(
          action === "lock"
            ? `${user.username} is locked: no sign-in, and no key works.`
            : `${user.username} is unlocked.`,
        ),
      )
      .catch((error: unknown) => {
        noteEnd(error);
        showProblem(error);
      })
      .finally(() => {
        for (const name of ["users", "user"]) void queries.invalidateQueries({ queryKey: [name] });
      });
  };
}
