/** Origins of pages, compared as URLs have them: small letters, and no port where it is the scheme's own. */

/** @returns undefined for what is no origin, `null` among them */
export function originOf(text: string): string | undefined {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const { origin, pathname, search, hash, username, password } = new URL(text);
  const isBare = pathname === "/" && `${search}${hash}${username}${password}` === "";
  return isBare ? origin : undefined;
}

export function isOneOf(origin: string, known: readonly string[]): boolean {
  if (known.includes(origin)) return true;
  const exact = originOf(origin);
  return exact !== undefined && known.includes(exact);
}
