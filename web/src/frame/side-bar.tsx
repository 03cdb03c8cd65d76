import { IconHistory, IconKey, IconServerCog, IconUsers } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useMay } from "../api/session.ts";

const PLACES = [
  { to: "/keys", label: "API Keys", needs: "keys.list", Icon: IconKey },
  { to: "/users", label: "Users", needs: "users.list", Icon: IconUsers },
  { to: "/audit", label: "Audit", needs: "audit.list", Icon: IconHistory },
  { to: "/system", label: "System", needs: "settings.get", Icon: IconServerCog },
] as const;

export function SideBar() {
  const may = useMay();
  return (
    <nav className="side-bar" aria-label="Main">
      {PLACES.filter(({ needs }) => may(needs)).map(({ to, label, Icon }) => (
        <Link key={to} to={to} search={{}} className="place" activeOptions={{ includeSearch: false }}>
          <Icon size={20} stroke={1.6} aria-hidden />
          {label}
        </Link>
      ))}
    </nav>
  );
}
