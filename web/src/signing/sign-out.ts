import { useMutation } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { showProblem } from "../form/faults.ts";

/** Ends the session and leaves nothing of it in the page's memory. */
export function useSignOut() {
  return useMutation({
    mutationFn: () => call("session.remove"),
    onSuccess: () => location.assign("/sign-in"),
    onError: showProblem,
  });
}
