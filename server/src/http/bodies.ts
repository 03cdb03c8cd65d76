/**
 * The bodies of requests: one reader for every door.
 *
 * A body has BODY_MS from the end of the headers, however it drips; then its reader throws request_timeout. A body of more
 * than BODY_BYTES_MAX throws payload_too_large as soon as that is known. What is answered before its body has come whole
 * is the last answer of its connection, so that nothing waits for the rest: the listener asks `isLeft`. A packed body
 * (`Content-Encoding`) is refused unread: how large it gets is known too late. Time comes from
 * the clock that is passed in (held by `server/test/slow-bodies.test.ts`).
 */
import { BODY_BYTES_MAX, BODY_MS } from "@chatelaine/contract/limits";
import type { Clock } from "../domain/clock.ts";
import { AppError } from "../domain/errors.ts";

/** A body that was announced. */
export interface Inbound {
  /** Whether some of it may still come. */
  readonly isLeft: boolean;
}

interface Awaited {
  /** Monotonic. */
  readonly dueAt: number;
  /** Undefined: chunked. */
  readonly bytes: number | undefined;
  isLeft: boolean;
  /** Of who reads it. */
  tooLate: (error: AppError) => void;
}

/** How often it is asked which bodies are late. */
const LOOK_EVERY_MS = 250;
const NOTHING = new Uint8Array();
const UTF8 = new TextDecoder("utf-8", { fatal: true });

export class Bodies {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #announced = new WeakMap<Request, Awaited>();
  readonly #awaited = new Set<Awaited>();
  #looking: Timer | undefined;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** Called by the listener when the headers have come. undefined: no body was announced. */
  arrived(req: Request): Inbound | undefined {
    const length = req.headers.get("content-length");
    const bytes = length === null ? undefined : Number(length);
    if (bytes === 0 || (bytes === undefined && !req.headers.has("transfer-encoding"))) return undefined;
    const dueAt = this.#clock.monotonic() + BODY_MS;
    const body: Awaited = { dueAt, bytes, isLeft: true, tooLate: () => undefined };
    this.#announced.set(req, body);
    return body;
  }

  /** Throws payload_too_large, request_timeout, or malformed_request for what is no UTF-8. */
  async text(req: Request): Promise<string> {
    const read = await this.#read(req, NOTHING, readBytes);
    try {
      return UTF8.decode(read);
    } catch {
      throw new AppError("malformed_request", "The body is not text in UTF-8");
    }
  }

  /** The same, where broken UTF-8 becomes U+FFFD, which no key has: 4 us less for a check. */
  looseText(req: Request): Promise<string> {
    return this.#read(req, "", readText);
  }

  /** Throws payload_too_large where the announced length says so: before anybody is asked who sends it. */
  refuseLarge(req: Request): void {
    const body = this.#announced.get(req);
    if (body) refuseLarge(body);
  }

  async #read<Read>(
    req: Request,
    none: Read,
    read: (req: Request, body: Awaited) => Promise<Read>,
  ): Promise<Read> {
    const body = this.#announced.get(req);
    if (body === undefined) return none;
    refuseLarge(body);
    refusePacked(req.headers);
    if (this.#isLate(body)) throw tooLate();
    const { promise, resolve, reject } = Promise.withResolvers<Read>();
    body.tooLate = reject;
    this.#awaited.add(body);
    this.#looking ??= setInterval(() => this.#look(), LOOK_EVERY_MS);
    read(req, body).then(resolve, reject);
    try {
      const whole = await promise;
      body.isLeft = false;
      return whole;
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError("malformed_request", "The body broke off");
    } finally {
      this.#awaited.delete(body);
    }
  }

  #look(): void {
    for (const body of this.#awaited) if (this.#isLate(body)) body.tooLate(tooLate());
    if (this.#awaited.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #isLate({ dueAt }: Awaited): boolean {
    return this.#clock.monotonic() >= dueAt;
  }
}

function readBytes(req: Request, { bytes }: Awaited): Promise<Uint8Array> {
  return bytes === undefined ? readChunks(req) : req.bytes();
}

function readText(req: Request, { bytes }: Awaited): Promise<string> {
  return bytes === undefined ? readChunks(req).then((chunks) => chunks.toString("utf8")) : req.text();
}

/** Stops where it grows too large. */
async function readChunks(req: Request): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (req.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > BODY_BYTES_MAX) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function refuseLarge({ bytes }: Awaited): void {
  if (bytes !== undefined && !(bytes <= BODY_BYTES_MAX)) throw tooLarge();
}

/** RFC 9110, 15.5.16: the answer names what is taken instead. */
function refusePacked(headers: Headers): void {
  const coding = headers.get("content-encoding")?.trim().toLowerCase();
  if (!coding || coding === "identity") return;
  throw new AppError("malformed_request", "Send the body as it is, without Content-Encoding", {
    details: { status: 415, acceptEncoding: "identity" },
  });
}

function tooLarge(): AppError {
  return new AppError("payload_too_large", "A body may have 64 KiB");
}

function tooLate(): AppError {
  return new AppError("request_timeout", `The body did not come within ${BODY_MS / 1000} seconds`);
}
