import type { UseFormReturnType } from "@mantine/form";
import { problemOf } from "../api/problem.ts";

/** Words for the codes of refused values, where ours are kinder than the wire's. */
const WORDS: Readonly<Record<string, string>> = {
  name_taken: "This name is taken. Names are unique over all users.",
  in_past: "This moment is over. Choose one in the future.",
  user_missing: "There is no such user any more.",
  user_without_role: "This user holds no role, and so may not have keys.",
};

/**
 * Puts each fault of a failed request at its field, and the focus on the first of them.
 * @param fields name on the wire to name in the form
 * @returns whether any of them has a field
 */
export function placeFaults<Values extends Record<string, unknown>>(
  error: unknown,
  form: UseFormReturnType<Values>,
  fields: Readonly<Record<string, string>>,
): boolean {
  const placed: Record<string, string> = {};
  for (const { path, code, message } of problemOf(error).errors) {
    const [name = "", at] = path.split(".");
    const field = fields[path] ?? fields[name];
    if (field !== undefined) placed[field] ??= sayWhich(form.values[field], at) + (WORDS[code] ?? message);
  }
  if (Object.keys(placed).length === 0) return false;
  form.setErrors(placed);
  focusFirstError();
  return true;
}

/** Of several words, the one that is wrong. */
function sayWhich(value: unknown, at: string | undefined): string {
  if (!Array.isArray(value) || value.length < 2) return "";
  const word: unknown = value[Number(at)];
  return typeof word === "string" ? `${word}: ` : "";
}

const WRONG = ["input", "textarea", "button"]
  .map((tag) => `${tag}[aria-invalid=true], ${tag}[data-error]`)
  .join();
const FRAMES_MAX = 20;

/** The focus goes to the first wrong field in the order of the page, once it is marked. */
export function focusFirstError(): void {
  let frames = 0;
  const look = (): void => {
    const dialogs = document.querySelectorAll<HTMLElement>("[role=dialog]");
    const scope = dialogs[dialogs.length - 1] ?? document;
    const wrong = scope.querySelector<HTMLElement>(WRONG);
    if (wrong) wrong.focus();
    else if (frames++ < FRAMES_MAX) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
