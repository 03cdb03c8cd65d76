/** What somebody who edits a key should know before it is saved. */

import { Button } from "@mantine/core";
import { serverNow } from "../api/server-clock.ts";
import { Note } from "../frame/note.tsx";
import { sayInstant } from "../time/instant.tsx";
import { formerLifetimeEnd, type KeyEntry } from "./key.ts";
import { type KeyValues, localText } from "./key-values.ts";
import { LastUse, useFreshKey } from "./what-stops.tsx";

/** A reset kills what runs with the old key: by what the server knows of it at this moment. */
export function ResetNote({ id }: { readonly id: number }) {
  const key = useFreshKey(id);
  const isIdle = key.data !== undefined && key.data.last_used_at === null;
  return (
    <div className="under">
      <Note tone={isIdle ? "info" : "soon"}>
        <LastUse query={key} />
        {!isIdle && <p>Anything still using the old key will stop working when you save.</p>}
      </Note>
    </div>
  );
}

interface ExpiredNoteProps {
  readonly row: KeyEntry;
  readonly values: KeyValues;
  readonly before: KeyValues;
  readonly onPropose: (local: string) => void;
}

/** An expired key that gets a later end is the old string again. */
export function ExpiredNote({ row, values, before, onPropose }: ExpiredNoteProps) {
  const isOver = row.expires_at !== null && new Date(row.expires_at).getTime() <= serverNow();
  if (!isOver) return null;
  const end = formerLifetimeEnd(row, serverNow());
  const isExtended = values.nonExpiring || values.expiresAt !== before.expiresAt;
  return (
    <div className="under">
      <Note
        tone="soon"
        title={
          isExtended ? "The old key will work again" : `This key expired ${sayInstant(row.expires_at ?? "")}`
        }
      >
        <p>
          {isExtended
            ? "It is the same string as before. Tick Reset if somebody else may know it."
            : "With a later expiry date the same key works again. Tick Reset for a new one."}
        </p>
        {end !== undefined && !isExtended && (
          <Button size="compact-sm" variant="default" mt={8} onClick={() => onPropose(localText(end))}>
            As long again: until {sayInstant(end.getTime())}
          </Button>
        )}
      </Note>
    </div>
  );
}
