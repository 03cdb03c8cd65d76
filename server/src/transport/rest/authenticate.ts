/**
 * Who asks: a key in a header, or else the session cookie. Every way in yields the same caller; two credentials in
 * headers that differ are refused, because nobody could say which one counts.
 */
import { AppError } from "../../domain/errors.ts";
import { readSessionCookie, requireOwnOrigin } from "../browser.ts";
import type { Peer } from "../peer.ts";
import type { Asker, RestDeps } from "./call.ts";
import { malformed, refusedKey } from "./problem.ts";

export interface Presented {
  readonly text: string;
  /** The owner whom the client named. */
  readonly username: string | undefined;
}

/** undefined: a visitor. Throws for a credential that is not good. */
export function authenticate(req: Request, peer: Peer, deps: RestDeps): Promise<Asker | undefined> {
  const { signIn, web } = deps.accounts;
  return ask(req, peer, { ofKey: signIn.callerOfKey, ofToken: web.find });
}

/** The same while an answer goes on: no use of the key, and nothing that keeps an idle session alive. */
export function authenticateAgain(req: Request, peer: Peer, deps: RestDeps): Promise<Asker | undefined> {
  const { signIn, web } = deps.accounts;
  return ask(req, peer, { ofKey: signIn.callerAgain, ofToken: web.findAgain });
}

interface Judges {
  readonly ofKey: RestDeps["accounts"]["signIn"]["callerOfKey"];
  readonly ofToken: RestDeps["accounts"]["web"]["find"];
}

async function ask(req: Request, peer: Peer, { ofKey, ofToken }: Judges): Promise<Asker | undefined> {
  const presented = readCredential(req.headers);
  if (presented) {
    const { text, username } = presented;
    const answer = await ofKey(text, username, peer.origin);
    if (!answer.ok) throw refusedKey(answer);
    return { caller: answer.caller, session: undefined };
  }
  const token = readSessionCookie(req, peer);
  if (token === undefined) return undefined;
  requireOwnOrigin(req, peer.ownOrigins);
  return ofToken(token, peer.origin);
}

/** A key in a header. undefined: there is none. Throws for two that differ. */
export function readCredential(headers: Headers): Presented | undefined {
  const authorization = headers.get("authorization");
  const header = headers.get("x-api-key");
  const found = [
    ...(authorization === null ? [] : [readAuthorization(authorization)]),
    ...(header === null ? [] : [readOwnHeader(header.trim())]),
  ];
  const [first, second] = found;
  if (first && second && first.text !== second.text) {
    throw malformed("Two different credentials in the headers; send one");
  }
  return first;
}

function readAuthorization(value: string): Presented {
  const [, scheme = "", rest = ""] = /^([A-Za-z]+) +(\S+)\s*$/.exec(value) ?? [];
  if (scheme.toLowerCase() === "bearer") return { text: rest, username: undefined };
  if (scheme.toLowerCase() === "basic") return readBasic(rest);
  if (value.includes(",")) throw malformed("Two credentials in one header; send one");
  throw new AppError(
    "not_authenticated",
    "Authorization must be `Bearer KEY`, or Basic with user name and key",
  );
}

/** No key has a comma in it: one that has is two headers, which were joined on the way. */
function readOwnHeader(text: string): Presented {
  if (text.includes(",")) throw malformed("Two credentials in one header; send one");
  return { text, username: undefined };
}

function readBasic(encoded: string): Presented {
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 0 || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(encoded))
    throw malformed("Basic credentials must be `user:key` in base64");
  return { text: text.slice(colon + 1), username: text.slice(0, colon) || undefined };
}
