const CHARS_MIN = 12;

/** What can be said before the server judges; it also refuses common passwords. */
export function passwordFault(password: string): string | null {
  if ([...password].length >= CHARS_MIN) return null;
  return `At least ${CHARS_MIN} characters. Three or four words in a row are easy to keep in mind.`;
}

export const PASSWORD_HINT = `At least ${CHARS_MIN} characters, and not a common one.`;
