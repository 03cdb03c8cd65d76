/**
 * What an edit was begun on, so that nobody overwrites unseen what somebody else has changed meanwhile: the version that was
 * read goes with each change, and where the server has another one by then, `ConflictNote` says so and offers to put both
 * changes together. Held by `web/test/two-editors.test.ts` for every panel and card.
 */
import { useState } from "react";
import { problemOf } from "../api/problem.ts";
import { mergeValues } from "./changes.ts";

interface Versioned {
  readonly version: number;
}

/** What a change that was sent with a version has led to. */
export type SaveOutcome<Saved, Row> = { readonly saved: Saved } | { readonly theirs: Row };

interface Attempt<Saved, Row> {
  /** undefined: something new. */
  readonly base: Row | undefined;
  /** As one's own parts have made it so far, where it is saved in parts. */
  readonly latest?: () => Row | undefined;
  readonly save: () => Promise<Saved>;
  /** The row as it is now; undefined: it is gone. */
  readonly read: () => Promise<Row | undefined>;
}

/** Throws as `save` does, but where somebody else has changed, or renamed, the row since. */
export async function saveOn<Saved, Row extends Versioned>({
  base,
  latest = () => base,
  save,
  read,
}: Attempt<Saved, Row>): Promise<SaveOutcome<Saved, Row>> {
  try {
    return { saved: await save() };
  } catch (error) {
    const { code } = problemOf(error);
    if (base === undefined || (code !== "conflict" && code !== "not_found")) throw error;
    const theirs = await read().catch(() => undefined);
    if (theirs === undefined || theirs.version === latest()?.version) throw error;
    return { theirs };
  }
}

/** As far as a form has to take part in it. */
interface Form<Values> {
  readonly values: Values;
  setInitialValues(values: Values): void;
  setValues(values: Values): void;
}

export interface Edited<Row, Values> {
  /** undefined: something new. */
  readonly base: Row | undefined;
  /** The base as the form has it. */
  readonly before: Values;
  /** As somebody else has made it since. */
  readonly theirs: Row | undefined;
  /** An attempt before, whose answer was lost, may have made theirs. */
  readonly isPerhapsOwn: boolean;
  readonly meet: (theirs: Row, isPerhapsOwn: boolean) => void;
  /** Takes their changes into the form and keeps mine. */
  readonly take: (theirs: Row, form: Form<Values>) => void;
  /** Goes on from another base, of which the form has everything. */
  readonly moveTo: (row: Row) => void;
}

export function useEdited<Row extends Versioned, Values extends Record<string, unknown>>(
  row: Row | undefined,
  valuesOf: (row: Row | undefined) => Values,
): Edited<Row, Values> {
  const [base, setBase] = useState(row);
  const [before, setBefore] = useState(() => valuesOf(row));
  const [met, setMet] = useState<{ readonly theirs: Row; readonly isPerhapsOwn: boolean }>();
  const moveTo = (next: Row): void => {
    setBase(next);
    setBefore(valuesOf(next));
    setMet(undefined);
  };
  const take = (next: Row, form: Form<Values>): void => {
    const now = valuesOf(next);
    const merged = mergeValues(form.values, before, now);
    form.setInitialValues(now);
    form.setValues(merged);
    moveTo(next);
  };
  return {
    base,
    before,
    theirs: met?.theirs,
    isPerhapsOwn: met?.isPerhapsOwn ?? false,
    meet: (theirs, isPerhapsOwn) => setMet({ theirs, isPerhapsOwn }),
    take,
    moveTo,
  };
}
