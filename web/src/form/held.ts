/**
 * What would be lost by leaving: input that is not saved, the outcome of a change, and a key that is shown once, from the
 * press that makes it until it is taken. What holds such a thing says so here; `unsaved.tsx` asks for all of them.
 */
import { useEffect, useId, useRef } from "react";

/**
 * What is lost: a key in view, one that is being made or may have been made, a change without an answer, input that may or
 * may not be saved, input that is not. What weighs most comes first.
 */
const LOSSES = ["key", "making", "made", "sent", "unknown", "input"] as const;
export type Loss = (typeof LOSSES)[number];
/** Of the other losses the fields and the panel stay where only the address's filters change. */
const LOST_BY_ANY_ADDRESS: readonly Loss[] = ["key", "making", "made"];

interface Held {
  readonly loss: Loss;
  /** Somebody leaves all the same: what holds it goes, also where it would stay on another screen. */
  readonly onLeave: (() => void) | undefined;
  readonly isWord: boolean;
}

interface Holding {
  readonly loss?: Loss;
  /** It stands in a field, and its form does not know of it yet. */
  readonly isWord?: boolean;
  readonly onLeave?: () => void;
}

const held = new Map<string, Held>();
const watchers = new Set<() => void>();

function tell(): void {
  for (const watcher of watchers) watcher();
}

/** Calls it whenever something is held or let go, or is asked about. */
export function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Something is held until the caller says otherwise or goes. */
export function useUnsaved(isHeld: boolean, { loss = "input", isWord = false, onLeave }: Holding = {}): void {
  const id = useId();
  const leave = useRef(onLeave);
  leave.current = onLeave;
  useEffect(() => {
    if (!isHeld) return;
    held.set(id, { loss, isWord, onLeave: () => leave.current?.() });
    tell();
    return () => {
      held.delete(id);
      tell();
    };
  }, [id, isHeld, loss, isWord]);
}

/** Whether anything would be lost now. */
export function isAnythingHeld(): boolean {
  return held.size > 0;
}

export function isWordTyped(): boolean {
  return [...held.values()].some(({ isWord }) => isWord);
}

export function leaveAll(): void {
  const all = [...held.values()];
  held.clear();
  for (const { onLeave } of all) onLeave?.();
}

/** Answers the question of `mayLeave`. */
type Answer = (isLeaving: boolean) => void;
let asked: Answer | undefined;

/** @returns undefined where nothing is asked */
export function findAsked(): Answer | undefined {
  return asked;
}

/** Asks where something would be lost, for a way out that is no address, such as signing out. */
export function mayLeave(): Promise<boolean> {
  if (!isAnythingHeld()) return Promise.resolve(true);
  return new Promise((resolve) => {
    asked = (isLeaving) => {
      asked = undefined;
      if (isLeaving) leaveAll();
      tell();
      resolve(isLeaving);
    };
    tell();
  });
}

export function heaviestLoss(): Loss | undefined {
  const all = [...held.values()].map(({ loss }) => loss);
  return LOSSES.find((loss) => all.includes(loss));
}

/** Whether something is held that is lost even where only the filters of the address change. */
export function isLostByAnyAddress(): boolean {
  return [...held.values()].some(({ loss }) => LOST_BY_ANY_ADDRESS.includes(loss));
}

/** Leaves the page for an address outside of these screens, after a change that ends one's own session. */
export function leaveFor(address: string): void {
  held.clear();
  location.assign(address);
}
