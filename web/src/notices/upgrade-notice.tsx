import { CloseButton } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { reload, stopAsking, useIsAsking } from "../load/upgrade.ts";

/** Asks for a reload after an upgrade: below the top bar, and at the head of what stands over the screen. */
export function UpgradeNotice() {
  if (!useIsAsking()) return null;
  return (
    <div className="notice notice-upgrade" data-tone="soon" role="status">
      <IconRefresh size={18} stroke={2} aria-hidden />
      <p>
        <strong>Chatelaine was upgraded. </strong>
        Reload this page when you have finished what is open.
      </p>
      <button type="button" className="notice-action" onClick={() => void reload()}>
        Reload
      </button>
      <CloseButton size="sm" aria-label="Close notice" onClick={stopAsking} />
    </div>
  );
}
