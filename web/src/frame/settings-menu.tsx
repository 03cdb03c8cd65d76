import { ActionIcon, Menu } from "@mantine/core";
import {
  IconBook2,
  IconDeviceLaptop,
  IconInfoCircle,
  IconLogout,
  IconPassword,
  IconUser,
} from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useMay, useMe } from "../api/session.ts";
import { ChangePassword } from "../signing/change-password-part.ts";
import { signOut } from "../signing/sign-out.ts";
import { About } from "./about.tsx";

const ICON = { size: 18, stroke: 1.6, "aria-hidden": true } as const;

/** The menu behind the user icon. */
export function SettingsMenu() {
  const navigate = useNavigate();
  const may = useMay();
  const { session, user } = useMe();
  const [open, setOpen] = useState<"password" | "about" | undefined>();
  const close = (): void => setOpen(undefined);
  return (
    <>
      <Menu width={220}>
        <Menu.Target>
          <ActionIcon color="gray" aria-label="Settings" size={36}>
            <IconUser size={22} stroke={1.6} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label className="who-again">{user.username}</Menu.Label>
          {session !== null && may("users.setPassword") && (
            <Menu.Item leftSection={<IconPassword {...ICON} />} onClick={() => setOpen("password")}>
              Change Password
            </Menu.Item>
          )}
          {may("keys.list") && (
            <Menu.Item
              leftSection={<IconDeviceLaptop {...ICON} />}
              onClick={() => void navigate({ to: "/keys", search: {} })}
            >
              My API Keys
            </Menu.Item>
          )}
          <Menu.Item leftSection={<IconBook2 {...ICON} />} onClick={() => void navigate({ to: "/guide" })}>
            Guide
          </Menu.Item>
          <Menu.Item leftSection={<IconInfoCircle {...ICON} />} onClick={() => setOpen("about")}>
            About
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item leftSection={<IconLogout {...ICON} />} onClick={() => void signOut()}>
            Log Out
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {open === "about" && <About onClose={close} />}
      {open === "password" && <ChangePassword onClose={close} />}
    </>
  );
}
