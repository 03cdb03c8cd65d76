/** The server's own settings: read by everybody inside, changed by full administrators, audited, applied at once. */
import { recordOf } from "../audit/audit.ts";
import { differences } from "../domain/audit.ts";
import { type Caller, requireRole } from "../domain/caller.ts";
import type { Clock } from "../domain/clock.ts";
import { refuseIssues } from "../domain/errors.ts";
import { SETTING_CHECKS, type Settings } from "../domain/settings.ts";
import type { Store } from "../store/store.ts";

export interface SettingsUseCase {
  /** READONLY_ADMIN. */
  show(caller: Caller): Promise<Settings>;
  /** FULL_ADMIN. Throws invalid with issues. */
  change(caller: Caller, patch: Partial<Settings>): Promise<Settings>;
}

export function createSettings({ store, clock }: { store: Store; clock: Clock }): SettingsUseCase {
  return {
    show: async (caller) => {
      requireRole(caller, "READONLY_ADMIN");
      return store.readSettings();
    },
    change: async (caller, patch) => {
      requireRole(caller, "FULL_ADMIN");
      const bad = Object.entries(patch).filter(([name, value]) => !isSetting(name, value));
      refuseIssues(
        bad.map(([name]) => ({ path: [name], code: "shape", message: "No such setting or value" })),
      );
      const before = await store.readSettings();
      await store.transact(async (tx) => {
        await tx.putSettings(patch);
        const target = { kind: "settings", id: null, name: "settings" } as const;
        const details = { changes: differences(before, patch) };
        await tx.audit(
          recordOf(caller, clock.now(), {
            action: "settings.update",
            description: "Change settings",
            target,
            details,
          }),
        );
      });
      return store.readSettings();
    },
  };
}

function isSetting(name: string, value: unknown): boolean {
  return Object.hasOwn(SETTING_CHECKS, name) && SETTING_CHECKS[name as keyof Settings](value);
}
