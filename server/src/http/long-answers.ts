/**
 * Answers that a client may take long over: files, documents, long lists, streams. They have no deadline, and are cut only
 * where the client takes nothing for UNTAKEN_SECONDS (held by `server/test/slow-readers.test.ts`). This stands alone
 * because each door makes answers and the listener alone knows the connection's timer.
 */

/** What a connection's buffers take at once needs no patience. */
const LONG_BYTES = 64 * 1024;
const long = new WeakSet<Response>();

export function answerOf(
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>,
  init: ResponseInit,
): Response {
  const response = new Response(body, init);
  if (body instanceof ReadableStream || body.length > LONG_BYTES) long.add(response);
  return response;
}

export function isLong(response: Response): boolean {
  return long.has(response);
}
