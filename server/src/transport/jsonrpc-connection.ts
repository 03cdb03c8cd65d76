/**
 * One socket: its session, its calls and its limits.
 *
 * At most 10 calls run and 10 wait. Answers wait for room in the outbox, so a client that does not read holds its own calls
 * only. When the session ends from outside, calls that are under way are still answered, then the socket is closed.
 */
import { randomUUID } from "node:crypto";
import type { Accounts, Credential, ScramExchange, Session, SessionEnd } from "../accounts/accounts.ts";
import type { Caller, Origin } from "../domain/caller.ts";
import { AppError } from "../domain/errors.ts";
import { codePoints } from "../domain/query-values.ts";
import { jsonInSlices } from "../domain/slices.ts";
import type { Log } from "../log.ts";
import { RPC } from "./errors.ts";
import type { AnonymousRate, AnonymousSockets } from "./jsonrpc-admission.ts";
import type { Api, ApiMethod, Connection, ConnectionOptions, Peer } from "./jsonrpc-api.ts";
import {
  errorText,
  type Fault,
  type Request,
  readMessage,
  readRequest,
  resultText,
} from "./jsonrpc-frame.ts";
import { Outbox } from "./jsonrpc-outbox.ts";

const ANONYMOUS_CHARS_MAX = 8_192;
const SIGNED_IN_CHARS_MAX = 65_536;
export const HARD_CHARS_MAX = 2_097_152;
const RUNNING_MAX = 10;
const IN_FLIGHT_MAX = 20;
const LAST_ANSWERS_MS = 1_000;
const SIZE_REASON = "Max message length is 64 kB";

export interface ConnectionDeps {
  readonly api: Api;
  readonly accounts: Pick<Accounts, "sessions">;
  readonly log: Log;
  readonly sockets: AnonymousSockets;
  readonly rate: AnonymousRate;
}

export interface SocketData {
  readonly connection: SocketConnection;
}

type Socket = Bun.ServerWebSocket<SocketData>;
type Work = { readonly request: Request; readonly method: ApiMethod };

export class SocketConnection implements Connection {
  readonly id = randomUUID();
  readonly version: string;
  readonly peer: Peer;
  readonly origin: Origin;
  readonly options: ConnectionOptions = { legacy_jobs: true, private_methods: false, py_exceptions: false };
  scram: ScramExchange | undefined;
  readonly #deps: ConnectionDeps;
  #socket: Socket | undefined;
  #outbox: Outbox | undefined;
  #session: Session | undefined;
  #isTooOld = false;
  #isClosing = false;
  #signedOut: (() => void)[] = [];
  #running = 0;
  #waiting: Work[] = [];
  #idle: (() => void)[] = [];

  constructor(deps: ConnectionDeps, version: string, peer: Peer) {
    this.#deps = deps;
    this.version = version;
    this.peer = peer;
    this.origin = { ...peer.origin, sessionId: this.id };
  }

  get session(): Session | undefined {
    return this.#session;
  }

  opened(socket: Socket): void {
    this.#socket = socket;
    this.#outbox = new Outbox(socket, () => this.#giveUp());
  }

  /** Never throws. */
  receive(data: string | Buffer): void {
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
    this.#outbox?.close();
    if (this.#session) void this.#deps.accounts.sessions.close(this.#session, "disconnect");
    else this.#deps.sockets.put(this.origin.address, -1);
    this.#dropSession();
  }

  close(code: number, reason: string): void {
    this.#isClosing = true;
    this.#socket?.close(code, reason);
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
      if (session) return await this.#deps.accounts.sessions.caller(session);
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
    const { sessions } = this.#deps.accounts;
    if (this.#session) void sessions.close(this.#session, "replaced");
    else this.#deps.sockets.put(this.origin.address, -1);
    const session = sessions.open(credential, this.origin, (reason) => this.#ended(session, reason));
    this.#session = session;
    this.#isTooOld = false;
    return session;
  }

  async signOut(): Promise<void> {
    if (!this.#session) return;
    const closed = this.#deps.accounts.sessions.close(this.#session, "logout");
    this.#deps.sockets.put(this.origin.address, 1);
    this.#dropSession();
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
      this.#refuse({ id, code: RPC.methodNotFound, message: "Method does not exist" });
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
    try {
      const answer = await this.#answer(request, method);
      if (request.id === undefined) return;
      await this.#outbox?.sendWhenRoom(answer(request.id));
    } catch (error) {
      this.#deps.log.error("An answer could not be sent", { connection: this.id, error });
      this.close(1011, "Internal error");
    } finally {
      this.#running--;
      this.#runNext();
      if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  async #answer(request: Request, method: ApiMethod): Promise<(id: string) => string> {
    let result: unknown;
    try {
      this.#checkRate(request, method);
      result = await method.run(this, request.params);
    } catch (error) {
      const described = this.#deps.api.describe(error, (cause) => this.#unforeseen(request.method, cause));
      return (id) => errorText(id, described);
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

  #checkRate(request: Request, method: ApiMethod): void {
    if (!method.isRated || this.#session || this.peer.unix) return;
    if (!this.#deps.rate.take(request.method, this.origin.address ?? "")) {
      throw new AppError("too_many_requests", "Rate Limit Exceeded");
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
    if (this.#socket) this.#deps.sockets.put(this.origin.address, 1);
    this.#dropSession();
    if (reason === "too_old") this.#isTooOld = true;
    else void this.closeSoon(1000, "Session ended");
  }

  #dropSession(): void {
    this.#session = undefined;
    this.scram = undefined;
    for (const listener of this.#signedOut.splice(0)) listener();
  }

  #giveUp(): void {
    this.#isClosing = true;
    this.#deps.log.info("A client did not read and was disconnected", { connection: this.id });
    this.#socket?.terminate();
  }
}

/** In characters, not UTF-16 units. */
function isLonger(text: string, max: number): boolean {
  return text.length > max && (text.length > max * 2 || codePoints(text) > max);
}
