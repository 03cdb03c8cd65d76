/**
 * One socket: its session, its calls and its limits.
 *
 * Until it has signed in each of its calls is counted against its network, whatever the method. Beyond the limit a method that needs
 * a session is answered as ever, from its name alone; those that are open to strangers are refused. What a sign-in
 * that succeeds took is given back (held by `strangers.test.ts`).
 *
 * At most 10 calls run and 10 wait. Answers wait for room in the outbox, so a client that does not read holds its own calls
 * only. When the session ends from outside, calls that are under way are still answered, then the socket is closed.
 */
import { randomUUID } from "node:crypto";
import type { Caller, Origin } from "../../domain/caller.ts";
import { AppError } from "../../domain/errors.ts";
import { codePoints } from "../../domain/filter-values.ts";
import { jsonInSlices } from "../../domain/slices.ts";
import type { Log } from "../../log.ts";
import type { Credential, Session, SessionEnd } from "../../sign-in/credential.ts";
import type { Sessions } from "../../sign-in/sessions.ts";
import { ERRNO, RPC } from "../errors.ts";
import type { AnonymousRate, RateCounter } from "./admission.ts";
import {
  type Api,
  type ApiMethod,
  type Connection,
  type ConnectionOptions,
  LongAnswer,
  type RpcError,
  type RpcPeer,
} from "./api.ts";
import { errorText, type Fault, type Request, readMessage, readRequest, resultText } from "./frame.ts";
import type { Lobby } from "./lobby.ts";
import { Outbox } from "./outbox.ts";

const ANONYMOUS_CHARS_MAX = 8_192;
const SIGNED_IN_CHARS_MAX = 65_536;
export const HARD_CHARS_MAX = 2_097_152;
const RUNNING_MAX = 10;
const IN_FLIGHT_MAX = 20;
const LAST_ANSWERS_MS = 1_000;
/** More of one socket than there are methods: counters of windows that are over are forgotten. */
const COUNTERS_MAX = 100;
const SIZE_REASON = "Max message length is 64 kB";

export interface ConnectionDeps {
  readonly api: Api;
  readonly sessions: Sessions;
  readonly log: Log;
  readonly lobby: Lobby;
  readonly rate: AnonymousRate;
}

export interface SocketData {
  /** Absent on a socket that is sent away. */
  readonly connection?: SocketConnection;
}

type Socket = Bun.ServerWebSocket<SocketData>;
type Work = { readonly request: Request; readonly method: ApiMethod };

export class SocketConnection implements Connection {
  readonly id = randomUUID();
  readonly version: string;
  readonly peer: RpcPeer;
  readonly origin: Origin;
  readonly options: ConnectionOptions = { legacy_jobs: true, private_methods: false, py_exceptions: false };
  scram: Connection["scram"];
  pending: Connection["pending"];
  readonly #deps: ConnectionDeps;
  #socket: Socket | undefined;
  #outbox: Outbox | undefined;
  #session: Session | undefined;
  readonly #gone = new AbortController();
  #isTooOld = false;
  #isClosing = false;
  /** Told to close before it was open. */
  #lateClose: readonly [number, string] | undefined;
  /** Where its calls are counted since it came, or last failed to sign in. */
  #counted: RateCounter[] = [];
  #signedOut: (() => void)[] = [];
  #running = 0;
  #waiting: Work[] = [];
  #idle: (() => void)[] = [];

