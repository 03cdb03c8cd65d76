/**
 * Keeps what is shown as it is on the server: every change told by the event stream makes the queries that show it stale.
 * The stream belongs to all tabs of the browser; where there is no SharedWorker, to this one.
 */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { lookForUpgrade } from "../load/upgrade.ts";
import { openStream, type StreamChange, type StreamNews } from "./stream.ts";

type Connection = "connecting" | "open" | "lost";

let connection: Connection = "connecting";
const watchers = new Set<() => void>();

function setConnection(next: Connection): void {
  if (connection === next) return;
  connection = next;
  for (const watcher of watchers) watcher();
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Whether changes made elsewhere arrive. */
export function useConnection(): Connection {
  return useSyncExternalStore(watch, () => connection);
}

const STALE: Readonly<Record<StreamChange["kind"], readonly string[]>> = {
  key: ["keys", "key", "alerts", "audit", "users"],
  user: ["users", "user", "groups", "group", "keys", "key", "session", "owners", "audit"],
  group: ["groups", "group", "users", "user", "keys", "key", "session", "owners", "audit"],
  settings: ["settings", "session", "audit"],
  session: ["sessions", "session"],
  alert: ["alerts"],
};
const GATHER_MS = 150;

/** Follows the server for as long as the caller is mounted and somebody is signed in. */
export function useLiveChanges(isSignedIn: boolean): void {
  const queries = useQueryClient();
  useEffect(() => {
    if (!isSignedIn) return;
    const refresh = gatherer(queries);
    const hear = (news: StreamNews): void => {
      if (news.type === "change") {
        refresh(STALE[news.change.kind] ?? []);
        return;
      }
      const wasLost = connection === "lost";
      setConnection(news.type === "lost" ? "lost" : "open");
      if (wasLost && connection === "open") void lookForUpgrade();
      if (news.type === "missed" || (news.type === "ready" && wasLost)) void queries.invalidateQueries();
      if (news.type === "over") refresh(["session"]);
    };
    return follow(hear);
  }, [queries, isSignedIn]);
}

function follow(hear: (news: StreamNews) => void): () => void {
  const address = document.documentElement.dataset.eventsWorker;
  if (typeof SharedWorker === "undefined" || address === undefined) {
    const stream = openStream(hear);
    return stream.close;
  }
  const { port } = new SharedWorker(address, { type: "module", name: "chatelaine-events" });
  port.onmessage = ({ data }: MessageEvent<StreamNews>) => hear(data);
  port.postMessage("again");
  const leave = (): void => port.postMessage("bye");
  window.addEventListener("pagehide", leave);
  return () => {
    window.removeEventListener("pagehide", leave);
    leave();
    port.close();
  };
}

/** The first change of a burst shows at once, those that follow closely are one refresh. */
function gatherer(queries: QueryClient): (names: readonly string[]) => void {
  const waiting = new Set<string>();
  let isGathering = false;
  const flush = (): void => {
    isGathering = waiting.size > 0;
    const names = [...waiting];
    waiting.clear();
    for (const name of names) void queries.invalidateQueries({ queryKey: [name] });
    if (isGathering) setTimeout(flush, GATHER_MS);
  };
  return (names) => {
    for (const name of names) waiting.add(name);
    if (!isGathering) flush();
  };
}
