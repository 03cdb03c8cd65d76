/** What the store keeps of alerts and of what the webhook is sent: shapes that the store's interface speaks of. */
import type { AlertedKey, ClearTextProgram, KeyAlertKind } from "../domain/alert.ts";

/** Names one alert among those that are known. */
export interface AlertMark {
  readonly kind: string;
  /** 0 where it is about no key. */
  readonly keyId: number;
  readonly since: number;
}

/** What is sent about alerts that are raised and cleared. */
export interface AlertDelivery {
  /** false: nothing is to be sent. */
  readonly isWanted: boolean;
  /** UUIDs. */
  readonly raisedId: string;
  readonly clearedId: string;
  readonly at: number;
  readonly server: string | null;
}

/** Something to send to the webhook. */
export interface Delivery {
  /** UUID. */
  readonly id: string;
  readonly at: number;
  readonly kind: "alerts.raised" | "alerts.cleared" | "test";
  /** JSON, exactly as it is signed and sent. */
  readonly body: string;
  readonly state: "waiting" | "sending" | "delivered" | "failed";
  readonly attempts: number;
  /** The next attempt; while it is sent, when the claim on it ends. */
  readonly nextAt: number;
  /** What the receiver answered last. */
  readonly status: number | null;
  readonly error: string | null;
  readonly doneAt: number | null;
}

export interface AlertStore {
  /** @param want.userId only keys of this user; null: of all */
  readKeyAlerts(
    kind: KeyAlertKind,
    want: { readonly now: number; readonly userId: number | null; readonly limit: number },
  ): Promise<{ readonly count: number; readonly rows: readonly AlertedKey[] }>;
  readSignInFailures(
    since: number,
  ): Promise<{ readonly count: number; readonly firstAt: number | null; readonly lastAt: number | null }>;
  /** Programs whose connections in clear text were not opened since then, the latest first. */
  readClearTextPrograms(since: number): Promise<readonly ClearTextProgram[]>;
  /** What differs from the alerts of the kind that are known, at most some thousands. */
  findAlertChanges(
    kind: KeyAlertKind,
    now: number,
  ): Promise<{ readonly raised: readonly AlertedKey[]; readonly cleared: readonly AlertMark[] }>;
  /** Those known of no key. */
  findOtherAlerts(): Promise<readonly AlertMark[]>;
  /** Takes them among the known, or out. What another process has taken before is in no delivery of this one. */
  writeAlertChanges(changes: {
    /** `shown`: JSON. */
    readonly raised: readonly (AlertMark & { readonly shown: string })[];
    readonly cleared: readonly AlertMark[];
    readonly delivery: AlertDelivery;
  }): Promise<void>;
  /** The same as before only if no alert was raised or cleared since. */
  alertsMark(): Promise<string>;
}
