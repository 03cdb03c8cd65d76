/**
 * What would be lost by leaving: input that is not saved, and a key that was shown once and is not taken yet. Whoever holds
 * such a thing says so here, and one question asks for all of them before the address changes or the page goes.
 * Held by `web/test/accidents.test.ts`.
 */
import { Button, Group, Stack } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";
import { type ReactNode, useEffect, useId, useRef, useState, useSyncExternalStore } from "react";
import { Dialog } from "./dialog.tsx";

export type Loss = "input" | "key";

interface Held {
  readonly loss: Loss;
  /** Somebody leaves all the same: what holds it goes, also where it would stay on another screen. */
  readonly onLeave: (() => void) | undefined;
}

interface Holding {
  readonly loss?: Loss;
  readonly onLeave?: () => void;
}

const held = new Map<string, Held>();
const watchers = new Set<() => void>();

function tell(): void {
  for (const watcher of watchers) watcher();
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Something is held until the caller says otherwise or goes. */
export function useUnsaved(isHeld: boolean, { loss = "input", onLeave }: Holding = {}): void {
  const id = useId();
  const leave = useRef(onLeave);
  leave.current = onLeave;
  useEffect(() => {
    if (!isHeld) return;
    held.set(id, { loss, onLeave: () => leave.current?.() });
    tell();
    return () => {
      held.delete(id);
      tell();
    };
  }, [id, isHeld, loss]);
}

/** Whether anything would be lost now. */
export function isAnythingHeld(): boolean {
  return held.size > 0;
}

function leaveAll(): void {
  const all = [...held.values()];
  held.clear();
  for (const { onLeave } of all) onLeave?.();
}

let asker: ((isLeaving: boolean) => void) | undefined;

/** Asks where something would be lost, for a way out that is no address, such as signing out. */
export function mayLeave(): Promise<boolean> {
  if (!isAnythingHeld()) return Promise.resolve(true);
  return new Promise((resolve) => {
    asker = (isLeaving) => {
      asker = undefined;
      if (isLeaving) leaveAll();
      tell();
      resolve(isLeaving);
    };
    tell();
  });
}

const WORDS: Readonly<Record<Loss, { title: string; words: string; stay: string; leave: string }>> = {
  input: {
    title: "Unsaved changes",
    words: "You have unsaved changes.",
    stay: "Keep editing",
    leave: "Discard changes",
  },
  key: {
    title: "The key is not copied yet",
    words: "You won't be able to see it again. If you leave now, the key is lost and has to be reset.",
    stay: "Back to the key",
    leave: "Leave without the key",
  },
};

interface QuestionProps {
  readonly loss: Loss;
  readonly onStay: () => void;
  readonly onLeave: () => void;
}

function Question({ loss, onStay, onLeave }: QuestionProps) {
  const { title, words, stay, leave } = WORDS[loss];
  return (
    <Dialog title={title} size="sm" zIndex={300} onClose={onStay}>
      <Stack gap="md">
        <p>{words}</p>
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onStay} data-autofocus>
            {stay}
          </Button>
          <Button color="bad" onClick={onLeave}>
            {leave}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

/** Stands once over all screens: asks before a link, the browser's own buttons, a reload or a closed tab lose anything. */
export function LeaveQuestion(): ReactNode {
  const isHeld = useSyncExternalStore(watch, isAnythingHeld);
  const blocker = useBlocker({
    // With a key in view another filter, or other details, are left too.
    shouldBlockFn: ({ current, next }) =>
      [...held.values()].some(({ loss }) => loss === "key" || current.pathname !== next.pathname),
    enableBeforeUnload: isAnythingHeld,
    withResolver: true,
    disabled: !isHeld,
  });
  const asked = useSyncExternalStore(watch, () => asker);
  const loss = [...held.values()].some((one) => one.loss === "key") ? "key" : "input";
  if (asked) return <Question loss={loss} onStay={() => asked(false)} onLeave={() => asked(true)} />;
  if (blocker.status !== "blocked") return null;
  const leave = (): void => {
    leaveAll();
    blocker.proceed();
  };
  return <Question loss={loss} onStay={blocker.reset} onLeave={leave} />;
}

/**
 * Guards the closing of a panel or dialog: by Esc, the cross, the backdrop or Cancel.
 * @returns `close` in the place of closing, and the question to show
 */
export function useGuard(isDirty: boolean, onClose: () => void): { close: () => void; question: ReactNode } {
  const [isAsking, setAsking] = useState(false);
  useUnsaved(isDirty, { onLeave: onClose });
  // Mounted only when it is asked: the key that asked it must not answer it too.
  const question = isAsking && (
    <Question
      loss="input"
      onStay={() => setAsking(false)}
      onLeave={() => {
        setAsking(false);
        onClose();
      }}
    />
  );
  return { close: () => (isDirty ? setAsking(true) : onClose()), question };
}
