import type { OutputOf } from "@chatelaine/contract/operations/operations";
import { ChatelaineError } from "./errors.ts";
import type { EventsOptions } from "./options.ts";

export type StreamEvent =
  /** The stream is open. */
  | { readonly type: "ready" }
  | { readonly type: "change"; readonly change: OutputOf<"events.stream"> }
  /** Some changes were missed: read again what is shown. */
  | { readonly type: "missed" }
  /** The line is cut; it is tried again. */
  | { readonly type: "lost" };

type Open = (lastEventId: string | undefined, signal: AbortSignal | undefined) => Promise<Response>;

const RETRY_MS = 500;

/** Throws ChatelaineError where the server refuses for good: signed out, or not allowed. */
export async function* readEvents(
  open: Open,
  { signal, retryMsMax = 10_000 }: EventsOptions,
): AsyncGenerator<StreamEvent, void, undefined> {
  let lastEventId: string | undefined;
  let wait = RETRY_MS;
  while (!signal?.aborted) {
    try {
      const response = await open(lastEventId, signal);
      for await (const message of readMessages(response)) {
        wait = RETRY_MS;
        if (message.id !== undefined) lastEventId = message.id;
        const event = eventOf(message);
        if (event) yield event;
      }
    } catch (error) {
      if (signal?.aborted) return;
      const isFinal = error instanceof ChatelaineError && error.status < 500 && error.status !== 429;
      if (isFinal) throw error;
    }
    if (signal?.aborted) return;
    yield { type: "lost" };
    await sleep(wait, signal);
    wait = Math.min(wait * 2, retryMsMax);
  }
}

interface Message {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

function eventOf({ event, data }: Message): StreamEvent | undefined {
  if (event === "ready" || event === "missed") return { type: event };
  if (event === "change") return { type: "change", change: JSON.parse(data) as OutputOf<"events.stream"> };
  return undefined;
}

/** The messages of an event stream (WHATWG HTML, section 9.2), as far as our server speaks it. */
async function* readMessages(response: Response): AsyncGenerator<Message, void, undefined> {
  if (!response.body) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let waiting = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      waiting += decoder.decode(value, { stream: true });
      const blocks = waiting.split("\n\n");
      waiting = blocks.pop() ?? "";
      for (const block of blocks) yield parseBlock(block);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function parseBlock(block: string): Message {
  const fields = new Map<string, string>();
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trimStart());
  }
  return { event: fields.get("event") ?? "", id: fields.get("id"), data: fields.get("data") ?? "" };
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
