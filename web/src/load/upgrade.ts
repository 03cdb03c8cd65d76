/**
 * Whether the server runs another version by now than the page was loaded from. It is looked for whenever the server is back
 * after it was away, and where a part of the screens is not there. The page then asks for a reload, once for each version,
 * wherever somebody is working, and loads nothing again by itself while anything would be lost.
 * Held by `web/test/upgrade.test.ts`.
 */
import { useSyncExternalStore } from "react";
import { mayLeave } from "../form/held.ts";

/** The program that the server's page names, where it is another one than this. */
let other: string | undefined;
let isAsking = false;
const watchers = new Set<() => void>();

/** @returns whether the server's page names another program than this one */
export async function lookForUpgrade(): Promise<boolean> {
  const own = document.querySelector("script[type=module]")?.getAttribute("src");
  try {
    const answer = await fetch("/", { cache: "no-store" });
    const there = programOf(await answer.text());
    if (!answer.ok || own == null || there === undefined) return false;
    if (there !== own && there !== other) set(there, true);
    if (there === own) set(undefined, false);
    return there !== own;
  } catch {
    return false;
  }
}

function programOf(page: string): string | undefined {
  const parsed = new DOMParser().parseFromString(page, "text/html");
  return parsed.querySelector("script[type=module]")?.getAttribute("src") ?? undefined;
}

function set(there: string | undefined, ask: boolean): void {
  other = there;
  isAsking = ask;
  for (const watcher of watchers) watcher();
}

/** It was asked: not again, but for a version after this one. */
export function stopAsking(): void {
  set(other, false);
}

/** Loads the page again, unless somebody would rather keep what would be lost. */
export async function reload(): Promise<void> {
  if (await mayLeave()) location.reload();
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

export function useIsAsking(): boolean {
  return useSyncExternalStore(watch, () => isAsking);
}

export function useIsUpgraded(): boolean {
  return useSyncExternalStore(watch, () => other !== undefined);
}
