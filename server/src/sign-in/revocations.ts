/**
 * The changes that ended something, as this process has seen them.
 *
 * A sign-in notes `mark()` before it checks anything. What ended between that check and the opening of the session is
 * found here, so that no session outlives a revocation that fell in between (held by `sessions.test.ts`).
 */

import type { Feed } from "../activity/feed.ts";
import { ALL_SESSIONS } from "../domain/sessions.ts";
import type { Change } from "../store/store.ts";
import type { Credential } from "./credential.ts";

/** A sign-in that took longer than so many endings is refused. */
const KEPT_MAX = 10_000;

export class Endings {
  #recent: Change[] = [];
  #count = 0;

  mark(): number {
    return this.#count;
  }

  add(change: Change): void {
    this.#recent.push(change);
    this.#count++;
    if (this.#recent.length > 2 * KEPT_MAX) this.#recent = this.#recent.slice(-KEPT_MAX);
  }

  /** @returns the first change since the mark that ends the credential, `unknown` where the mark is too old */
  findSince(mark: number, credential: Credential, sessionId: string): Change | "unknown" | undefined {
    const oldest = this.#count - this.#recent.length;
    if (mark < oldest) return "unknown";
    return this.#recent.slice(mark - oldest).find((change) => endsCredential(change, credential, sessionId));
  }
}

export interface MarkDeps {
  readonly feed: Pick<Feed, "follow">;
  readonly sessions: { mark(): number };
}

/** Where this process stands in the feed, once it has heard all that is committed. */
export async function markNow({ feed, sessions }: MarkDeps): Promise<number> {
  await feed.follow();
  return sessions.mark();
}

/** Whether a change that ends something ends this. */
export function endsCredential(change: Change, credential: Credential, sessionId: string): boolean {
  switch (change.kind) {
    case "key":
      return credential.key?.id === change.id;
    case "user":
      return credential.userId === change.id && change.exceptSession !== sessionId;
    case "session":
      if (change.name === ALL_SESSIONS) return change.exceptSession !== sessionId;
      return lineOf(credential).includes(change.name);
    default:
      return false;
  }
}

/** The sessions and tokens that what was opened with this hangs on: it ends with each of them. */
export function lineOf({ token }: Credential): readonly string[] {
  if (token === null) return [];
  // Nothing ends a token that is spent.
  return token.isSingleUse ? token.line : [token.id, ...token.line];
}
