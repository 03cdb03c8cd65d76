/**
 * The stream of changes, as server-sent events.
 *
 * One hub for the process numbers everything that happens and keeps the last of it, so that a browser that was away for a
 * moment gets what it missed, and one that was away for longer, or across a restart, is told that it missed something. A
 * stream shows what its caller may read at that moment, and ends with the session or key that opened it, in whichever
 * process that ended: every change of its key, user or session has it judged again, before it is told anything more
 * (held by `rest-events.test.ts`).
 */
import { randomUUID } from "node:crypto";
import type { Event as EventShape } from "@chatelaine/contract/operations/system";
import type { z } from "zod";
import type { Change } from "../../activity/feed.ts";
import type { Caller } from "../../domain/caller.ts";
import type { Clock } from "../../domain/clock.ts";
import { AppError } from "../../domain/errors.ts";
import { maskDeep } from "../../domain/masking.ts";
import type { Session } from "../../sign-in/credential.ts";
import { answerOf } from "../long-answers.ts";
import type { Authenticated, RestDeps } from "./call.ts";

type Shown = z.output<typeof EventShape>;

interface Happening {
  readonly number: number;
  readonly shown: Shown;
  /** Whose it is. */
  readonly userId: number | null;
}

const KEPT_MAX = 5_000;
const STREAMS_MAX = 2_000;
const STREAMS_PER_USER_MAX = 50;
const COMMENT_EVERY_MS = 15_000;
/** How often it is looked whether the end of a reader has come. */
const ENDS_EVERY_MS = 1_000;
/** What may wait for a reader that does not read. */
const WAITING_BYTES_MAX = 256 * 1024;

export interface EventHub {
  /** Throws limit_reached. @param again who asks, as they are at that moment; undefined where they may no longer */
  open(
    authenticated: Authenticated,
    lastEventId: string | null,
    again: () => Promise<Authenticated | undefined>,
  ): Response;
  close(): void;
}

type HubDeps = Pick<RestDeps, "feed" | "sessions" | "alerts" | "clock">;

export function createEventHub(deps: HubDeps): EventHub {
  return new Hub(deps);
}

class Hub implements EventHub {
  readonly #boot = randomUUID().slice(0, 8);
  readonly #streams = new Set<Stream>();
  readonly #leave: readonly (() => void)[];
  readonly #timers: readonly Timer[];
  readonly #clock: Clock;
  readonly #feed: HubDeps["feed"];
  #kept: Happening[] = [];
  #number = 0;

