/** What a handler of an operation is given and gives back. The contract's types hold both ends. */
import type { InsideOf, OperationName } from "@chatelaine/contract/operations/operations";
import type { Groups } from "../../accounts/groups.ts";
import type { Setup } from "../../accounts/setup.ts";
import type { Users } from "../../accounts/users.ts";
import type { Alerts } from "../../activity/alerts.ts";
import type { Audit } from "../../activity/audit.ts";
import type { Feed } from "../../activity/feed.ts";
import type { SettingsUseCase } from "../../activity/settings.ts";
import type { Usage } from "../../activity/use.ts";
import type { Webhook } from "../../activity/webhook.ts";
import type { Caller } from "../../domain/caller.ts";
import type { Clock } from "../../domain/clock.ts";
import type { Keys } from "../../keys/keys.ts";
import type { Log } from "../../log.ts";
import type { BrowserSessions, WebSession } from "../../sign-in/browser-sessions.ts";
import type { RequireStanding } from "../../sign-in/judge.ts";
import type { Sessions } from "../../sign-in/sessions.ts";
import type { SignIn } from "../../sign-in/sign-in.ts";
import type { Tokens } from "../../sign-in/token.ts";
import type { RateState } from "../../verify/verify.ts";
import type { Bodies } from "../bodies.ts";
import type { SessionCookies } from "../cookies.ts";
import type { RpcVersion } from "../docs/docs.ts";
import type { Peer } from "../peer.ts";
import type { RefuseShown } from "../shown-in-clear.ts";
import type { Receipts } from "./receipts.ts";

export interface RestDeps {
  readonly keys: Keys;
  readonly users: Users;
  readonly groups: Groups;
  readonly setup: Setup;
  readonly signIn: SignIn;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly browserSessions: BrowserSessions;
  readonly requireStanding: RequireStanding;
  readonly audit: Audit;
  readonly settings: SettingsUseCase;
  readonly alerts: Alerts;
  readonly webhook: Webhook;
  readonly usage: Pick<Usage, "clients" | "report" | "why" | "flush">;
  readonly feed: Feed;
  readonly clock: Clock;
  readonly bodies: Bodies;
  readonly cookies: SessionCookies;
  readonly log: Log;
  readonly refuseShown: RefuseShown;
  /** Origins of web pages other than our own that may call, with a key. */
  readonly allowOrigins?: readonly string[];
  /** The JSON-RPC API, for the documentation; oldest version first. */
  readonly rpcVersions?: readonly RpcVersion[];
}

/** Who asks, and by what. */
export interface Authenticated {
  readonly caller: Caller;
  /** undefined for a key. */
  readonly session: WebSession | undefined;
  /** What is left of the key's limits. */
  readonly rate?: RateState;
}

export interface Call<Name extends OperationName = OperationName> {
  readonly params: InsideOf<Name, "params">;
  readonly query: InsideOf<Name, "query">;
  readonly body: InsideOf<Name, "body">;
  /** What was sent, as it stood on the wire: by it a repeated request is known. */
  readonly sent: { readonly params: unknown; readonly body: unknown };
  readonly req: Request;
  readonly peer: Peer;
  readonly authenticated: Authenticated | undefined;
  /** Who asks. Operations open to anyone look at `authenticated`. */
  readonly caller: Caller;
  readonly deps: RestDeps;
  readonly receipts: Receipts;
}

/** A value is encoded by the operation's schema and answered as JSON with the operation's status; a Response is answered as it is. */
export type Handler<Name extends OperationName> = (
  call: Call<Name>,
) => Promise<InsideOf<Name, "output"> | Response>;

export type Handlers<Name extends OperationName> = { readonly [One in Name]: Handler<One> };

/** Names of operations whose names begin so. */
export type NamesOf<Group extends string> = Extract<OperationName, `${Group}.${string}`>;
