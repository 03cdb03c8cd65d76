import { DAY_MS } from "@chatelaine/contract/instant";
import {
  IconBan,
  IconCircleCheck,
  IconClockExclamation,
  IconClockPause,
  IconDatabaseExclamation,
  IconDatabaseX,
  IconLockOpen,
  IconShieldX,
  IconUsers,
} from "@tabler/icons-react";
import { Link, linkOptions } from "@tanstack/react-router";
import { serverNow } from "../api/server-clock.ts";
import type { AlertGroup } from "./use-alerts.ts";

interface Kind {
  readonly words: (count: number) => string;
  readonly remedy: (them: string) => string;
  readonly tone: "bad" | "soon" | "still";
  readonly Icon: typeof IconBan;
  readonly link: (group: AlertGroup) => object;
}

const keys = (count: number): string => (count === 1 ? "1 key" : `${count} keys`);

const KINDS: Readonly<Record<AlertGroup["kind"], Kind>> = {
  key_revoked: {
    words: (count) => `${keys(count)} revoked`,
    remedy: (them) => `Reset or delete ${them}`,
    tone: "bad",
    Icon: IconBan,
    link: () => linkOptions({ to: "/keys", search: { status: "revoked" } }),
  },
  key_expires_soon: {
    words: (count) => `${keys(count)} will expire within 7 days`,
    remedy: (them) => `Extend or reset ${them}`,
    tone: "soon",
    Icon: IconClockExclamation,
    link: () => linkOptions({ to: "/keys", search: { status: "expires_soon", order: "ends_at" } }),
  },
  key_unused: {
    words: (count) => `${keys(count)} not used in 90 days`,
    remedy: (them) => `Find out whether anybody needs ${them}`,
    tone: "still",
    Icon: IconClockPause,
    link: () => linkOptions({ to: "/keys", search: { status: "active", unused: 90 } }),
  },
  backup_failed: {
    words: () => "The last backup failed",
    remedy: () => "The server's log says why; it tries again by itself",
    tone: "bad",
    Icon: IconDatabaseX,
    link: () => linkOptions({ to: "/audit", search: { q: "backup" } }),
  },
  backup_old: {
    words: () => "No recent backup",
    remedy: () => "See when the last ones were written",
    tone: "bad",
    Icon: IconDatabaseExclamation,
    link: () => linkOptions({ to: "/audit", search: { q: "backup" } }),
  },
  clear_text_refused: {
    words: () => "Programs came in clear text",
    remedy: () => "They were refused before they sent a key: give them the https address",
    tone: "soon",
    Icon: IconLockOpen,
    link: () =>
      linkOptions({
        to: "/audit",
        search: { q: "clear text", since: new Date(serverNow() - DAY_MS).toISOString() },
      }),
  },
  names_alike: {
    words: () => "Names that differ in case alone",
    remedy: () => "Rename all but one of each",
    tone: "soon",
    Icon: IconUsers,
    link: ({ operation }) => linkOptions({ to: operation === "groups.list" ? "/groups" : "/users" }),
  },
  sign_in_failures: {
    words: (count) => (count === 1 ? "1 refused sign-in" : `${count} refused sign-ins`),
    remedy: () => "In the last 24 hours: look who tried",
    tone: "bad",
    Icon: IconShieldX,
    link: () =>
      linkOptions({
        to: "/audit",
        search: {
          event: "AUTHENTICATION",
          success: "no",
          since: new Date(serverNow() - DAY_MS).toISOString(),
        },
      }),
  },
};

export function AlertList({
  alerts,
  onLeave,
}: {
  readonly alerts: readonly AlertGroup[];
  readonly onLeave: () => void;
}) {
  if (alerts.length === 0)
    return (
      <div className="alerts-none">
        <IconCircleCheck size={28} stroke={1.4} aria-hidden />
        <p>
          All is well. Revoked keys, keys about to expire, unused ones, refused sign-ins, names that are alike
          and backups that fail would stand here.
        </p>
      </div>
    );
  return (
    <ul className="alerts">
      {alerts.map((group) => {
        const { kind, count, names } = group;
        const { words, remedy, tone, Icon, link } = KINDS[kind];
        const others = kind !== "names_alike" && count > names.length && names.length > 0;
        return (
          <li key={kind}>
            <Link {...(link(group) as { to: "/keys" })} onClick={onLeave}>
              <span className="status-dot" data-tone={tone}>
                <Icon size={18} stroke={1.8} aria-hidden />
              </span>
              <span className="alert-words">
                <strong>{words(count)}</strong>
                {names.length > 0 && (
                  <span className="muted break">
                    {names.join(", ")}
                    {others && "…"}
                  </span>
                )}
                <span className="small">{remedy(count === 1 ? "it" : "them")}</span>
              </span>
            </Link>
          </li>
        );
      })}
    </ul>
  );
}
