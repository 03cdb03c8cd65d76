/**
 * Sends alerts to one address of the administrator's. What is to be sent waits in the database, is claimed by one process
 * at a time, and is tried six times within three hours, each attempt with an end of its own; a restart loses nothing. A
 * process that dies between the receiver's answer and writing it down sends again: the receiver knows it by its id.
 *
 * The body is signed with HMAC-SHA-256 under the webhook's secret, over the moment of the attempt and the body, so that
 * nobody else's is believed and an old one cannot be sent again.
 */

import { hmacSha256Hex, makeId, type Secrets, WEBHOOK_SEAL } from "../crypto.ts";
import { type Caller, requireRole } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { AppError } from "../domain/errors.ts";
import { createFailures, type Log } from "../log.ts";
import type { Delivery, Store } from "../store/store.ts";
import { recordOf } from "./audit.ts";

export type { Delivery } from "../store/store.ts";

/** Hands one message over. Never throws: what went wrong is told in words. */
export type Post = (message: WebhookMessage, stop: AbortSignal) => Promise<Posted>;

export interface WebhookMessage {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
}

export interface Posted {
  /** null where nobody answered. */
  readonly status: number | null;
  /** null where it was taken. */
  readonly error: string | null;
}

export interface Webhook {
  /** FULL_ADMIN. Sends a message without alerts at once, and once. Throws conflict where no webhook is set. */
  test(caller: Caller): Promise<Delivery>;
  /** FULL_ADMIN. The last twenty, newest first. */
  deliveries(caller: Caller): Promise<readonly Delivery[]>;
  /** Sends what is due. */
  send(): Promise<void>;
  /** Sends by itself from now on. */
  start(): void;
  /** Lets an attempt that is under way end, for a moment. */
  close(): Promise<void>;
}

export interface WebhookDeps {
  readonly store: Store;
  readonly secrets: Pick<Secrets, "unseal">;
  readonly post: Post;
  readonly clock: Clock;
  readonly log: Log;
}

const ATTEMPT_MS_MAX = 10_000;
/** After the first attempt, the second, and so on. */
export const PAUSES_MS = [10_000, 60_000, 300_000, 1_800_000, 7_200_000];
const ATTEMPTS_MAX = PAUSES_MS.length + 1;
/** Longer than an attempt can take: until then nobody else takes it up. */
const CLAIM_MS = 3 * ATTEMPT_MS_MAX;
const LOOK_EVERY_MS = 1_000;
const CLOSE_MS_MAX = 2_000;
const SHOWN_MAX = 20;
const NOT_SET = "No webhook is set";

export function createWebhook(deps: WebhookDeps): Webhook {
  const { store, clock, log } = deps;
  const stop = new AbortController();
  let timer: Timer | undefined;
  let sending: Promise<void> | undefined;
  const send = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const claimed = await store.claimDelivery(clock.now(), clock.now() + CLAIM_MS);
      if (claimed === undefined) return;
      if (claimed !== "lost") await attempt(deps, claimed, stop.signal);
    }
  };
  const fail = createFailures(log, "warn");
  const look = (): void => {
    sending ??= send()
      .catch((error: unknown) => fail("What waits for the webhook could not be sent", error))
      .finally(() => {
        sending = undefined;
      });
  };
  return {
    test: (caller) => test(deps, caller, stop.signal),
    deliveries: async (caller) => {
      requireRole(caller, "FULL_ADMIN");
      return store.listDeliveries(SHOWN_MAX);
    },
    send,
    start: () => {
      timer = setInterval(look, LOOK_EVERY_MS);
    },
    close: async () => {
      clearInterval(timer);
      const late = setTimeout(() => stop.abort(), CLOSE_MS_MAX);
      await sending;
      clearTimeout(late);
      stop.abort();
    },
  };
}

async function test(deps: WebhookDeps, caller: Caller, stop: AbortSignal): Promise<Delivery> {
  requireRole(caller, "FULL_ADMIN");
  const { store, clock } = deps;
  const { webhookUrl, publicUrl } = await store.readSettings();
  if (webhookUrl === null) throw new AppError("conflict", "Set the address of a webhook first");
  const at = clock.now();
  const id = makeId();
  const told = { id, type: "test", at: new Date(at).toISOString(), server: publicUrl, alerts: [], more: 0 };
  const delivery: Delivery = {
    id,
    at,
    kind: "test",
    body: JSON.stringify(told),
    state: "sending",
    attempts: 1,
    nextAt: at + CLAIM_MS,
    status: null,
    error: null,
    doneAt: null,
  };
  const target = { kind: "settings", id: null, name: "webhook" } as const;
  await store.transact(caller, async (tx) => {
    tx.putDelivery(delivery);
    tx.audit(recordOf(caller, at, { action: "webhook.test", description: "Test the webhook", target }));
  });
  return attempt(deps, delivery, stop);
}

/** One attempt of a delivery that is claimed. @returns how it stands then */
async function attempt(deps: WebhookDeps, claimed: Delivery, stop: AbortSignal): Promise<Delivery> {
  const { store, clock, log } = deps;
  const { status, error } = await hand(deps, claimed, stop);
  const at = clock.now();
  const isLast = claimed.attempts >= ATTEMPTS_MAX || claimed.kind === "test" || error === NOT_SET;
  const state = error === null ? "delivered" : isLast ? "failed" : "waiting";
  const nextAt = at + (PAUSES_MS[claimed.attempts - 1] ?? 0);
  if (state === "failed" && claimed.kind !== "test")
    log.warn("The webhook was not reached; the delivery is given up", { id: claimed.id, error });
  await store.finishDelivery(claimed, { state, status, error, nextAt, at });
  return { ...claimed, state, status, error, nextAt, doneAt: state === "waiting" ? null : at };
}

async function hand(
  { store, secrets, post, clock }: WebhookDeps,
  delivery: Delivery,
  stop: AbortSignal,
): Promise<Posted> {
  const { webhookUrl, webhookSecret } = await store.readSettings();
  if (webhookUrl === null || webhookSecret === null) return { status: null, error: NOT_SET };
  let secret: Uint8Array;
  try {
    secret = secrets.unseal(Buffer.from(webhookSecret, "base64"), WEBHOOK_SEAL);
  } catch {
    return { status: null, error: "The webhook's secret cannot be opened; set it again" };
  }
  const seconds = Math.floor(clock.now() / 1000);
  const headers = {
    "Content-Type": "application/json",
    "Chatelaine-Delivery": delivery.id,
    "Chatelaine-Timestamp": String(seconds),
    "Chatelaine-Signature": `v1=${hmacSha256Hex(secret, `${seconds}.${delivery.body}`)}`,
  };
  return post({ url: webhookUrl, headers, body: delivery.body, timeoutMs: ATTEMPT_MS_MAX }, stop);
}
