/**
 * Ends that come by themselves, written down: for the feed, which then tells of them, and so that a clock that is set back
 * brings no key back (held by `clock.test.ts`).
 */
import { recordOf } from "../activity/audit.ts";
import { systemCaller } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import type { Store, Transaction } from "../store/store.ts";

export interface Ends {
  /** Says in the feed that keys have expired, once for each. @returns how many */
  sweepExpired(): Promise<number>;
  /** Writes down what ended between the two, by its own end or its owner's limits, by a clock that was set back since. */
  keepEnds(from: number, until: number): Promise<void>;
}

interface EndsDeps {
  readonly store: Pick<Store, "listFreshlyExpired" | "listPastLimit" | "transact">;
  readonly clock: Clock;
}

export function createEnds({ store, clock }: EndsDeps): Ends {
  const sweep = async (now: number): Promise<number> => {
    const expired = await store.listFreshlyExpired(now);
    if (expired.length === 0) return 0;
    return store.transact("expiry_sweep", async (tx) => {
      let told = 0;
      for (const { id, version } of expired) {
        if (!(await tx.markExpired(id, version))) continue;
        await note(tx, id, {}, now);
        told++;
      }
      return told;
    });
  };
  return {
    sweepExpired: () => sweep(clock.now()),
    keepEnds: async (from, until) => {
      while ((await sweep(until)) > 0);
      for (;;) {
        const past = await store.listPastLimit(from, until);
        if (past.length === 0) return;
        await store.transact("expiry_sweep", async (tx) => {
          for (const { id, version, endedAt } of past) {
            if (!(await tx.markExpired(id, version, endedAt))) continue;
            await note(tx, id, { changes: { expiresAt: [null, endedAt] } }, until);
          }
        });
      }
    },
  };
}

async function note(tx: Transaction, id: number, details: object, now: number): Promise<void> {
  const name = (await tx.findKey(id))?.name ?? String(id);
  const target = { kind: "key", id, name } as const;
  const act = { action: "key.expire", description: `API key expired: ${name}`, target };
  tx.audit(recordOf(systemCaller("expiry_sweep"), now, { ...act, details: { ...details } }));
}
