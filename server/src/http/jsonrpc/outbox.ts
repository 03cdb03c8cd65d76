/**
 * What a socket has still to send. The socket itself buffers at most `BUFFERED_BYTES_MAX` and one message more; what comes
 * beyond waits here, and a client that leaves more than that waiting, or does not read for `STALL_MS`, is given up.
 */
const BUFFERED_BYTES_MAX = 1 << 20;
const STALL_MS = 15_000;

interface Wire {
  send(text: string): number;
  getBufferedAmount(): number;
}

export class Outbox {
  readonly #wire: Wire;
  readonly #giveUp: () => void;
  #waiting: string[] = [];
  #waitingChars = 0;
  #wakers: (() => void)[] = [];
  #stall: Timer | undefined;
  #isClosed = false;

  constructor(wire: Wire, giveUp: () => void) {
    this.#wire = wire;
    this.#giveUp = giveUp;
  }

  /** Sends now or in turn. */
  send(text: string): void {
    if (this.#isClosed) return;
    if (this.#waiting.length === 0 && !this.#isFull()) {
      this.#wire.send(text);
      return;
    }
    this.#waiting.push(text);
    this.#waitingChars += text.length;
    if (this.#waitingChars > BUFFERED_BYTES_MAX) this.#giveUp();
    else this.#watch();
  }

  /** For answers, which may be long: they wait outside until there is room. Of those who wait the first may fill it again. */
  async sendWhenRoom(text: string): Promise<void> {
    for (let room = this.#room(); room; room = this.#room()) await room;
    this.send(text);
  }

  /** When the client has taken what was sent, but for what the socket buffers; or has gone. */
  async room(): Promise<void> {
    for (let room = this.#room(); room; room = this.#room()) await room;
  }

  /** The socket has sent what it had. */
  drained(): void {
    this.#unwatch();
    while (this.#waiting.length > 0 && !this.#isFull()) {
      const text = this.#waiting.shift()!;
      this.#waitingChars -= text.length;
      this.#wire.send(text);
    }
    if (this.#waiting.length === 0 && !this.#isFull()) this.#wake();
    else this.#watch();
  }

  close(): void {
    this.#isClosed = true;
    this.#unwatch();
    this.#waiting = [];
    this.#waitingChars = 0;
    this.#wake();
  }

  #room(): Promise<void> | undefined {
    if (this.#isClosed || (this.#waiting.length === 0 && !this.#isFull())) return undefined;
    this.#watch();
    return new Promise((resolve) => this.#wakers.push(resolve));
  }

  #isFull(): boolean {
    return this.#wire.getBufferedAmount() > BUFFERED_BYTES_MAX;
  }

  #wake(): void {
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) wake();
  }

  #watch(): void {
    this.#stall ??= setTimeout(this.#giveUp, STALL_MS);
  }

  #unwatch(): void {
    clearTimeout(this.#stall);
    this.#stall = undefined;
  }
}
