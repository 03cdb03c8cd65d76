import { Note } from "../frame/note.tsx";

/** The server keeps the last one who may do everything; so it is said before anything is filled in. */
export function LastAdmin() {
  return (
    <Note tone="bad" title="This is the last full administrator">
      Make somebody else a full administrator first.
    </Note>
  );
}
