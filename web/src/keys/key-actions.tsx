import { Menu } from "@mantine/core";
import {
  IconBan,
  IconFileDescription,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconRefresh,
  IconTrash,
} from "@tabler/icons-react";
import { useMay } from "../api/session.ts";
import { RowMenu } from "../table/row-menu.tsx";
import { type KeyEntry, mayPause } from "./key.ts";

export type KeyAction = "details" | "edit" | "reset" | "pause" | "resume" | "revoke" | "delete";

const ICON = { size: 17, stroke: 1.7, "aria-hidden": true } as const;

interface KeyActionsProps {
  readonly row: KeyEntry;
  readonly mayEnd: boolean;
  readonly onAction: (action: KeyAction, key: KeyEntry) => void;
}

/** A row's menu. */
export function KeyActions(props: KeyActionsProps) {
  return (
    <RowMenu label={`Actions for ${props.row.name}`} width={180}>
      <Items {...props} />
    </RowMenu>
  );
}

function Items({ row, mayEnd, onAction }: KeyActionsProps) {
  const may = useMay();
  const item = (action: KeyAction) => ({ onClick: () => onAction(action, row) });
  const isPaused = row.status === "paused";
  return (
    <>
      <Menu.Item leftSection={<IconFileDescription {...ICON} />} {...item("details")}>
        Details
      </Menu.Item>
      {row.editable && may("keys.update") && (
        <Menu.Item leftSection={<IconPencil {...ICON} />} {...item("edit")}>
          Edit
        </Menu.Item>
      )}
      {row.editable && may("keys.reset") && (
        <Menu.Item leftSection={<IconRefresh {...ICON} />} {...item("reset")}>
          Reset
        </Menu.Item>
      )}
      {mayEnd && isPaused && may("keys.resume") && (
        <Menu.Item leftSection={<IconPlayerPlay {...ICON} />} disabled={!row.editable} {...item("resume")}>
          Resume
        </Menu.Item>
      )}
      {mayEnd && !isPaused && may("keys.pause") && (
        <Menu.Item leftSection={<IconPlayerPause {...ICON} />} disabled={!mayPause(row)} {...item("pause")}>
          Pause
        </Menu.Item>
      )}
      {mayEnd && may("keys.revoke") && (
        <Menu.Item leftSection={<IconBan {...ICON} />} disabled={row.revoked} {...item("revoke")}>
          Revoke
        </Menu.Item>
      )}
      {mayEnd && may("keys.remove") && (
        <>
          <Menu.Divider />
          <Menu.Item leftSection={<IconTrash {...ICON} />} color="var(--bad)" {...item("delete")}>
            Delete
          </Menu.Item>
        </>
      )}
    </>
  );
}
