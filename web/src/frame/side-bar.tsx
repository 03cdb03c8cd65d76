import { Link } from "@tanstack/react-router";
import { useMay } from "../api/session.ts";
import { PLACES } from "./places.ts";

export function SideBar() {
  const may = useMay();
  return (
    <nav className="side-bar" aria-label="Main">
      {PLACES.filter(({ needs }) => may(needs)).map(({ to, label, Icon }) => (
        <Link
          key={to}
          to={to}
          search={{}}
          className="place"
          activeOptions={{ exact: true, includeSearch: false }}
        >
          <Icon size={20} stroke={1.6} aria-hidden />
          {label}
        </Link>
      ))}
    </nav>
  );
}
