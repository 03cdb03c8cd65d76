/**
 * The fields of a form. While its change is under way, or nobody knows what became of it, they hold what was sent: nothing
 * can be typed, ticked or chosen that would be lost with the answer, or sent as another change. They keep the focus
 * meanwhile, which `disabled` and `inert` would take. Held by `web/test/under-way.test.ts`.
 *
 * Enter in a box or choice that is ticked by Space submits nothing: it would save what is half filled in. Held by
 * `web/test/accidents.test.ts`.
 */
import { Stack } from "@mantine/core";
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import type { ChangeState } from "./use-change.ts";

interface FieldsProps {
  readonly change: ChangeState;
  readonly gap?: "md" | "lg";
  readonly children: ReactNode;
}

export function Fields({ change, gap = "lg", children }: FieldsProps) {
  const { isPending, isUnknown, isSlow } = change;
  const box = useRef<HTMLDivElement>(null);
  const isLocked = isPending || isUnknown;
  useEffect(() => (isLocked && box.current ? lock(box.current) : undefined), [isLocked]);
  return (
    // A save that is answered at once does not flicker.
    <Stack
      ref={box}
      gap={gap}
      data-waiting={isUnknown || isSlow || undefined}
      aria-busy={isPending || undefined}
      onKeyDown={keepEnter}
    >
      {children}
    </Stack>
  );
}

function keepEnter(event: KeyboardEvent): void {
  if (event.key !== "Enter") return;
  if (event.target instanceof HTMLInputElement && /^(checkbox|radio)$/.test(event.target.type))
    event.preventDefault();
}

const CHANGING = ["beforeinput", "pointerdown", "mousedown", "click", "drop", "keydown"] as const;
/** They move the focus, close what is over the screen, or send the form, which sends the same again. */
const HARMLESS: readonly string[] = ["Tab", "Escape", "Enter", "NumpadEnter"];

function lock(box: HTMLElement): () => void {
  const refuse = (event: Event): void => {
    if (event instanceof KeyboardEvent && (HARMLESS.includes(event.key) || event.ctrlKey || event.metaKey))
      return;
    // A field may still be focused, to read and copy what is in it; a list of choices does not open.
    if (event.type === "mousedown" && !(event.target instanceof HTMLSelectElement)) return;
    // The arrows of a number count while they are pressed.
    if (event.type === "pointerdown" && (event.target as Element).closest("button") === null) return;
    event.preventDefault();
    event.stopPropagation();
  };
  for (const name of CHANGING) box.addEventListener(name, refuse, true);
  return () => {
    for (const name of CHANGING) box.removeEventListener(name, refuse, true);
  };
}
