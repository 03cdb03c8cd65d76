/**
 * A change that a form or a dialog asks for. It is asked for once: a repetition after a lost answer carries the same
 * Idempotency-Key, so that trying again is safe whatever has become of the first. The answer is not kept: it may hold a key.
 * Held by `web/test/truth.test.ts`.
 */
import { useRef, useState } from "react";
import { isOutcomeUnknown, isSessionOver, type Said, sayProblem, type Tried } from "../api/problem.ts";
import { noteEnd } from "../api/queries.ts";

interface ChangeOptions<Input, Output> {
  readonly run: (input: Input, once: { readonly idempotencyKey: string }) => Promise<Output>;
  readonly onDone: (output: Output, input: Input) => void;
  /** @returns whether the failure stands at its field now, or has a page of its own */
  readonly onFault?: (error: unknown) => boolean;
  readonly tried?: Exclude<Tried, "look">;
}

export interface Change<Input> {
  readonly isPending: boolean;
  /** What went wrong with it, where that belongs to no field. */
  readonly trouble: Said | undefined;
  readonly send: (input: Input) => void;
  /** The very same once more. */
  readonly again: () => void;
}

interface Attempt<Input> {
  readonly input: Input;
  readonly text: string;
  readonly idempotencyKey: string;
}

export function useChange<Input, Output>(options: ChangeOptions<Input, Output>): Change<Input> {
  const { run, onDone, onFault, tried = "save" } = options;
  const [isPending, setPending] = useState(false);
  const [trouble, setTrouble] = useState<Said>();
  const isRunning = useRef(false);
  const last = useRef<Attempt<Input>>(undefined);
  const send = async (input: Input): Promise<void> => {
    if (isRunning.current) return;
    const text = JSON.stringify(input ?? null);
    if (last.current?.text !== text) last.current = { input, text, idempotencyKey: randomName() };
    const { idempotencyKey } = last.current;
    isRunning.current = true;
    setPending(true);
    setTrouble(undefined);
    try {
      const output = await run(input, { idempotencyKey });
      last.current = undefined;
      onDone(output, input);
    } catch (error) {
      // What is known not to have happened may be asked for as something new.
      if (!isOutcomeUnknown(error)) last.current = { input, text: "", idempotencyKey };
      noteEnd(error);
      if (!isSessionOver(error) && onFault?.(error) !== true) setTrouble(sayProblem(error, tried));
    } finally {
      isRunning.current = false;
      setPending(false);
    }
  };
  return {
    isPending,
    trouble,
    send: (input) => void send(input),
    again: () => {
      if (last.current) void send(last.current.input);
    },
  };
}

export function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
