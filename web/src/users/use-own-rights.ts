/**
 * Before a change is sent that takes rights from whoever makes it, they are asked for their name, and so they are where the
 * server does not say in time what the change takes. The look is part of the change: nothing closes meanwhile, and what
 * somebody has left is not sent any more. Held by `web/test/own-rights.test.ts`.
 */
import { useRef, useState } from "react";
import { isSessionOver } from "../api/problem.ts";
import { noteEnd } from "../api/queries.ts";
import type { ChangeState, PendingChange } from "../form/use-change.ts";
import { useIsHere } from "../form/use-is-here.ts";
import type { Lost } from "./self.ts";

interface OwnRights<Values> {
  readonly save: PendingChange<Values>;
  /** What the change takes from whoever makes it; null: nothing. */
  readonly loses: (values: Values) => Promise<Lost | null>;
}

export interface OwnRightsAsked<Values> {
  readonly change: ChangeState;
  /** What waits for the name, and what it takes as far as it is known. */
  readonly asked: { readonly values: Values; readonly lost: Lost | undefined } | undefined;
  readonly submit: (values: Values) => Promise<void>;
  readonly drop: () => void;
}

/** As long as a dialog that takes something away waits to say what. */
const PATIENCE_MS = 3_000;

export function useOwnRights<Values>({ save, loses }: OwnRights<Values>): OwnRightsAsked<Values> {
  const [isLooking, setLooking] = useState(false);
  const [asked, setAsked] = useState<OwnRightsAsked<Values>["asked"]>();
  const isBusy = useRef(false);
  const isHere = useIsHere();
  const submit = async (values: Values): Promise<void> => {
    if (isBusy.current) return;
    // Asked about before it was sent the first time.
    if (save.isUnknown) return save.send(values);
    isBusy.current = true;
    setLooking(true);
    try {
      const found = await inTime(loses(values));
      if (!isHere.current) return;
      if (found === null) save.send(values);
      else setAsked({ values, lost: found });
    } catch (error) {
      noteEnd(error);
      if (isHere.current && !isSessionOver(error)) setAsked({ values, lost: undefined });
    } finally {
      isBusy.current = false;
      setLooking(false);
    }
  };
  return {
    change: { ...save, isPending: save.isPending || isLooking },
    asked,
    submit,
    drop: () => setAsked(undefined),
  };
}

/** @returns undefined: no answer in time */
function inTime<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
