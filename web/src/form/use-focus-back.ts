import { useEffect } from "react";

let lastControl: HTMLElement | undefined;

/** What had the focus on the screen itself, not in a menu, panel or dialog that stood over it. */
document.addEventListener("focusin", ({ target }) => {
  if (!(target instanceof HTMLElement) || target.closest(".frame") === null || target.closest("#floats"))
    return;
  lastControl = target;
});

/** The control goes away with what it belongs to, such as a deleted row: the focus is to go to the screen itself. */
export function leaveControl(): void {
  lastControl = document.querySelector<HTMLElement>("main") ?? undefined;
}

/** When the last panel or dialog is gone, the focus is again where it was before. */
export function useFocusBack(): void {
  useEffect(
    () => () => {
      const before = lastControl;
      setTimeout(() => {
        const isFree = document.activeElement === null || document.activeElement === document.body;
        if (isFree && before?.isConnected && document.querySelector("[role=dialog]") === null) before.focus();
      });
    },
    [],
  );
}
