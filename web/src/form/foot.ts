/** In a file of its own, because panels, dialogs, notices and lists each have such a foot. */

/**
 * The ref of what stays in view at the foot of a panel, a dialog or the page. It says there how high it is, so that what gets the focus
 * is scrolled to above it, not behind it. Held by `web/test/focus.test.ts`.
 */
export function watchFoot(foot: HTMLElement | null): (() => void) | undefined {
  if (!foot) return undefined;
  const { style } = foot.closest<HTMLElement>("[role=dialog]") ?? document.documentElement;
  const observer = new ResizeObserver(() => style.setProperty("--foot", `${foot.offsetHeight}px`));
  observer.observe(foot);
  return () => {
    observer.disconnect();
    style.removeProperty("--foot");
  };
}
