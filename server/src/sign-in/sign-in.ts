/** The ways to sign in: by password and token here, by key and SCRAM in files of their own. */
import type { Origin } from "../domain/caller.ts";
import type { MaybePromise } from "../store/store.ts";
import { noteRefusal, noteSignIn, wordsOfRefusal } from "./audit.ts";
import { refusalOfUser, standingOf } from "./caller.ts";
import { requireAllowedTransport } from "./clear-text.ts";
import type { CallerResult, ScramExchange, SignInResult } from "./credential.ts";
import { credentialOfPassword, credentialOfToken, rootOfToken, type SignInDeps } from "./deps.ts";
import { KeySignIn } from "./key.ts";
import { provePassword } from "./password-proof.ts";
import { ScramSignIn } from "./scram.ts";
import { noteKeyUse } from "./use.ts";

/** Every attempt is audited, apart from changes and never with what was presented. */
export interface SignIn {
  /**
   * @param username the owner whom the client named; undefined: whoever it is
   * A right key over an insecure transport is treated as the settings say for this door.
   */
  byKey(text: string, username: string | undefined, origin: Origin): Promise<SignInResult>;
  /**
   * For doors that ask with every request: judged as `byKey` does, without a session. Its use is counted, not audited.
   */
  callerOfKey(text: string, origin: Origin): MaybePromise<CallerResult>;
  /** The same for a request that goes on: judged anew, but no use of the key, so nothing is counted, spent or noted. */
  callerAgain(text: string, origin: Origin): MaybePromise<CallerResult>;
  /** Slowed for each account and network. Takes as long for a name that does not exist. */
  byPassword(username: string, password: string, origin: Origin): Promise<SignInResult>;
  byToken(token: string, origin: Origin): Promise<SignInResult>;
  /**
   * First step of SCRAM-SHA-512 (protocol 3.4). Unknown names get a fake salt and fail at the second step.
   * @param binding tls-server-end-point of the certificate that the client sees; undefined off TLS
   * @returns undefined where the first message is refused at once
   */
  scramFirst(
    message: string,
    origin: Origin,
    binding: Uint8Array | undefined,
  ): Promise<ScramExchange | undefined>;
}

export function createSignIn(deps: SignInDeps): SignIn {
  const keys = new KeySignIn(deps);
  const scram = new ScramSignIn(deps);
  return {
    byKey: (text, username, origin) => keys.byKey(text, username, origin),
    callerOfKey: (text, origin) => keys.callerOfKey(text, origin),
    callerAgain: (text, origin) => keys.callerAgain(text, origin),
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
  const proof = await provePassword(deps, { username, password }, origin);
  if (!proof.ok) return proof;
  const { user } = proof;
  const reason = refusalOfUser(user);
  if (reason) {
    const failed = { kind: "LOGIN_PASSWORD", reason, error: wordsOfRefusal(reason) } as const;
    noteRefusal(deps, { ...failed, username: user.username }, origin);
    return { ok: false, reason };
  }
  const credential = credentialOfPassword(deps, user, seen);
  noteSignIn(deps.audit, credential, origin);
  return { ok: true, credential };
}

async function byToken(deps: SignInDeps, text: string, origin: Origin): Promise<SignInResult> {
  await deps.feed.follow();
  const seen = deps.sessions.mark();
  await requireAllowedTransport(deps.store, origin).catch((error: unknown) => {
    const failed = { kind: "TOKEN", reason: "insecure_transport", error: (error as Error).message } as const;
    noteRefusal(deps, failed, origin);
    throw error;
  });
  const token = await deps.tokens.take(text, origin);
  if (!token) {
    noteRefusal(deps, { kind: "TOKEN", reason: "unknown", error: "Invalid token" }, origin);
    return { ok: false, reason: "unknown" };
  }
  const root = rootOfToken(token, seen);
  const { store, verify } = deps;
  const standing = await standingOf({ store, verify: { judge: verify.admit } }, root, {
    origin,
    session: null,
  });
  if (!standing.ok) {
    const { reason } = standing;
    if (!token.isSingleUse && reason !== "rate_limited") await deps.tokens.drop(token.id);
    const { username } = root;
    noteRefusal(deps, { kind: "TOKEN", reason, error: wordsOfRefusal(reason), username }, origin);
    return { ok: false, reason };
  }
  const credential = credentialOfToken(deps, root, token);
  noteSignIn(deps.audit, credential, origin);
  if (root.key) noteKeyUse(deps, root.key.id, origin);
  return { ok: true, credential };
}
