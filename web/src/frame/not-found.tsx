import { IconCompassOff } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTitle } from "./title.ts";

export function NotFound() {
  useTitle("Not found");
  return (
    <div className="whole-page">
      <div className="state">
        <IconCompassOff size={40} stroke={1.3} aria-hidden />
        <h1>Page not found</h1>
        <p>Check the address, or go back to where you started.</p>
        <Link to="/">Go to the start page</Link>
      </div>
    </div>
  );
}
