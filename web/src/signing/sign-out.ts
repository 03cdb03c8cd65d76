/** Apart from the menu that offers it, which is no part of signing in and out. */
import { call } from "../api/call.ts";
import { mayLeave } from "../form/held.ts";
import { showProblem } from "../notices/notices.ts";

/** Ends the session and leaves nothing of it in the page's memory. */
export async function signOut(): Promise<void> {
  if (!(await mayLeave())) return;
  try {
    await call("session.remove");
    location.assign("/sign-in");
  } catch (error) {
    showProblem(error, "do", () => void signOut());
  }
}
