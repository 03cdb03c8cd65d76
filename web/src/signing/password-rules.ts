/** What can be said before the server judges; it also refuses common passwords. */
import { PASSWORD_CHARS_MIN } from "@chatelaine/contract/limits";

export function passwordFault(password: string): string | null {
  if ([...password].length >= PASSWORD_CHARS_MIN) return null;
  return `At least ${PASSWORD_CHARS_MIN} characters. Three or four words in a row are easy to keep in mind.`;
}

export const PASSWORD_HINT = `At least ${PASSWORD_CHARS_MIN} characters, and not a common one.`;
