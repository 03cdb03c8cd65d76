import { Link, useLocation } from "@tanstack/react-router";
import { useMe } from "../api/session.ts";
import { placesOf } from "./places.ts";

export function SideBar() {
  const me = useMe();
  const { pathname } = useLocation();
  return (
    <nav className="side-bar" aria-label="Main">
      {placesOf(me).map(({ to, label, beside, Icon }) => (
        <Link
          key={to}
          to={to}
          search={{}}
          className={pathname === beside ? "place active" : "place"}
          aria-current={pathname === beside ? "true" : undefined}
          activeOptions={{ exact: true, includeSearch: false }}
        >
          <Icon size={20} stroke={1.6} aria-hidden />
          {label}
        </Link>
      ))}
    </nav>
  );
}
