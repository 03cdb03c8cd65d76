import { Link } from "@tanstack/react-router";

/** Users and groups are two sides of one thing. */
export function PeopleTabs() {
  return (
    <nav className="sub-nav" aria-label="Users and groups">
      <Link to="/users" search={{}} activeOptions={{ includeSearch: false }}>
        Users
      </Link>
      <Link to="/groups">Groups</Link>
    </nav>
  );
}
