/** The server's event stream, asked for again for as long as anybody wants it. Runs in a tab or in a SharedWorker. */
import { createClient, type StreamEvent } from "@chatelaine/client/client";

export type StreamChange = Extract<StreamEvent, { type: "change" }>["change"];

/** `over`: the server refuses it, because nobody is signed in. */
export type StreamNews = StreamEvent | { readonly type: "over" };

const RETRY_MS_MAX = 5_000;

/** @returns `again` asks anew after the session had ended. */
export function openStream(tell: (news: StreamNews) => void): { again(): void; close(): void } {
  const client = createClient();
  const stop = new AbortController();
  let isRunning = false;
  const run = async (): Promise<void> => {
    if (isRunning || stop.signal.aborted) return;
    isRunning = true;
    try {
      for await (const event of client.events({ signal: stop.signal, retryMsMax: RETRY_MS_MAX })) tell(event);
    } catch {
      tell({ type: "over" });
    }
    isRunning = false;
  };
  void run();
  return { again: () => void run(), close: () => stop.abort() };
}
