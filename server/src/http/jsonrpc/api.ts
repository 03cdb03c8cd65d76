/**
 * What JSON-RPC over WebSocket asks of an API, and what it gives to it. The transport knows frames, limits and sockets;
 * the API knows methods, rights and words.
 */

import type { Caller, Origin } from "../../domain/caller.ts";
import type { Credential, PendingSignIn, ScramExchange, Session } from "../../sign-in/credential.ts";

import type { RpcCode } from "../errors.ts";

/** What the listener knows of a connection. */
export interface RpcPeer {
  /** Its door is `websocket`; `sessionId` is set here. */
  readonly origin: Origin;
  /** TLS ended here. */
  readonly tls: boolean;
  /** tls-server-end-point (RFC 5929) of the certificate that the client sees; undefined off TLS. */
  readonly binding: (() => Uint8Array) | undefined;
  readonly unix: boolean;
  /** Origins of our own pages, as this client addresses us. */
  readonly ownOrigins: readonly string[];
  /** A trusted proxy stands between, which may drop the port from `Host`. */
  readonly proxied: boolean;
}

/** Members of `core.set_options`. */
export interface ConnectionOptions {
  legacy_jobs: boolean;
  private_methods: boolean;
  py_exceptions: boolean;
}

/** With what was asked for beside it. */
interface PendingLogin {
  readonly signIn: PendingSignIn;
  readonly options: { readonly user_info: boolean; readonly reconnect_token?: boolean };
}

export interface Connection {
  /** UUID; also the id of its session. */
  readonly id: string;
  readonly version: string;
  readonly peer: RpcPeer;
  readonly origin: Origin;
  readonly options: ConnectionOptions;
  readonly session: Session | undefined;
  /** Ends when the socket is gone. */
  readonly gone: AbortSignal;
  /** Of a SCRAM sign-in between its two messages. */
  scram: ScramExchange | undefined;
  /** Of a sign-in that waits for another factor. */
  pending: PendingLogin | undefined;
  /** With rights as they are now; undefined without a session. Throws session_expired where it has ended. */
  caller(): Promise<Caller | undefined>;
  /** Puts this credential in the place of the one before. */
  signIn(credential: Credential): Session;
  /** A sign-in was refused: what was asked for it stays counted. */
  signInFailed(): void;
  /** Ends the session and what hangs on it, and waits for changes that were judged before; the socket stays open. */
  signOut(): Promise<void>;
  /** Sends a notification; `json` is its text. A client that does not read is disconnected. */
  notify(json: string): void;
  /** Called once when this session has ended, however, unless another takes its place. */
  onSignedOut(listener: () => void): void;
}

/** A result whose text is made, and that is counted until its client has taken it, or has gone. */
export class LongAnswer {
  readonly text: string;
  /** To be called when it is not in memory any more; once counts. */
  readonly end: () => void;

  constructor(text: string, end: () => void) {
    this.text = text;
    this.end = end;
  }
}

export interface RpcError {
  readonly code: RpcCode;
  readonly message: string;
  readonly data?: {
    readonly error: number;
    readonly errname: string;
    readonly reason: string;
    readonly trace: null;
    readonly extra: readonly unknown[] | null;
  };
}

export interface ApiMethod {
  /**
   * What somebody without a session gets who calls it too often: the answer all the same, that the server is busy, or, unread,
   * that they have not signed in.
   */
  readonly whenTooOften: "answered" | "busy" | "not_signed_in";
  /** @returns a value for JSON, or a LongAnswer, which the one who asked has to end */
  run(connection: Connection, params: readonly unknown[]): Promise<unknown>;
}

export interface Api {
  /** Oldest first; the newest is `current`. */
  readonly versions: readonly string[];
  findMethod(version: string, name: string): ApiMethod | undefined;
  /**
   * How an error is said.
   * @param unforeseen called for what nobody foresaw; logs it and returns the request id that stands for it
   */
  describe(error: unknown, unforeseen: (error: unknown) => string): RpcError;
}
