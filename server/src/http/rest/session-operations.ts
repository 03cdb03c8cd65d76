import { codecOf, type Inside } from "@chatelaine/contract/codec";
import { mayCall, type OperationName, operationList } from "@chatelaine/contract/operations/operations";
import { Me, type Session as SessionSchema } from "@chatelaine/contract/operations/session";
import { credentialKind } from "../../domain/audit.ts";
import { AppError, errorCode } from "../../domain/errors.ts";
import { userEntry } from "../../domain/user.ts";
import type { Credential, Session, SignInOutcome } from "../../sign-in/credential.ts";
import type { WaitingToken } from "../../sign-in/token.ts";
import { refuseForeignOrigin, requireOwnOrigin } from "../browser.ts";
import type { Authenticated, Call, Handlers, NamesOf, RestDeps } from "./call.ts";
import { refusedKey } from "./problem.ts";

type SessionEntry = Inside<typeof SessionSchema>;

export const sessionHandlers: Handlers<
  NamesOf<"session"> | NamesOf<"sessions"> | NamesOf<"me"> | NamesOf<"setup">
> = {
  "session.get": async ({ authenticated, deps }) =>
    authenticated ? whoAmI(authenticated, deps) : { user: null },
  "session.create": (call) => signIn(call),
  "session.remove": async ({ req, peer, deps }) => {
    const token = deps.cookies.read(req.headers, peer);
    if (token !== undefined) {
      requireOwnOrigin(req, peer.ownOrigins());
      await deps.browserSessions.close(token, peer.origin);
    }
    const cookie = deps.cookies.clear(peer);
    return json({ user: null }, cookie);
  },
  "sessions.list": async ({ caller, authenticated, deps }) => {
    const connections = deps.sessions.list(caller).map(connectionEntry);
    const browsers = (await deps.browserSessions.list(caller)).map((session) => ({
      id: session.id,
      current: session.id === authenticated?.session?.id,
      kind: "browser" as const,
      username: session.username,
      credentials: credentialKind(session.methods),
      key: null,
      address: session.address,
      client: session.client,
      secure: session.secure,
      createdAt: session.createdAt,
    }));
    const tokens = (await deps.tokens.list(caller)).map(tokenEntry);
    const entries: SessionEntry[] = [...browsers, ...connections, ...tokens];
    return { entries, total: entries.length };
  },
  "sessions.remove": async ({ caller, params, deps, receipts }) => {
    const { result, receipt } = await receipts.of(() => deps.sessions.terminate(caller, params.id));
    if (!result) throw new AppError("not_found", "There is no such session");
    return { id: params.id, receipt };
  },
  "sessions.removeOthers": async ({ caller, deps, receipts }) => {
    const { receipt } = await receipts.of(() => deps.sessions.terminateOthers(caller));
    return { receipt };
  },
  "me.setAttribute": async ({ caller, params, body, deps }) => {
    await deps.users.setAttribute(caller, params.name, body.value);
    return { name: params.name, value: body.value };
  },
  "setup.get": async ({ deps }) => ({ needed: await deps.setup.isNeeded() }),
  "setup.create": async ({ req, peer, body, deps }) => {
    refuseForeignOrigin(req, peer.ownOrigins());
    const { token, ...rest } = body;
    return userEntry(await deps.setup.createFirst(token, rest, peer.origin));
  },
};

async function signIn({ req, peer, body, deps }: Call<"session.create">): Promise<Response> {
  refuseForeignOrigin(req, peer.ownOrigins());
  const outcome = await deps.signIn.byPassword(body.username, body.password, peer.origin);
  const credential = signedInBy(outcome);
  const before = deps.cookies.read(req.headers, peer);
  if (before !== undefined) await deps.browserSessions.close(before, peer.origin);
  const { token } = await deps.browserSessions.open(credential, peer.origin);
  const authenticated = await deps.browserSessions.find(token, peer.origin);
  if (!authenticated) throw changedMeanwhile();
  return json(codecOf(Me).encode(await standingWhoAmI(authenticated, deps)), deps.cookies.set(token, peer));
}

/** Throws for anyone who is not signed in. No operation takes a second factor yet. */
function signedInBy(outcome: SignInOutcome): Credential {
  switch (outcome.kind) {
    case "signed_in":
      return outcome.credential;
    case "needs":
      throw new AppError(
        "not_authenticated",
        "This account needs a second factor, which cannot be given here",
      );
    case "refused":
      if (outcome.reason !== "unknown") throw refusedKey(outcome);
      throw new AppError("not_authenticated", "Wrong user name or password");
  }
}

/** A session that ended before it was told is handed to nobody. */
async function standingWhoAmI(authenticated: Authenticated, deps: RestDeps) {
  try {
    const answer = await whoAmI(authenticated, deps);
    await deps.requireStanding(authenticated.caller);
    return answer;
  } catch (error) {
    throw ["credential_ended", "not_found"].includes(errorCode(error)) ? changedMeanwhile() : error;
  }
}

function changedMeanwhile(): AppError {
  return new AppError("session_expired", "The account was changed while you signed in; sign in again");
}

async function whoAmI({ caller, session }: Authenticated, deps: RestDeps) {
  const { settings } = deps;
  const [user, policy] = await Promise.all([
    deps.users.get(caller, { id: caller.userId }),
    settings.policy(caller),
  ]);
  const { sessionIdleMinutes, sessionHours, publicUrl } = settings.current();
  return {
    user,
    roles: [...caller.roles],
    scopes: [...caller.scopes],
    key: caller.key,
    session: session
      ? {
          id: session.id,
          idleEndsAt: deps.clock.now() + sessionIdleMinutes * 60_000,
          endsAt: session.createdAt + sessionHours * 3_600_000,
        }
      : null,
    keyPolicy: policy,
    publicUrl,
    may: operationList
      .filter((operation) => mayCall(operation, caller.roles))
      .map(({ name }) => name as OperationName),
  };
}

function connectionEntry({ id, credential, origin, createdAt }: Session): SessionEntry {
  const { key } = credential;
  return {
    id,
    current: false,
    kind: "connection",
    username: credential.username,
    credentials: credential.kind,
    key,
    address: origin.address,
    client: origin.client,
    secure: origin.transport === "secure",
    createdAt,
  };
}

/** One that waits to be used; what it has opened already is a connection of its own. */
function tokenEntry({ id, root, address, client, secure, createdAt }: WaitingToken): SessionEntry {
  const { username, key } = root;
  return {
    id,
    current: false,
    kind: "token",
    username,
    credentials: "TOKEN",
    key,
    address,
    client,
    secure,
    createdAt,
  };
}

function json(value: unknown, cookie: string): Response {
  const response = Response.json(value);
  response.headers.set("Set-Cookie", cookie);
  return response;
}
