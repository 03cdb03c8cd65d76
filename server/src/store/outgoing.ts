/** What the store keeps of alerts and of what the webhook is sent: shapes that the store's interface speaks of. */

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
