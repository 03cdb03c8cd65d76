import { Menu } from "@mantine/core";
import {
  IconFileDescription,
  IconLock,
  IconLockOpen,
  IconPassword,
  IconPencil,
  IconTrash,
} from "@tabler/icons-react";
import { useMay, useMe } from "../api/session.ts";
import { RowMenu } from "../table/row-menu.tsx";
import { coversUser, isMe } from "./self.ts";
import type { UserEntry } from "./user.ts";

export type UserAction = "details" | "edit" | "password" | "lock" | "unlock" | "delete";

const ICON = { size: 17, stroke: 1.7, "aria-hidden": true } as const;

interface UserActionsProps {
  readonly user: UserEntry;
  readonly onAction: (action: UserAction, user: UserEntry) => void;
}

export function UserActions(props: UserActionsProps) {
  return (
    <RowMenu label={`Actions for ${props.user.username}`} width={190}>
      <Items {...props} />
    </RowMenu>
  );
}

function Items({ user, onAction }: UserActionsProps) {
  const may = useMay();
  const me = useMe();
  const isOpen = coversUser(me, user);
  const item = (action: UserAction) => ({ onClick: () => onAction(action, user) });
  return (
    <>
      <Menu.Item leftSection={<IconFileDescription {...ICON} />} {...item("details")}>
        Details
      </Menu.Item>
      {isOpen && (
        <>
          {may("users.update") && (
            <Menu.Item leftSection={<IconPencil {...ICON} />} {...item("edit")}>
              Edit
            </Menu.Item>
          )}
          {may("users.setPassword") && (isMe(me, user) || may("users.update")) && (
            <Menu.Item leftSection={<IconPassword {...ICON} />} {...item("password")}>
              {isMe(me, user) ? "Change Password" : "Set Password"}
            </Menu.Item>
          )}
          {user.locked && may("users.unlock") && (
            <Menu.Item leftSection={<IconLockOpen {...ICON} />} {...item("unlock")}>
              Unlock
            </Menu.Item>
          )}
          {!user.locked && may("users.lock") && (
            <Menu.Item leftSection={<IconLock {...ICON} />} {...item("lock")}>
              Lock
            </Menu.Item>
          )}
          {may("users.remove") && (
            <>
              <Menu.Divider />
              <Menu.Item leftSection={<IconTrash {...ICON} />} color="var(--bad)" {...item("delete")}>
                Delete
              </Menu.Item>
            </>
          )}
        </>
      )}
    </>
  );
}
