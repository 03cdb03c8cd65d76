import { useEffect, useMemo, useState } from "react";
import type { Selection } from "../table/data-table.tsx";
import type { Key } from "./key.ts";

interface SelectionState {
  /** As they are now, so far as they are in view. */
  readonly chosen: readonly Key[];
  readonly clear: () => void;
  readonly forTable: Selection;
}

const NOTHING: ReadonlyMap<string, Key> = new Map();

/** Which rows are ticked. Another question to the server begins anew: nobody ends keys that he does not see. */
export function useSelection(rows: readonly Key[] | undefined, question: object): SelectionState {
  const [ticked, setTicked] = useState(NOTHING);
  const asked = JSON.stringify(question);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another question is what clears it
  useEffect(() => setTicked(NOTHING), [asked]);
  return useMemo(() => {
    const shown = new Map((rows ?? []).map((key) => [String(key.id), key]));
    const chosen = [...ticked.keys()].flatMap((id) => shown.get(id) ?? []);
    return {
      chosen,
      clear: () => setTicked(NOTHING),
      forTable: {
        ids: new Set(chosen.map(({ id }) => String(id))),
        toggle: (id) => {
          const next = new Map(ticked);
          const key = shown.get(id);
          if (!next.delete(id) && key) next.set(id, key);
          setTicked(next);
        },
        toggleAll: (isWanted) => setTicked(isWanted ? shown : NOTHING),
      },
    };
  }, [rows, ticked]);
}
