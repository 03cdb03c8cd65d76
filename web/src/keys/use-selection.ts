import { useEffect, useMemo, useState } from "react";
import type { Selection } from "../table/data-table.tsx";
import type { KeyEntry } from "./key.ts";

interface SelectionState {
  /** As they are now, so far as they are in view. */
  readonly chosen: readonly KeyEntry[];
  readonly clear: () => void;
  readonly forTable: Selection;
}

const NOTHING: ReadonlyMap<string, KeyEntry> = new Map();

interface SelectionWanted {
  readonly rows: readonly KeyEntry[] | undefined;
  /** Another question to the server begins with nothing ticked: nobody ends keys that they do not see. */
  readonly question: object;
  readonly mayTick: (key: KeyEntry) => boolean;
}

/** Which rows are ticked. */
export function useSelection({ rows, question, mayTick }: SelectionWanted): SelectionState {
  const [ticked, setTicked] = useState(NOTHING);
  const asked = JSON.stringify(question);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another question is what clears it
  useEffect(() => setTicked(NOTHING), [asked]);
  return useMemo(() => {
    const shown = new Map((rows ?? []).filter(mayTick).map((key) => [String(key.id), key]));
    const chosen = [...ticked.keys()].flatMap((id) => shown.get(id) ?? []);
    return {
      chosen,
      clear: () => setTicked(NOTHING),
      forTable: {
        ids: new Set(chosen.map(({ id }) => String(id))),
        mayTick: (id) => shown.has(id),
        toggle: (id) => {
          const next = new Map(ticked);
          const key = shown.get(id);
          if (!next.delete(id) && key) next.set(id, key);
          setTicked(next);
        },
        toggleAll: (isWanted) => setTicked(isWanted ? shown : NOTHING),
      },
    };
  }, [rows, ticked, mayTick]);
}
