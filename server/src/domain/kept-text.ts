/**
 * Words that are kept and shown to others hold no secret: where one has the looks of a key or token (`masking.ts`), the
 * whole change is refused. Asked of a use case's whole input, so that no member can be forgotten (held by
 * `kept-text.test.ts`, which finds every text that is kept in the contract).
 */
import type { Issue } from "@chatelaine/contract/errors";
import { holdsKeyText, holdsSecret, maskText } from "./masking.ts";

/** What is given in clear and kept sealed or hashed. */
const SECRETS = new Set(["password", "currentPassword", "webhookSecret", "token"]);
/** In addresses and certificates long random words are no sign of a key. */
const LONG_WORDS = new Set(["webhookUrl", "clientCertificate"]);
const MESSAGE =
  "This holds the text of a key or token, which nobody may keep in clear: take it out, and reset the key";

/** @returns one issue for each text in it that looks like a secret, members' names too */
export function keptTextIssues(input: unknown, path: readonly (string | number)[] = []): Issue[] {
  if (typeof input === "string") {
    const holds = LONG_WORDS.has(String(path[0])) ? holdsKeyText : holdsSecret;
    return holds(input) ? [issue(path)] : [];
  }
  if (Array.isArray(input)) return input.flatMap((one, place) => keptTextIssues(one, [...path, place]));
  if (typeof input !== "object" || input === null) return [];
  return Object.entries(input).flatMap(([name, member]) => {
    if (path.length === 0 && SECRETS.has(name)) return [];
    return [
      ...(holdsSecret(name) ? [issue(path)] : []),
      ...keptTextIssues(member, [...path, maskText(name)]),
    ];
  });
}

function issue(path: Issue["path"]): Issue {
  return { path, code: "holds_secret", message: MESSAGE };
}
