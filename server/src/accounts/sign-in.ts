/** The ways to sign in: by password and token here, by key and SCRAM in files of their own. */
import { networkOf } from "../domain/address.ts";
import type { Origin } from "../domain/caller.ts";
import { isUsername } from "../domain/user.ts";
import type { PasswordRecord } from "../store/store.ts";
import type { SignIn, SignInRefusal, SignInResult } from "./accounts.ts";
import { countAttempt, GUESS_WINDOW_MS } from "./guesses.ts";
import { KeySignIn } from "./key-sign-in.ts";
import { ScramSignIn } from "./scram-sign-in.ts";
import { credentialOfPassword, credentialOfToken, type SignInDeps } from "./sign-in-deps.ts";
import { noteRefusal, noteSignIn, wordsOfRefusal } from "./sign-in-notes.ts";
import { noteKeyUse } from "./sign-in-use.ts";
import { refusalOfUser, standingOf } from "./standing.ts";

export function createSignIn(deps: SignInDeps): SignIn {
  const keys = new KeySignIn(deps);
  const scram = new ScramSignIn(deps);
  return {
    byKey: (text, username, origin) => keys.byKey(text, username, origin),
    callerOfKey: (text, username, origin) => keys.callerOfKey(text, username, origin),
    callerAgain: (text, username, origin) => keys.callerAgain(text, username, origin),
    byPassword: (username, password, origin) => byPassword(deps, { username, password }, origin),
    byToken: (token, origin) => byToken(deps, token, origin),
    scramFirst: (message, origin, binding) => scram.first(message, origin, binding),
  };
}

async function byPassword(
  deps: SignInDeps,
  { username, password }: { readonly username: string; readonly password: string },
  origin: Origin,
): Promise<SignInResult> {
  await deps.feed.follow();
  const seen = deps.sessions.mark();
  const named = isUsername(username) ? username : undefined;
  const user = named === undefined ? undefined : await deps.store.findPassword(named);
  const refuse = (reason: SignInRefusal, error: string) =>
    refusePassword(deps, { reason, error, user }, origin);
  const attempt = await countAttempt(deps, named, origin.address);
  if (!attempt)
    return { ...refuse("too_many_guesses", wordsOfRefusal("too_many_guesses")), waitMs: GUESS_WINDOW_MS };
  const answer = await deps.passwords.check(password, user?.passwordHash ?? null, networkOf(origin.address));
  if (answer === "busy") {
    await attempt.takeBack();
    return refuse("busy", wordsOfRefusal("busy"));
  }
  if (!user) return refuse("unknown", "User does not exist");
  if (answer === "wrong") return refuse("unknown", "Wrong password");
  await attempt.succeeded();
  const reason = refusalOfUser(user);
  if (reason) return refuse(reason, wordsOfRefusal(reason));
  const credential = credentialOfPassword(deps, user, seen);
  noteSignIn(deps.audit, credential, origin);
  return { ok: true, credential };
}

async function byToken(deps: SignInDeps, text: string, origin: Origin): Promise<SignInResult> {
  await deps.feed.follow();
  const seen = deps.sessions.mark();
  const token = deps.tokens.take(text, origin);
  if (!token) {
    noteRefusal(deps.audit, { kind: "TOKEN", reason: "unknown", error: "Invalid token" }, origin);
    return { ok: false, reason: "unknown" };
  }
  const { root } = token;
  const standing = await standingOf(deps, root, { origin, session: null });
  if (!standing.ok) {
    const { reason } = standing;
    deps.tokens.drop(token);
    const { username } = root;
    noteRefusal(deps.audit, { kind: "TOKEN", reason, error: wordsOfRefusal(reason), username }, origin);
    return { ok: false, reason };
  }
  const credential = credentialOfToken(deps, root, { tokenId: token.id, seen });
  noteSignIn(deps.audit, credential, origin);
  if (root.key) noteKeyUse(deps, root.key.id, origin);
  return { ok: true, credential };
}

function refusePassword(
  { audit }: SignInDeps,
  failed: { reason: SignInRefusal; error: string; user: PasswordRecord | undefined },
  origin: Origin,
): { ok: false; reason: SignInRefusal } {
  const { reason, error, user } = failed;
  noteRefusal(audit, { kind: "LOGIN_PASSWORD", reason, error, username: user?.username }, origin);
  return { ok: false, reason };
}
