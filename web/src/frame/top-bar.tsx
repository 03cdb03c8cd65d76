import { Link } from "@tanstack/react-router";
import { AlertsBell } from "../alerts/alerts-bell.tsx";
import { useMay, useMe } from "../api/session.ts";
import { ScreenNotices } from "../notices/notice-place.tsx";
import { ConnectionSign } from "./connection-sign.tsx";
import { Mark } from "./mark.tsx";
import { SchemeMenu } from "./scheme-menu.tsx";
import { SettingsMenu } from "./settings-menu.tsx";

export function TopBar() {
  const { user } = useMe();
  const may = useMay();
  return (
    <div className="top-bar">
      <Link to="/" className="brand">
        <Mark />
        <span className="brand-word">Chatelaine</span>
      </Link>
      <ConnectionSign />
      <ScreenNotices />
      <div className="top-bar-end">
        <SchemeMenu />
        {may("alerts.list") && <AlertsBell />}
        <SettingsMenu />
        <span className="who" title={user.full_name || user.username}>
          {user.username}
        </span>
      </div>
    </div>
  );
}
