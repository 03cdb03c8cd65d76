/** A JSON-RPC client for tests, over Bun's own WebSocket. Every wait ends, on a machine that has much else to do too. */
const WAIT_MS = 60_000;

export interface RpcAnswer {
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: { error: number; errname: string; reason: string; extra: unknown[] | null };
  };
  readonly method?: string;
  readonly params?: { msg?: string; collection?: string; id?: unknown; fields?: Record<string, unknown> };
}

export interface ConnectOptions {
  readonly path?: string;
  readonly headers?: Record<string, string>;
}

export class RpcClient {
  readonly socket: WebSocket;
  /** Code and reason. */
  readonly closed: Promise<readonly [number, string]>;
  /** What arrived and nobody took yet. */
  readonly inbox: RpcAnswer[] = [];
  #waiters: (() => void)[] = [];
  #isClosed = false;
  #lastId = 0;

  constructor(socket: WebSocket) {
    this.socket = socket;
    const { promise, resolve } = Promise.withResolvers<readonly [number, string]>();
    this.closed = withEnd(promise, "the socket was not closed");
    this.closed.catch(() => {});
    socket.onmessage = ({ data }) => {
      this.inbox.push(JSON.parse(String(data)) as RpcAnswer);
      this.#wake();
    };
    socket.onclose = ({ code, reason }) => {
      this.#isClosed = true;
      resolve([code, reason]);
      this.#wake();
    };
  }

  /** @param base `http://...` or `https://...` */
  static async connect(
    base: string,
    { path = "/api/current", headers = {} }: ConnectOptions = {},
  ): Promise<RpcClient> {
    const options = { headers, tls: { rejectUnauthorized: false } };
    const socket = new WebSocket(`${base.replace(/^http/, "ws")}${path}`, options as unknown as string[]);
    const opened = new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = () => reject(new Error("the socket was refused"));
    });
    const client = new RpcClient(socket);
    await withEnd(opened, "the socket did not open");
    return client;
  }

  sendText(text: string): void {
    this.socket.send(text);
  }

  async call(method: string, ...params: readonly unknown[]): Promise<RpcAnswer> {
    const id = `t${++this.#lastId}`;
    this.sendText(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return this.take((message) => message.id === id);
  }

  /** Throws where the call fails. */
  async result<T = unknown>(method: string, ...params: readonly unknown[]): Promise<T> {
    const { error, result } = await this.call(method, ...params);
    if (error) throw new Error(`${method}: ${error.data?.reason ?? error.message}`);
    return result as T;
  }

  async signIn(username: string, key: string): Promise<void> {
    const data = { mechanism: "API_KEY_PLAIN", username, api_key: key };
    const { response_type } = await this.result<{ response_type: string }>("auth.login_ex", data);
    if (response_type !== "SUCCESS") throw new Error(`sign-in: ${response_type}`);
  }

  event(): Promise<RpcAnswer> {
    return this.take((message) => message.method !== undefined);
  }

  /** The first message that is wanted, now or later. */
  async take(isWanted: (message: RpcAnswer) => boolean): Promise<RpcAnswer> {
    const deadline = performance.now() + WAIT_MS;
    for (;;) {
      const at = this.inbox.findIndex(isWanted);
      if (at >= 0) return this.inbox.splice(at, 1)[0]!;
      if (this.#isClosed) throw new Error("the socket was closed before the answer");
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`no answer; there are ${JSON.stringify(this.inbox).slice(0, 500)}`);
      await Promise.race([new Promise<void>((resolve) => this.#waiters.push(resolve)), Bun.sleep(left)]);
    }
  }

  close(): void {
    this.socket.close();
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }
}

export async function withEnd<T>(work: Promise<T>, words: string, ms = WAIT_MS): Promise<T> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(words)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
