/** The version that a change was decided on, judged in the change's own transaction. Stands alone because every use case asks it. */
import { AppError } from "./errors.ts";

type Versioned = "key" | "user" | "group" | "settings";

/** Throws conflict where somebody has changed it since. @param wanted undefined: whatever is there */
export function requireVersion(what: Versioned, is: number, wanted: number | undefined): void {
  if (wanted !== undefined && wanted !== is) throw changedMeanwhile(what);
}

export function changedMeanwhile(what: Versioned): AppError {
  const words = what === "settings" ? "The settings were" : `The ${what} was`;
  return new AppError(
    "conflict",
    `${words} changed meanwhile; look at ${what === "settings" ? "them" : "it"} again`,
  );
}
