/**
 * Where the keyboard is. The screen, and whatever stands over it and has the keyboard to itself (panels, dialogs, the sign-in
 * of a session that ended), are stages, one over the other. Each stage remembers what had the focus in it.
 *
 * Invariant: the focus is in the uppermost stage, or in what floats over it. When that stage goes, or what has the focus is
 * taken out of the page, moved in it or disabled, the focus returns to what the uppermost stage had last, or to that stage
 * itself; where it was in a calendar that still floats, to that one. Only a press beside everything, on the screen, lets go
 * of it. Held by `web/test/focus.test.ts`.
 */
import { useEffect, useRef, useSyncExternalStore } from "react";

interface Stage {
  /** undefined: the screen, which is always there. */
  readonly find: (() => HTMLElement | null) | undefined;
  /** What had the focus in it, the latest last: the control that had it last may be gone with a row or a bar. */
  trail: readonly HTMLElement[];
}

const TRAIL_MAX = 8;
const screenStage: Stage = { find: undefined, trail: [] };
let stages: readonly Stage[] = [screenStage];
const watchers = new Set<() => void>();

/** Menus and calendars, each in the place of its own. */
const FLOATING = "#floats > *";
/** What floats and has the focus, and over which stage. */
let float: { readonly root: HTMLElement; readonly over: Stage } | undefined;
/** What had the focus when it was seen last; undefined: somebody has let go of it. */
let holder: HTMLElement | undefined;
let isPressing = false;
let isChecking = false;
/** A stage has gone: the focus returns whatever took it there. */
let isReturning = false;

const uppermost = (): Stage => stages[stages.length - 1] ?? screenStage;

function setStages(next: readonly Stage[]): void {
  isReturning ||= next.length < stages.length;
  stages = next;
  for (const watcher of watchers) watcher();
  check();
}

/** null: a panel that is about to come, and takes the focus by itself. */
function rootOf(stage: Stage): HTMLElement | null {
  return stage.find === undefined ? document.querySelector<HTMLElement>("main") : stage.find();
}

/** It floats over whatever it was opened from, and gives the focus back by itself when it goes. */
function floats(element: Element): boolean {
  return element.closest(FLOATING) !== null;
}

function holds(stage: Stage, element: Element): boolean {
  return stage.find === undefined || rootOf(stage)?.contains(element) === true;
}

function isUsable(element: HTMLElement | null | undefined): element is HTMLElement {
  return element?.isConnected === true && !element.matches(":disabled") && element.checkVisibility();
}

/** What stands beside a button that can be pressed no more, such as the other one of two that turn pages. */
function besides(element: HTMLElement | undefined): HTMLElement | null | undefined {
  return element?.parentElement?.querySelector<HTMLElement>("button:not(:disabled)");
}

/** After what happens now has happened: React takes away and puts in many things at once. */
function check(): void {
  if (isChecking) return;
  isChecking = true;
  requestAnimationFrame(() => {
    isChecking = false;
    const active = document.activeElement;
    const isNowhere = active === null || active === document.body || active.matches(":disabled");
    const top = uppermost();
    const isThere = !isNowhere && (floats(active) || holds(top, active));
    const isLetGo = isNowhere && top.find === undefined && holder === undefined && !isReturning;
    isReturning = false;
    if (!isThere && !isLetGo) bringBack(top);
  });
}

/** Where a calendar turns from days to months, or cannot turn further back, the focus stays in it. */
function inFloat(stage: Stage): HTMLElement | null | undefined {
  if (float?.over !== stage || !isUsable(float.root)) return undefined;
  const { root } = float;
  const wanted = [holder, besides(holder)].find((one) => isUsable(one) && root.contains(one));
  return wanted ?? root.querySelector<HTMLElement>("button:not(:disabled)");
}

function bringBack(stage: Stage): void {
  const wanted = [holder, besides(holder), ...stage.trail.toReversed()];
  const kept = inFloat(stage) ?? wanted.find((one) => isUsable(one) && !floats(one) && holds(stage, one));
  holder = undefined;
  if (kept) kept.focus();
  else rootOf(stage)?.focus({ preventScroll: true });
}

document.addEventListener("focusin", ({ target }) => {
  if (!(target instanceof HTMLElement)) return;
  holder = target;
  const root = target.closest<HTMLElement>(FLOATING);
  float = root ? { root, over: uppermost() } : undefined;
  if (root) return;
  if (!holds(uppermost(), target)) check();
  const stage = stages.findLast((one) => holds(one, target)) ?? screenStage;
  if (target === rootOf(stage)) return;
  stage.trail = [...stage.trail.filter((one) => one !== target && one.isConnected), target].slice(-TRAIL_MAX);
});
document.addEventListener("focusout", ({ relatedTarget }) => {
  if (relatedTarget === null && isPressing) holder = undefined;
  check();
});
document.addEventListener(
  "pointerdown",
  () => {
    isPressing = true;
    setTimeout(() => {
      isPressing = false;
    });
  },
  true,
);
// A Tab that would begin at the top of the page begins where the keyboard belongs.
document.addEventListener(
  "keydown",
  (event) => {
    const active = document.activeElement;
    const top = uppermost();
    if (event.key !== "Tab" || top.find === undefined) return;
    if (active !== null && active !== document.body && (floats(active) || holds(top, active))) return;
    event.preventDefault();
    bringBack(top);
  },
  true,
);
new MutationObserver(() => {
  if (holder !== undefined && document.activeElement !== holder) check();
  else if (holder?.matches(":disabled")) check();
}).observe(document, {
  childList: true,
  subtree: true,
  attributes: true,
  attributeFilter: ["disabled", "data-locked"],
});

/**
 * The caller is a stage for as long as it is mounted.
 * @param find what the stage is in the page
 * @returns whether it is the uppermost: Esc belongs to that one
 */
export function useStage(find: () => HTMLElement | null): boolean {
  const latest = useRef(find);
  latest.current = find;
  const own = useRef<Stage>(undefined);
  own.current ??= { find: () => latest.current(), trail: [] };
  const stage = own.current;
  useEffect(() => {
    setStages([...stages, stage]);
    return () => setStages(stages.filter((one) => one !== stage));
  }, [stage]);
  return useSyncExternalStore(watch, () => uppermost() === stage);
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Whether nothing stands over the screen. */
export function useIsScreenUppermost(): boolean {
  return useSyncExternalStore(watch, () => stages.length === 1);
}
