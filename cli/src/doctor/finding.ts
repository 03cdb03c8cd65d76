import type { Local } from "../command.ts";
import type { Canary } from "./canary.ts";
import type { Probe } from "./probe.ts";

export type FoundTwins = Awaited<ReturnType<Local["users"]["twins"]>>;

export interface Finding {
  readonly check: string;
  /** `hint`: nothing wrong is seen, but something should be looked at. */
  readonly result: "ok" | "FOUND" | "hint" | "skipped";
  readonly words: string;
  readonly mend?: string;
}

export interface Exam {
  readonly probe: Probe;
  readonly canary: Canary;
  /** What the site asks of keys, as far as was told. */
  readonly scopes: readonly string[];
  /** undefined: the data folder is not looked at. */
  readonly twins: FoundTwins | undefined;
}

/** Looks for one kind of mistake. The name is the finding's. */
export type DoctorCheck = readonly [name: string, run: (exam: Exam) => Promise<Omit<Finding, "check">>];

export function ok(words: string): Omit<Finding, "check"> {
  return { result: "ok", words };
}

export function found(words: string, mend: string): Omit<Finding, "check"> {
  return { result: "FOUND", words, mend };
}

export function skipped(words: string): Omit<Finding, "check"> {
  return { result: "skipped", words };
}

/** A few of many, so that a line stays a line. */
export function some(all: readonly string[], most = 4): string {
  const rest = all.length - most;
  return rest > 0 ? `${all.slice(0, most).join(", ")} and ${rest} more` : all.join(", ");
}
