import { IconCompassOff } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTitle } from "./title.ts";

export function NotFound() {
  useTitle("Not found");
  return (
    <main className="whole-page">
      <div className="state">
        <IconCompassOff size={40} stroke={1.3} aria-hidden />
        <h1>There is no such page</h1>
        <p>The address may have been cut, or the page was never there.</p>
        <Link to="/keys" search={{}}>
          To the API keys
        </Link>
      </div>
    </main>
  );
}
