import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import { call } from "../api/call.ts";
import { noteEnd } from "../api/queries.ts";
import { useIsHere } from "../form/use-is-here.ts";
import { showDone, showProblem, showTrouble } from "../notices/notices.ts";
import type { KeyEntry, MadeKey } from "./key.ts";
import type { KeyAction } from "./key-actions.tsx";
import type { KeysSearch } from "./keys-search.ts";
import { forgetKey } from "./save-key.ts";

type KeyTask =
  | { readonly kind: "add" }
  | { readonly kind: "edit"; readonly row: KeyEntry; readonly resets: boolean }
  | { readonly kind: "show"; readonly made: MadeKey }
  | { readonly kind: "revoke"; readonly keys: readonly KeyEntry[] }
  | { readonly kind: "delete"; readonly keys: readonly KeyEntry[] };

export interface KeyTaskState {
  readonly task: KeyTask | undefined;
  /** The key made last, which stays in view. */
  readonly madeId: number | undefined;
  readonly start: (task: KeyTask) => void;
  readonly end: () => void;
  readonly keepInView: (id: number | undefined) => void;
  readonly act: (action: KeyAction, key: KeyEntry) => void;
}

const OPPOSITE = { pause: "resume", resume: "pause" } as const;
const DONE = { pause: "paused", resume: "resumed" } as const;

function forgetUnseen(made: MadeKey): void {
  forgetKey(made);
  showTrouble("A key was made that nobody has seen", `Reset ${made.name} to see a key, or delete it.`);
}

/** What is being done on the screen right now: one thing at a time. */
export function useKeyTask(change: (change: Partial<KeysSearch>) => void): KeyTaskState {
  const queries = useQueryClient();
  const [task, setTask] = useState<KeyTask>();
  const [madeId, setMadeId] = useState<number>();
  const hold = useCallback(
    async (action: "pause" | "resume", key: KeyEntry, isUndo = false): Promise<void> => {
      try {
        await call(`keys.${action}`, { id: key.id });
        const undo = { label: "Undo", run: () => void hold(OPPOSITE[action], key, true) } as const;
        showDone(`${key.name} ${DONE[action]}.`, isUndo ? undefined : undo);
      } catch (error) {
        noteEnd(error);
        showProblem(error, "do", () => void hold(action, key, isUndo), `${key.name} was ${DONE[action]}`);
      }
      void queries.invalidateQueries({ queryKey: ["keys"] });
      void queries.invalidateQueries({ queryKey: ["key"] });
    },
    [queries],
  );
  const act = useCallback(
    (action: KeyAction, key: KeyEntry): void => {
      if (action === "details") change({ key: key.id });
      else if (action === "pause" || action === "resume") void hold(action, key);
      else if (action === "edit" || action === "reset")
        setTask({ kind: "edit", row: key, resets: action === "reset" });
      else setTask({ kind: action, keys: [key] });
    },
    [change, hold],
  );
  const isHere = useIsHere();
  const start = useCallback(
    (next: KeyTask): void => {
      setTask(next);
      // Somebody left while it was made, and said so.
      if (!isHere.current && next.kind === "show") forgetUnseen(next.made);
    },
    [isHere],
  );
  return { task, madeId, start, end: () => setTask(undefined), keepInView: setMadeId, act };
}
