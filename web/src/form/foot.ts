/** In a file of its own, because panels, dialogs and notices each have such a foot. */

/**
 * The ref of what stays in view at the foot of a panel or dialog. It says there how high it is, so that what gets the focus is scrolled
 * to above it, not behind it. Held by `web/test/focus.test.ts`.
 */
export function watchFoot(foot: HTMLElement | null): (() => void) | undefined {
  const scrolled = foot?.closest<HTMLElement>("[role=dialog]");
  if (!foot || !scrolled) return undefined;
  const observer = new ResizeObserver(() => scrolled.style.setProperty("--foot", `${foot.offsetHeight}px`));
  observer.observe(foot);
  return () => observer.disconnect();
}
