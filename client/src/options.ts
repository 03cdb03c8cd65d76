/** What the client of the REST API may be told; of the contract nothing, so that the package has it as it is. */

export interface ClientOptions {
  /** Of the server, without a path. In a page of the server itself it may be absent. */
  readonly url?: string;
  /** Absent in a browser, where the session's cookie counts. */
  readonly key?: string;
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Makes a repetition of create, reset or revoke get the first outcome. */
  readonly idempotencyKey?: string;
}

export interface EventsOptions {
  readonly signal?: AbortSignal;
  /** The longest wait between two tries, in milliseconds. */
  readonly retryMsMax?: number;
}
