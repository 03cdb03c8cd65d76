/** Alone because the list of users and the dialog that locks one unlock alike. */
import { useQueryClient } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { noteEnd } from "../api/queries.ts";
import { showDone, showProblem } from "../notices/notices.ts";
import type { UserEntry } from "./user.ts";

/** @returns unlocks at once: it takes nothing away */
export function useUnlock(): (user: Pick<UserEntry, "username">, isUndo?: boolean) => void {
  const queries = useQueryClient();
  const unlock = async (user: Pick<UserEntry, "username">, isUndo = false): Promise<void> => {
    try {
      await call("users.unlock", { name: user.username });
      showDone(`${user.username} unlocked${isUndo ? " again" : ""}.`);
    } catch (error) {
      noteEnd(error);
      showProblem(error, "do", () => void unlock(user, isUndo), `${user.username} was unlocked`);
    }
    for (const name of ["users", "user", "keys", "key"]) void queries.invalidateQueries({ queryKey: [name] });
  };
  return (user, isUndo) => void unlock(user, isUndo);
}
