import { CloseButton } from "@mantine/core";
import { IconCheck, IconExclamationCircle } from "@tabler/icons-react";
import { type RefObject, useEffect, useId, useRef, useState, useSyncExternalStore } from "react";
import { watchFoot } from "../form/foot.ts";
import {
  ANSWERED_MS,
  currentNotices,
  dropNotice,
  GOOD_MS,
  type Notice,
  openPlace,
  watchNotices,
} from "./notices.ts";

function useNotices(place: string): readonly Notice[] {
  const all = useSyncExternalStore(watchNotices, currentNotices);
  return all.filter((notice) => notice.place === place);
}

/** Of the screen itself: good words in the free middle of the top bar. */
const SCREEN_PLACE = "screen";

export function ScreenNotices() {
  useEffect(() => openPlace(SCREEN_PLACE), []);
  const notices = useNotices(SCREEN_PLACE).filter(({ tone }) => tone === "good");
  return (
    <div role="status" className="notices-bar">
      {notices.map((notice) => (
        <Line key={notice.id} notice={notice} />
      ))}
    </div>
  );
}

/** Below the top bar, where it pushes the screen down: what went wrong, until somebody takes it away. */
export function ScreenTroubles() {
  const notices = useNotices(SCREEN_PLACE).filter(({ tone }) => tone === "bad");
  return notices.map((notice) => <Line key={notice.id} notice={notice} />);
}

/** At the foot of details: what was done from them. */
export function PanelNotices() {
  const place = useId();
  useEffect(() => openPlace(place), [place]);
  const notices = useNotices(place);
  return (
    <div role="status" className="notices-panel" ref={watchFoot}>
      {notices.map((notice) => (
        <Line key={notice.id} notice={notice} />
      ))}
    </div>
  );
}

function Line({ notice }: { readonly notice: Notice }) {
  const { id, tone, title, words, action } = notice;
  const rest = useRest(notice);
  const line = useRef<HTMLDivElement>(null);
  const isUndo = action?.label === "Undo";
  const act = (): void => {
    dropNotice(id);
    action?.run();
  };
  useUndoKey(line, isUndo ? act : undefined);
  const Icon = tone === "good" ? IconCheck : IconExclamationCircle;
  return (
    <div ref={line} className="notice" data-tone={tone} role={tone === "bad" ? "alert" : undefined} {...rest}>
      <Icon size={18} stroke={2} aria-hidden />
      <p title={tone === "good" ? words : undefined}>
        {title && <strong>{title}. </strong>}
        {words}
      </p>
      {action && (
        <button
          type="button"
          className="notice-action"
          aria-keyshortcuts={isUndo ? "Control+Z Meta+Z" : undefined}
          onClick={act}
        >
          {action.label}
        </button>
      )}
      {isUndo && (
        <kbd className="wide-only" aria-hidden>
          Ctrl+Z
        </kbd>
      )}
      <CloseButton size="sm" aria-label="Close notice" onClick={() => dropNotice(id)} />
    </div>
  );
}

const TYPED_INTO = "textarea, select, input:not([type=checkbox], [type=radio])";

/** By Tab nobody comes to *Undo* from the end of a long list before it goes. In a field Ctrl+Z is the field's own. */
function useUndoKey(line: RefObject<HTMLElement | null>, undo: (() => void) | undefined): void {
  const latest = useRef(undo);
  latest.current = undo;
  const isOffered = undo !== undefined;
  useEffect(() => {
    if (!isOffered) return;
    const press = (event: KeyboardEvent): void => {
      const { target, key, repeat } = event;
      if (key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey || repeat) return;
      if (!(target instanceof Element) || target.matches(TYPED_INTO)) return;
      // What stands over the notice has its own presses.
      if (target.closest("[role=dialog]") !== line.current?.closest("[role=dialog]")) return;
      event.preventDefault();
      latest.current?.();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [line, isOffered]);
}

/** A good word goes by itself, but not while somebody points at it or has the focus in it. */
function useRest({ id, tone, action }: Notice) {
  const [isHeld, setHeld] = useState(false);
  const left = useRef(action ? ANSWERED_MS : GOOD_MS);
  useEffect(() => {
    if (tone === "bad" || isHeld) return;
    const began = performance.now();
    const timer = setTimeout(() => dropNotice(id), left.current);
    return () => {
      clearTimeout(timer);
      left.current = Math.max(GOOD_MS, left.current - (performance.now() - began));
    };
  }, [id, tone, isHeld]);
  const hold = (): void => setHeld(true);
  const go = (): void => setHeld(false);
  return { onPointerEnter: hold, onPointerLeave: go, onFocus: hold, onBlur: go };
}