  constructor(deps: ConnectionDeps, version: string, peer: RpcPeer) {
    this.#deps = deps;
    this.version = version;
    this.peer = peer;
    this.origin = { ...peer.origin, sessionId: this.id };
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  opened(socket: Socket): void {
    this.#socket = socket;
    this.#outbox = new Outbox(socket, () => this.#giveUp());
    if (this.#lateClose) socket.close(...this.#lateClose);
  }

  /** The client has sent a frame, if only a ping. */
  heard(): void {
    this.#deps.lobby.heard(this);
  }

  /** Never throws. */
  receive(data: string | Buffer): void {
    this.heard();
    if (this.#isClosing) return;
    try {
      if (typeof data === "string") this.#receiveText(data);
      else this.close(1003, "Invalid websocket message type: binary");
    } catch (error) {
      this.#deps.log.error("A message could not be handled", { connection: this.id, error });
      this.close(1011, "Internal error");
    }
  }

  drained(): void {
    this.#outbox?.drained();
  }

  /** The socket is gone. */
  closed(): void {
    this.#isClosing = true;
    this.#socket = undefined;
    this.#waiting = [];
    this.#gone.abort();
    this.#outbox?.close();
    if (this.#session) void this.#deps.sessions.close(this.#session, "disconnect");
    this.#dropSession();
    this.#deps.lobby.leave(this);
  }

  close(code: number, reason: string): void {
    this.#isClosing = true;
    if (this.#socket) this.#socket.close(code, reason);
    else this.#lateClose = [code, reason];
  }

  /** Takes no more messages, answers what is under way and closes. */
  async closeSoon(code: number, reason: string): Promise<void> {
    this.#isClosing = true;
    if (this.#running > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#idle.push(resolve);
      const timer = setTimeout(resolve, LAST_ANSWERS_MS);
      await promise;
      clearTimeout(timer);
    }
    this.close(code, reason);
  }

  async caller(): Promise<Caller | undefined> {
    const session = this.#session;
    if (!session && !this.#isTooOld) return undefined;
    try {
      if (session) return await this.#deps.sessions.caller(session);
      throw new AppError("session_expired", "Session is expired");
    } catch (error) {
      // Told once; after that there just is no session.
      this.#isTooOld = false;
      throw error;
    }
  }

  signIn(credential: Credential): Session {
    // Nobody would ever close a session that is opened for a socket which went meanwhile.
    if (!this.#socket) throw new AppError("unavailable", "The connection is closed");
    const { sessions } = this.#deps;
    if (this.#session) void sessions.close(this.#session, "replaced");
    this.#deps.lobby.leave(this);
    for (const counter of this.#counted.splice(0)) counter.count--;
    const session = sessions.open(credential, this.origin, (reason) => this.#ended(session, reason));
    this.#session = session;
    this.#isTooOld = false;
    return session;
  }

  signInFailed(): void {
    this.#counted = [];
  }

  async signOut(): Promise<void> {
    if (!this.#session) return;
    const closed = this.#deps.sessions.close(this.#session, "logout");
    this.#dropSession();
    this.#deps.lobby.enter(this, this.origin.address);
    await closed;
  }

  notify(json: string): void {
    if (!this.#isClosing) this.#outbox?.send(json);
  }

  onSignedOut(listener: () => void): void {
    this.#signedOut.push(listener);
  }

  #receiveText(text: string): void {
    const isAnonymous = this.#session === undefined;
    if (isAnonymous && isLonger(text, ANONYMOUS_CHARS_MAX)) {
      this.close(1007, "Anonymous connection max message length is 8 kB");
      return;
    }
    if (isLonger(text, HARD_CHARS_MAX)) {
      this.close(1009, SIZE_REASON);
      return;
    }
    const message = readMessage(text);
    if (!message.ok) {
      this.#refuse(message.fault);
      return;
    }
    if (!isAnonymous && isLonger(text, SIGNED_IN_CHARS_MAX)) {
      this.close(1009, SIZE_REASON);
      return;
    }
    const request = readRequest(message.value, text);
    if (request.ok) this.#take(request.value);
    else this.#refuse(request.fault);
  }

  #refuse({ id, code, message }: Fault): void {
    if (id !== undefined) this.#outbox?.send(errorText(id, { code, message }));
  }

  #take(request: Request): void {
    const { id } = request;
    const method = this.#deps.api.findMethod(this.version, request.method);
    if (!method) {
      if (id !== undefined) this.#outbox?.send(errorText(id, noSuchMethod(request.method)));
    } else if (this.#running + this.#waiting.length >= IN_FLIGHT_MAX) {
      const message = `Maximum number of concurrent calls (${IN_FLIGHT_MAX}) has exceeded`;
      this.#refuse({ id, code: RPC.tooManyCalls, message });
    } else {
      this.#waiting.push({ request, method });
      this.#runNext();
    }
  }

  #runNext(): void {
    while (this.#running < RUNNING_MAX && this.#waiting.length > 0) {
      this.#running++;
      void this.#run(this.#waiting.shift()!);
    }
  }

  async #run({ request, method }: Work): Promise<void> {
    let end: (() => void) | undefined;
    try {
      const answer = await this.#answer(request, method, (long) => {
        end = long.end;
      });
      if (request.id === undefined) return;
      await this.#outbox?.sendWhenRoom(answer(request.id));
      if (end) await this.#outbox?.room();
    } catch (error) {
      this.#deps.log.error("An answer could not be sent", { connection: this.id, error });
      this.close(1011, "Internal error");
    } finally {
      end?.();
      this.#running--;
      this.#runNext();
      if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  async #answer(
    request: Request,
    method: ApiMethod,
    isLong: (long: LongAnswer) => void,
  ): Promise<(id: string) => string> {
    let result: unknown;
    try {
      this.#requireRate(request, method);
      result = await method.run(this, request.params);
    } catch (error) {
      const described = this.#deps.api.describe(error, (cause) => this.#unforeseen(request.method, cause));
      return (id) => errorText(id, described);
    }
    if (result instanceof LongAnswer) {
      const { text } = result;
      isLong(result);
      return (id) => resultText(id, text);
    }
    try {
      const text = result === undefined ? "null" : await jsonInSlices(result);
      return (id) => resultText(id, text);
    } catch (error) {
      const { data } = this.#deps.api.describe(error, (cause) => this.#unforeseen(request.method, cause));
      const message = "Failed to JSON serialize server message";
      return (id) => errorText(id, { code: RPC.internalError, message, data });
    }
  }

  #requireRate(request: Request, { whenTooOften }: ApiMethod): void {
    if (this.#session || this.peer.unix) return;
    const counter = this.#deps.rate.take(request.method, this.origin.address);
    if (counter) {
      this.#counted.push(counter);
      if (this.#counted.length > COUNTERS_MAX) this.#counted.shift();
    } else if (whenTooOften === "busy") {
      throw new AppError("too_many_requests", "Rate Limit Exceeded");
    } else if (whenTooOften === "not_signed_in") {
      throw new AppError("not_authenticated", "Not authenticated");
    }
  }

  #unforeseen(method: string, error: unknown): string {
    const requestId = randomUUID();
    this.#deps.log.error("A call failed", {
      requestId,
      method: method.slice(0, 100),
      connection: this.id,
      error,
    });
    return requestId;
  }

  #ended(session: Session, reason: SessionEnd): void {
    if (this.#session !== session) return;
    this.#dropSession();
    if (this.#socket) this.#deps.lobby.enter(this, this.origin.address);
    if (reason === "too_old") this.#isTooOld = true;
    else void this.closeSoon(1000, "Session ended");
  }

  #dropSession(): void {
    this.#session = undefined;
    this.scram = undefined;
    this.pending = undefined;
    for (const listener of this.#signedOut.splice(0)) listener();
  }

  #giveUp(): void {
    this.#isClosing = true;
    this.#deps.log.info("A client did not read and was disconnected", { connection: this.id });
    this.#socket?.terminate();
  }
}

/** In characters, not UTF-16 units. */
/** Names as the original's own; anything else may be a key or password, and is not repeated. */
const METHOD_NAME = /^(?=.{1,64}$)[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+$/;

/**
 * Official clients compare the message, and take its words in `data` for a thing that is gone: those say instead what kind
 * of server this is.
 */
function noSuchMethod(name: string): RpcError {
  const shown = METHOD_NAME.test(name) ? `and no ${name}` : "and not this method";
  const reason = `[ENOMETHOD] Chatelaine has keys, users and groups, ${shown}`;
  const data = { error: ERRNO.ENOMETHOD, errname: "ENOMETHOD", reason, trace: null, extra: null };
  return { code: RPC.methodNotFound, message: "Method does not exist", data };
}

function isLonger(text: string, max: number): boolean {
  return text.length > max && (text.length > max * 2 || codePoints(text) > max);
}
