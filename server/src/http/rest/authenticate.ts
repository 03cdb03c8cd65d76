/**
 * Who asks: a key in a header, or else the session cookie. Every way in yields the same caller; two credentials in
 * headers that differ are refused, because nobody could say which one counts.
 */
import { AppError } from "../../domain/errors.ts";
import { requireOwnOrigin } from "../browser.ts";
import type { Peer } from "../peer.ts";
import { readPresentedKey } from "../presented.ts";
import type { Authenticated, RestDeps } from "./call.ts";
import { malformed, refusedKey } from "./problem.ts";

/** undefined: a visitor. Throws for a credential that is not good. */
export function authenticate(req: Request, peer: Peer, deps: RestDeps): Promise<Authenticated | undefined> {
  const { signIn, browserSessions } = deps;
  return ask(req, peer, { cookies: deps.cookies, ofKey: signIn.callerOfKey, ofToken: browserSessions.find });
}

/** The same while an answer goes on: no use of the key, and nothing that keeps an idle session alive. */
export function authenticateAgain(
  req: Request,
  peer: Peer,
  deps: RestDeps,
): Promise<Authenticated | undefined> {
  const { signIn, browserSessions } = deps;
  return ask(req, peer, {
    cookies: deps.cookies,
    ofKey: signIn.callerAgain,
    ofToken: browserSessions.findAgain,
  });
}

interface Judges {
  readonly cookies: RestDeps["cookies"];
  readonly ofKey: RestDeps["signIn"]["callerOfKey"];
  readonly ofToken: RestDeps["browserSessions"]["find"];
}

async function ask(
  req: Request,
  peer: Peer,
  { cookies, ofKey, ofToken }: Judges,
): Promise<Authenticated | undefined> {
  const text = readCredential(req.headers);
  if (text !== undefined) {
    const answer = await ofKey(text, peer.origin);
    if (!answer.ok) throw refusedKey(answer);
    return { caller: answer.caller, session: undefined, rate: answer.rate };
  }
  const token = cookies.read(req.headers, peer);
  if (token === undefined) return undefined;
  requireOwnOrigin(req, peer.ownOrigins());
  return ofToken(token, peer.origin);
}

/** The text of a key in a header. undefined: there is none. Throws for two that differ, and for a credential that is none of ours. */
export function readCredential(headers: Headers): string | undefined {
  const presented = readPresentedKey(headers, null);
  if (presented.kind === "key") return presented.text;
  if (presented.kind === "bad") throw malformed(presented.words);
  // An empty header is no credential.
  if (!headers.get("authorization")?.trim()) return undefined;
  throw new AppError(
    "not_authenticated",
    "Authorization must be `Bearer KEY`, or Basic with user name and key",
  );
}
