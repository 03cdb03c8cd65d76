import { ActionIcon, Popover } from "@mantine/core";
import { IconBell, IconBellCheck } from "@tabler/icons-react";
import { useState } from "react";
import { AlertList } from "./alert-list.tsx";
import { useAlerts } from "./use-alerts.ts";

/** One click anywhere else closes it, and does nothing more. */
const CLEAR = { backgroundOpacity: 0 } as const;

/** What wants to be looked at, wherever one is. */
export function AlertsBell() {
  const [isOpen, setOpen] = useState(false);
  const { total: count, groups } = useAlerts();
  const Icon = count > 0 ? IconBell : IconBellCheck;
  return (
    <Popover
      opened={isOpen}
      onChange={setOpen}
      position="bottom-end"
      width={340}
      trapFocus
      returnFocus
      withOverlay
      overlayProps={CLEAR}
    >
      <Popover.Target>
        <ActionIcon
          color="gray"
          className="bell"
          aria-label={count === 0 ? "Alerts" : `Alerts: ${count}`}
          onClick={() => setOpen(!isOpen)}
        >
          <Icon size={20} stroke={1.6} />
          {count > 0 && <span className="bell-count">{count > 99 ? "99+" : count}</span>}
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown p={0} aria-label="Alerts">
        <AlertList alerts={groups} onLeave={() => setOpen(false)} />
      </Popover.Dropdown>
    </Popover>
  );
}
