import { Button } from "@mantine/core";
import { CHANGE_MS_MAX } from "../api/call.ts";
import { Note } from "../frame/note.tsx";
import type { ChangeState } from "./use-change.ts";

/** In a form or dialog: that its change takes long, or what went wrong with it, and another try where that helps. */
export function Trouble({ change }: { readonly change: ChangeState }) {
  const { isPending, isSlow, trouble, again } = change;
  if (isPending && isSlow)
    return (
      <Note tone="info" title="Still waiting for the server" isAlert>
        It has not answered yet. This stays open until it does, for {CHANGE_MS_MAX / 1000} seconds at most.
      </Note>
    );
  if (trouble === undefined) return null;
  return (
    <Note tone="bad" title={trouble.title} isAlert>
      <p>{trouble.words}</p>
      {trouble.isUnknown && (
        <Button size="compact-sm" variant="default" mt={8} onClick={again}>
          Try again
        </Button>
      )}
    </Note>
  );
}
