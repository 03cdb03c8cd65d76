/** What a backup is made of: the rows of one moment, read by a thread of its own, so that nobody waits for it. */
import { AppError } from "../../domain/errors.ts";
import type { Snapshot, SnapshotFiles } from "../snapshot-parts.ts";
import type { SnapshotReply, SnapshotRequest } from "./snapshot-worker.ts";

/** Throws AppError unavailable. */
export async function openSnapshot(files: SnapshotFiles): Promise<Snapshot> {
  const worker = new Worker(new URL("./snapshot-worker.ts", import.meta.url).href);
  const ask = (request: SnapshotRequest): Promise<SnapshotReply> =>
    new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<SnapshotReply>) =>
        "failure" in data ? reject(unread(data.failure)) : resolve(data);
      worker.onerror = ({ message }) => reject(unread(message));
      worker.postMessage(request);
    });
  const close = async (): Promise<void> => {
    await ask({ kind: "close" }).catch(() => undefined);
    worker.terminate();
  };
  try {
    const opened = await ask({ kind: "open", ...files });
    if (!("facts" in opened)) throw unread("no facts");
    return { facts: opened.facts, parts: () => partsOf(ask), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function* partsOf(
  ask: (request: SnapshotRequest) => Promise<SnapshotReply>,
): AsyncGenerator<Uint8Array> {
  for (;;) {
    const reply = await ask({ kind: "next" });
    if (!("part" in reply) || reply.part === undefined) return;
    yield reply.part;
  }
}

function unread(why: string): AppError {
  return new AppError("unavailable", "The database cannot be read for a backup", { cause: new Error(why) });
}
