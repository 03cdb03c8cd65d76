/**
 * What is told about something that was done: that it was, with a way back, or that it was not, and what to do.
 *
 * Invariant: a notice never covers a control. It stands in a place of its own: in the free middle of the top bar, in a line
 * below it that pushes the screen down, or at the foot of the details that it was done from. What is told while something
 * stands over the screen goes to the uppermost place, and to the one below when that goes. Held by `web/test/notices.test.ts`.
 */
import { isSessionOver, sayProblem, type Tried } from "../api/problem.ts";

export interface Notice {
  readonly id: number;
  readonly tone: "good" | "bad";
  readonly title?: string;
  readonly words: string;
  readonly action?: NoticeAction;
  readonly place: string;
}

export interface NoticeAction {
  readonly label: "Undo" | "Try again";
  readonly run: () => void;
}

/** A good word goes by itself, later where it can be answered; trouble stays until somebody takes it away. */
export const GOOD_MS = 5_000;
export const ANSWERED_MS = 20_000;
const TROUBLES_MAX = 3;

let notices: readonly Notice[] = [];
/** From the screen upwards. */
let places: readonly string[] = [];
let lastId = 0;
const watchers = new Set<() => void>();

function set(next: readonly Notice[]): void {
  notices = next;
  for (const watcher of watchers) watcher();
}

export function watchNotices(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

export function currentNotices(): readonly Notice[] {
  return notices;
}

const uppermost = (): string => places[places.length - 1] ?? "";

export function openPlace(place: string): () => void {
  places = [...places, place];
  return () => {
    places = places.filter((one) => one !== place);
    set(notices.map((notice) => (notice.place === place ? { ...notice, place: uppermost() } : notice)));
  };
}

export function dropNotice(id: number): void {
  set(notices.filter((notice) => notice.id !== id));
}

/** What is done now takes the place of what was done before. */
function show(notice: Pick<Notice, "tone" | "title" | "words" | "action">): void {
  const troubles = notices.filter(({ tone }) => tone === "bad");
  const others = notice.tone === "good" ? troubles : notices;
  const kept = others.slice(-TROUBLES_MAX);
  set([...kept, { ...notice, id: ++lastId, place: uppermost() }]);
}

export function showDone(words: string, action?: NoticeAction): void {
  show({ tone: "good", words, ...(action && { action }) });
}

export function showTrouble(title: string, words: string, action?: NoticeAction): void {
  show({ tone: "bad", title, words, ...(action && { action }) });
}

/**
 * A failure that belongs to no field. A session that ended has its own page.
 * @param what of which it may not be known whether it was done: `ci was paused`
 * @param again tries the very same once more; offered where it is not known whether it was done
 */
export function showProblem(error: unknown, tried: Tried = "look", again?: () => void, what?: string): void {
  if (isSessionOver(error)) return;
  const { title, words, isUnknown } = sayProblem(error, tried, { what });
  showTrouble(title, words, isUnknown && again ? { label: "Try again", run: again } : undefined);
}
