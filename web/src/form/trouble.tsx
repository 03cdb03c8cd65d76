import { Button } from "@mantine/core";
import { Note } from "../frame/note.tsx";
import type { Change } from "./use-change.ts";

/** In a form or dialog: what went wrong with its change, and another try where that helps. */
export function Trouble({ change }: { readonly change: Pick<Change<never>, "trouble" | "again"> }) {
  const { trouble, again } = change;
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
