/**
 * A change that a form or a dialog asks for, from the press to the outcome.
 *
 * - *Pending*: it is on its way. What was sent stays as it was sent (`Fields`), nothing that holds it closes (`useGuard`), and
 *   after SLOW_MS, or when somebody wants to close it, the form says what is waited for. The wait ends after CHANGE_MS_MAX.
 * - *Unknown*: no answer says what became of it. What was sent still stays as it is, and all that can be sent is that very
 *   same, with the same Idempotency-Key, so that it happens only once and is no conflict with itself. It stays unknown until
 *   it succeeds or the server has judged a repetition: one that is turned away at the door says nothing of the first.
 *
 * Where somebody leaves the screen meanwhile, a failure is told in a notice. The answer is not kept: it may hold a key.
 * Held by `web/test/under-way.test.ts` and `web/test/truth.test.ts`.
 */
import { useRef, useState } from "react";
import { CHANGE_MS_MAX } from "../api/call.ts";
import {
  isOutcomeUnknown,
  isSessionOver,
  isTurnedAway,
  type Said,
  sayProblem,
  type Tried,
} from "../api/problem.ts";
import { noteEnd } from "../api/queries.ts";
import { showProblem } from "../notices/notices.ts";
import { useIsHere } from "./use-is-here.ts";

/** What every request of one change takes along. */
export interface IdempotentRequest {
  readonly idempotencyKey: string;
  /** Ends the wait for all of them together. */
  readonly signal: AbortSignal;
}

interface ChangeOptions<Input, Output> {
  readonly run: (input: Input, once: IdempotentRequest) => Promise<Output>;
  /** @param wasUnknown an attempt before this one may have succeeded */
  readonly onDone: (output: Output, input: Input, wasUnknown: boolean) => void;
  /**
   * @param wasUnknown an attempt before this one may have succeeded
   * @returns whether the failure stands at its field now, or has a page of its own
   */
  readonly onFault?: (error: unknown, wasUnknown: boolean) => boolean;
  readonly tried?: Exclude<Tried, "look">;
  /** What is true of a repetition, where that is not that the change happens only once. */
  readonly repeated?: string;
}

export interface PendingChange<Input> {
  readonly isPending: boolean;
  /** Nobody here knows whether it was made. */
  readonly isUnknown: boolean;
  /** It takes long, or somebody wanted to close what waits for it. */
  readonly isSlow: boolean;
  /** What went wrong with it, where that belongs to no field. */
  readonly trouble: Said | undefined;
  readonly send: (input: Input) => void;
  /** The very same once more. */
  readonly again: () => void;
  /** Says that it is waited for. */
  readonly sayWaiting: () => void;
}

/** All that can be seen of a change without knowing what it is about. */
export type ChangeState = Omit<PendingChange<never>, "send">;

interface Attempt<Input> {
  readonly input: Input;
  readonly text: string;
  readonly idempotencyKey: string;
  isUnknown: boolean;
}

type Phase = "idle" | "pending" | "unknown";
const SLOW_MS = 5_000;

export function useChange<Input, Output>(options: ChangeOptions<Input, Output>): PendingChange<Input> {
  const { run, onDone, onFault, tried = "save", repeated } = options;
  const [phase, setPhase] = useState<Phase>("idle");
  const [isSlow, setSlow] = useState(false);
  const [trouble, setTrouble] = useState<Said>();
  const isRunning = useRef(false);
  const isHere = useIsHere();
  const last = useRef<Attempt<Input>>(undefined);
  const send = async (input: Input): Promise<void> => {
    if (isRunning.current) return;
    const text = JSON.stringify(input ?? null);
    // While an attempt is unknown nothing else is sent, whatever the form has come to hold.
    if (last.current?.isUnknown !== true && last.current?.text !== text)
      last.current = { input, text, idempotencyKey: randomName(), isUnknown: false };
    const attempt = last.current as Attempt<Input>;
    const wasUnknown = attempt.isUnknown;
    isRunning.current = true;
    setPhase("pending");
    setTrouble(undefined);
    setSlow(false);
    const wait = startWait(() => setSlow(true));
    let next: Phase = "idle";
    try {
      const output = await run(attempt.input, {
        idempotencyKey: attempt.idempotencyKey,
        signal: wait.signal,
      });
      last.current = undefined;
      onDone(output, attempt.input, wasUnknown);
    } catch (error) {
      attempt.isUnknown = isOutcomeUnknown(error) || (wasUnknown && isTurnedAway(error));
      if (attempt.isUnknown) next = "unknown";
      noteEnd(error);
      if (!isHere.current) showProblem(error, tried, () => void send(attempt.input));
      else if (attempt.isUnknown) setTrouble(sayProblem(error, tried, { isUnknown: true, repeated }));
      else if (!isSessionOver(error) && onFault?.(error, wasUnknown) !== true)
        setTrouble(sayProblem(error, tried));
    } finally {
      wait.end();
      isRunning.current = false;
      setPhase(next);
      setSlow(false);
    }
  };
  return {
    isPending: phase === "pending",
    isUnknown: phase === "unknown",
    isSlow,
    trouble,
    send: (input) => void send(input),
    again: () => {
      if (last.current) void send(last.current.input);
    },
    sayWaiting: () => setSlow(true),
  };
}

function startWait(onSlow: () => void): { readonly signal: AbortSignal; readonly end: () => void } {
  const controller = new AbortController();
  const slow = setTimeout(onSlow, SLOW_MS);
  const over = setTimeout(
    () => controller.abort(new DOMException("No answer in time", "TimeoutError")),
    CHANGE_MS_MAX,
  );
  return {
    signal: controller.signal,
    end: () => {
      clearTimeout(slow);
      clearTimeout(over);
    },
  };
}

function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
