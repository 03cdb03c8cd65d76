/**
 * The composition root: nothing else knows how the parts are put together.
 *
 * `createServer` is the whole program in one process; `openLocal` is the same use cases straight on a data folder, for
 * the command line, whether or not a server runs on it.
 */
import type { Accounts } from "./accounts/accounts.ts";
import type { Audit } from "./audit/audit.ts";
import type { Config } from "./config.ts";
import type { Random } from "./crypto.ts";
import type { Caller } from "./domain/caller.ts";
import type { Clock } from "./domain/clock.ts";
import type { Feed } from "./feed/feed.ts";
import type { Keys } from "./keys/keys.ts";
import type { Log } from "./log.ts";
import type { SettingsUseCase } from "./settings/settings.ts";
import type { Store } from "./store/store.ts";
import type { Verify } from "./verify/verify.ts";

/** The use cases, put together over one store. */
export interface App {
  readonly store: Store;
  readonly verify: Verify;
  readonly keys: Keys;
  readonly accounts: Accounts;
  readonly audit: Audit;
  readonly settings: SettingsUseCase;
  readonly feed: Feed;
  readonly clock: Clock;
  readonly log: Log;
}

/** What tests put in the place of the real thing. */
export interface Overrides {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
}

export interface Server {
  /** Where it answers: `http://127.0.0.1:5390`, `https://...`, `unix:/path`. Ports asked for as 0 are told as they are. */
  readonly urls: readonly string[];
  readonly app: App;
  /** PEM of the local CA; undefined with a brought certificate or without https. */
  readonly caPem: string | undefined;
  /** SHA-256 of the served leaf, `AA:BB:..`; undefined without https. */
  readonly fingerprint: string | undefined;
  /** A one-time link's token while there is no user. */
  makeSetupToken(): Promise<string | undefined>;
  /** Takes a renewed certificate (SIGHUP) without dropping anybody. */
  refreshCertificate(): Promise<void>;
  close(): Promise<void>;
}

export interface Local extends App {
  /** The command line itself: it may everything, and the audit says so. */
  readonly caller: Caller;
  close(): Promise<void>;
}

export declare function createServer(config: Config, overrides?: Overrides): Promise<Server>;

/** Throws unavailable where the folder holds no installation: only `serve` makes one. */
export declare function openLocal(folder: string, overrides?: Overrides): Promise<Local>;
