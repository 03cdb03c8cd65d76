import { Button } from "@mantine/core";
import { Note } from "../frame/note.tsx";
import { isSame } from "./changes.ts";
import type { Edited } from "./edited.ts";

interface ConflictNoteProps<Row> {
  /** Such as `this key`. */
  readonly what: string;
  readonly edited: Pick<Edited<Row, never>, "base" | "theirs" | "isPerhapsOwn">;
  /** What each member of it is called. */
  readonly words: Partial<Readonly<Record<keyof Row & string, string>>>;
  readonly onTake: (theirs: Row) => void;
}

/** Two who edit the same: the second learns what the first has changed, and loses nothing. */
export function ConflictNote<Row extends object>({ what, edited, words, onTake }: ConflictNoteProps<Row>) {
  const { base, theirs, isPerhapsOwn } = edited;
  if (base === undefined || theirs === undefined) return null;
  const names = Object.keys(words) as (keyof Row & string)[];
  const changed = names.filter((name) => !isSame(theirs[name], base[name])).map((name) => words[name]);
  const title = isPerhapsOwn
    ? `${what[0]?.toUpperCase()}${what.slice(1)} ${what.startsWith("the ") ? "were" : "was"} changed meanwhile, perhaps by your first try`
    : `Somebody else changed ${what} meanwhile`;
  return (
    <Note tone="soon" title={title} isAlert>
      <p>
        {changed.length > 0 && `Changed: ${[...new Set(changed)].join(", ")}. `}
        What you typed is still here.
      </p>
      <Button size="compact-sm" variant="default" mt={8} onClick={() => onTake(theirs)}>
        Take their changes, keep mine
      </Button>
    </Note>
  );
}
