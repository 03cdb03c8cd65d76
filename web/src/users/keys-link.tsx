/** Alone because list and details count a user's keys alike: a link for those alone who may see keys. */
import { Link } from "@tanstack/react-router";
import { useMay } from "../api/session.ts";
import type { UserEntry } from "./user.ts";

export function KeysLink({ user }: { readonly user: Pick<UserEntry, "username" | "key_ids"> }) {
  const may = useMay();
  const { length } = user.key_ids;
  if (length === 0) return <span className="muted">None</span>;
  const words = length === 1 ? "1 key" : `${length} keys`;
  if (!may("keys.list")) return <span>{words}</span>;
  return (
    <Link to="/keys" search={{ owner: user.username }} aria-label={`${words} of ${user.username}`}>
      {words}
    </Link>
  );
}