  constructor({ feed, sessions, alerts, clock }: HubDeps) {
    this.#clock = clock;
    this.#feed = feed;
    this.#leave = [
      feed.subscribe((change) => this.#addChange(change)),
      sessions.subscribe((action, session) => void this.#addSession(action, session)),
      alerts.subscribe(() => this.#add(ALERTS_CHANGED, null)),
    ];
    const judgeAll = (): void => {
      for (const stream of this.#streams) void this.#judge(stream).then(() => stream.comment());
    };
    const judgeOver = (): void => {
      for (const stream of this.#streams) if (this.#isOver(stream)) void this.#judge(stream);
    };
    this.#timers = [setInterval(judgeAll, COMMENT_EVERY_MS), setInterval(judgeOver, ENDS_EVERY_MS)];
  }

  open(
    authenticated: Authenticated,
    lastEventId: string | null,
    again: () => Promise<Authenticated | undefined>,
  ): Response {
    const own = [...this.#streams].filter((stream) => stream.userId === authenticated.caller.userId).length;
    if (this.#streams.size >= STREAMS_MAX || own >= STREAMS_PER_USER_MAX) {
      throw new AppError("limit_reached", "Too many open streams");
    }
    const stream = new Stream(authenticated, again, () => this.#streams.delete(stream));
    this.#streams.add(stream);
    stream.send("ready", this.#id(this.#number), {});
    if (lastEventId !== null) this.#resume(stream, lastEventId);
    return answerOf(stream.body, {
      headers: { "Content-Type": "text/event-stream", "X-Accel-Buffering": "no" },
    });
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const leave of this.#leave) leave();
    for (const stream of [...this.#streams]) stream.end();
  }

  #resume(stream: Stream, lastEventId: string): void {
    const [boot, digits] = lastEventId.split(".");
    const last = Number(digits);
    const oldest = this.#number - this.#kept.length;
    if (boot !== this.#boot || !(last >= oldest && last <= this.#number)) {
      stream.send("missed", this.#id(this.#number), {});
      return;
    }
    for (const happening of this.#kept.filter(({ number }) => number > last)) this.#tell(stream, happening);
  }

  #addChange(change: Change): void {
    const { kind, action, id, name, seq, userId } = change;
    for (const stream of [...this.#streams]) if (stream.isTouchedBy(change)) void this.#judge(stream);
    if (kind === "session") {
      if (action === "removed") this.#endSession(name);
      this.#add({ ...sessionShown(action, name, ""), sequence: seq }, userId);
      return;
    }
    this.#add({ kind, action, id, name, sequence: seq }, userId);
    if (kind === "key") this.#add({ kind: "alert", action: "changed", id, name, sequence: seq }, userId);
  }

  /** This process knows of it before any feed: told when all that was committed until now is known, as readers may end by it. */
  async #addSession(action: "added" | "removed", { id, credential }: Session): Promise<void> {
    // Not within the change that ends the session, of which others are still to be told.
    await Promise.resolve();
    try {
      await this.#feed.follow();
    } catch {
      for (const stream of [...this.#streams]) void this.#judge(stream);
    }
    this.#add(sessionShown(action, id, credential.username), credential.userId);
  }

  /** What happens meanwhile is told by what the reader may then. */
  async #judge(stream: Stream): Promise<void> {
    await stream.check();
    if (!stream.isOpen || stream.isInDoubt) return;
    for (const happening of stream.takeHeld()) this.#tell(stream, happening);
  }

  #endSession(id: string): void {
    for (const stream of [...this.#streams]) if (stream.sessionId === id) stream.end();
  }

  #add(shown: Shown, userId: number | null): void {
    // Finished here for all that read it: what looks like a secret is masked, no matter who named it.
    const happening = { number: ++this.#number, shown: maskDeep(shown), userId };
    this.#kept.push(happening);
    if (this.#kept.length > 2 * KEPT_MAX) this.#kept = this.#kept.slice(-KEPT_MAX);
    for (const stream of [...this.#streams]) this.#tell(stream, happening);
  }

  /** Expiry is not announced in time, so the reader is judged before each event. */
  #tell(stream: Stream, happening: Happening): void {
    if (!stream.isInDoubt && this.#isOver(stream)) void this.#judge(stream);
    if (stream.isInDoubt) {
      stream.hold(happening);
      return;
    }
    const { number, shown, userId } = happening;
    if (maySee(stream.caller, shown.kind, userId)) stream.send("change", this.#id(number), shown);
  }

  #isOver({ caller: { endsAt } }: Stream): boolean {
    return endsAt !== null && endsAt <= this.#clock.now();
  }

  #id(number: number): string {
    return `${this.#boot}.${number}`;
  }
}

class Stream {
  readonly body: ReadableStream<Uint8Array>;
  readonly userId: number;
  /** Of the browser; undefined for a key. */
  readonly sessionId: string | undefined;
  readonly #again: () => Promise<Authenticated | undefined>;
  readonly #onEnd: () => void;
  readonly #encoder = new TextEncoder();
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #caller: Caller;
  #isOpen = true;
  #checks = 0;
  #lastCheck = 0;
  #held: Happening[] = [];

  constructor(
    authenticated: Authenticated,
    again: () => Promise<Authenticated | undefined>,
    onEnd: () => void,
  ) {
    this.#caller = authenticated.caller;
    this.userId = authenticated.caller.userId;
    this.sessionId = authenticated.session?.id;
    this.#again = again;
    this.#onEnd = onEnd;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        cancel: () => this.end(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: WAITING_BYTES_MAX }),
    );
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get caller(): Caller {
    return this.#caller;
  }

  send(event: string, id: string, data: object): void {
    this.#write(`event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  comment(): void {
    this.#write(": still here\n\n");
  }

  /** While it is asked who reads, nobody knows what they may see. */
  get isInDoubt(): boolean {
    return this.#checks > 0;
  }

  hold(happening: Happening): void {
    if (this.#held.length >= KEPT_MAX) this.end();
    else this.#held.push(happening);
  }

  takeHeld(): readonly Happening[] {
    const held = this.#held;
    this.#held = [];
    return held;
  }

  isTouchedBy(change: Change): boolean {
    if (change.kind === "key") return this.#caller.key?.id === change.id;
    // They say how long sessions of browsers last, and what may come in clear text.
    if (change.kind === "settings") return true;
    return change.kind === "user" && this.userId === change.id;
  }

  /** Ends where the caller may no longer read; else takes over what they may now. */
  async check(): Promise<void> {
    const turn = ++this.#lastCheck;
    this.#checks++;
    const authenticated = await this.#again().catch(() => undefined);
    this.#checks--;
    if (!authenticated) this.end();
    // An answer that was asked for earlier may come later.
    else if (turn === this.#lastCheck) this.#caller = authenticated.caller;
  }

  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#onEnd();
    try {
      this.#controller.close();
    } catch {
      // The reader has gone first.
    }
  }

  #write(text: string): void {
    if (!this.#isOpen) return;
    if ((this.#controller.desiredSize ?? 0) <= 0) this.end();
    else this.#controller.enqueue(this.#encoder.encode(text));
  }
}

/** Says no more than that it is worth asking again: the answer differs for each who asks. */
const ALERTS_CHANGED: Shown = {
  kind: "alert",
  action: "changed",
  id: "alerts",
  name: "alerts",
  sequence: null,
};

function sessionShown(action: Change["action"], id: string, name: string): Shown {
  return { kind: "session", action, id, name, sequence: null };
}

function maySee(caller: Caller, kind: Shown["kind"], userId: number | null): boolean {
  const { roles } = caller;
  const isOwn = userId !== null && userId === caller.userId;
  switch (kind) {
    case "alert":
      if (userId === null && (roles.has("KEY_HOLDER") || roles.has("SYSTEM_AUDIT_READ"))) return true;
      return roles.has("API_KEY_READ") || (isOwn && roles.has("KEY_HOLDER"));
    case "key":
      return roles.has("API_KEY_READ") || (isOwn && roles.has("KEY_HOLDER"));
    case "user":
      return roles.has("ACCOUNT_READ") || isOwn;
    case "group":
      return roles.has("ACCOUNT_READ");
    case "session":
      return roles.has("AUTH_SESSIONS_READ");
    case "settings":
      // Only that they changed: the policy for keys is for everybody to ask again.
      return true;
  }
}
