/**
 * One question for all that would be lost by leaving (`held.ts`), before the address changes or the page goes.
 *
 * Esc, the cross, the backdrop and Cancel close nothing while its change is under way, because the server may refuse it,
 * and what was typed would be gone; they say what is waited for instead, and the wait has an end (`use-change.ts`).
 * Another address may be gone to: it is asked, and the question goes with the outcome where nothing is lost any more.
 * Held by `web/test/unsaved.test.ts`, `accidents.test.ts` and `under-way.test.ts`.
 */
import { Button, Group, Stack } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { Dialog } from "./dialog.tsx";
import {
  findAsked,
  heaviestLoss,
  isAnythingHeld,
  isLostByAnyAddress,
  isWordTyped,
  type Loss,
  leaveAll,
  useUnsaved,
  watch,
} from "./held.ts";
import type { ChangeState } from "./use-change.ts";

const WORDS: Readonly<Record<Loss, { title: string; words: string; stay: string; leave: string }>> = {
  key: {
    title: "The key is not copied yet",
    words: "You won't be able to see it again. If you leave now, the key is lost and has to be reset.",
    stay: "Back to the key",
    leave: "Leave without the key",
  },
  making: {
    title: "A key is being made",
    words: "It is shown here, and only once. If you leave now, you won't see it, and it has to be reset.",
    stay: "Wait for the key",
    leave: "Leave without the key",
  },
  made: {
    title: "A key may have been made",
    words:
      "“Try again” shows it, and makes no second one. If you leave now and it was made, it has to be reset.",
    stay: "Back",
    leave: "Leave without the key",
  },
  sent: {
    title: "Still waiting for the server",
    words: "Your change is on its way. If you leave now and the server refuses it, what you entered is lost.",
    stay: "Wait",
    leave: "Leave now",
  },
  unknown: {
    title: "Not known to be saved",
    words: "“Try again” finds out whether your changes are saved. If you leave now, they may be lost.",
    stay: "Back",
    leave: "Leave now",
  },
  input: {
    title: "Unsaved changes",
    words: "You have unsaved changes.",
    stay: "Keep editing",
    leave: "Discard changes",
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
    <Dialog title={title} size="sm" zIndex={300} onClose={onStay} isQuestion>
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
  const loss = useSyncExternalStore(watch, heaviestLoss);
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => current.pathname !== next.pathname || isLostByAnyAddress(),
    enableBeforeUnload: isAnythingHeld,
    withResolver: true,
    disabled: loss === undefined,
  });
  const asked = useSyncExternalStore(watch, findAsked);
  const isBlocked = blocker.status === "blocked";
  const leave = (): void => {
    if (asked) asked(true);
    else {
      leaveAll();
      blocker.proceed?.();
    }
  };
  const isNeedless = loss === undefined && (isBlocked || asked !== undefined);
  const latest = useRef(leave);
  latest.current = leave;
  // What was waited for has come to a good end: there is nothing to ask any more.
  useEffect(() => {
    if (isNeedless && !isAnythingHeld()) latest.current();
  }, [isNeedless]);
  if (loss === undefined || !(isBlocked || asked)) return null;
  return <Question loss={loss} onStay={() => (asked ? asked(false) : blocker.reset?.())} onLeave={leave} />;
}

interface Guarded {
  readonly change: ChangeState;
  readonly isDirty: boolean;
  /** Its change ends with a key that is shown once. */
  readonly makesKey?: boolean;
}

/** What would be lost of a form by leaving it now. */
function lossOf({ change, isDirty, makesKey = false }: Guarded): Loss | undefined {
  if (change.isPending) return makesKey ? "making" : "sent";
  if (change.isUnknown && makesKey) return "made";
  if (!isDirty) return undefined;
  return change.isUnknown ? "unknown" : "input";
}

/** Guards a form that stands on a screen: another address is asked about. */
export function useHold(guarded: Guarded, onLeave?: () => void): Loss | undefined {
  const loss = lossOf(guarded);
  useUnsaved(loss !== undefined, { ...(loss && { loss }), ...(onLeave && { onLeave }) });
  return loss;
}

/**
 * Guards a panel or dialog too: its closing by Esc, the cross, the backdrop or Cancel.
 * @returns `close` in the place of closing, and the question to show
 */
export function useGuard(guarded: Guarded & { readonly onClose: () => void }): {
  close: () => void;
  question: ReactNode;
} {
  const { change, onClose } = guarded;
  const [isAsking, setAsking] = useState(false);
  const isTyping = useSyncExternalStore(watch, isWordTyped);
  const loss = useHold(guarded, onClose) ?? (isTyping ? "input" : undefined);
  const close = (): void => {
    if (change.isPending) change.sayWaiting();
    else if (loss === undefined) onClose();
    else setAsking(true);
  };
  // Mounted only when it is asked: the key that asked it must not answer it too.
  const question = isAsking && loss !== undefined && !change.isPending && (
    <Question
      loss={loss}
      onStay={() => setAsking(false)}
      onLeave={() => {
        setAsking(false);
        onClose();
      }}
    />
  );
  return { close, question };
}
