import {
  IconBan,
  IconCircleCheck,
  IconClockExclamation,
  IconClockX,
  IconHourglassOff,
  IconLock,
  IconPlayerPause,
  IconUserOff,
} from "@tabler/icons-react";
import type { Status } from "./keys-search.ts";

export const STATUS_WORDS = {
  active: { word: "Active", tone: "good", Icon: IconCircleCheck },
  expires_soon: { word: "Expires soon", tone: "soon", Icon: IconClockExclamation },
  expired: { word: "Expired", tone: "bad", Icon: IconClockX },
  past_limit: { word: "Past limit", tone: "bad", Icon: IconHourglassOff },
  user_locked: { word: "Owner locked", tone: "bad", Icon: IconLock },
  no_roles: { word: "Owner has no role", tone: "bad", Icon: IconUserOff },
  paused: { word: "Paused", tone: "still", Icon: IconPlayerPause },
  revoked: { word: "Revoked", tone: "bad", Icon: IconBan },
} as const satisfies Record<Status, unknown>;

interface KeyStatusProps {
  readonly status: Status;
  /** Why, for whoever points at it. */
  readonly why?: string;
}

export function KeyStatus({ status, why }: KeyStatusProps) {
  const { word, tone, Icon } = STATUS_WORDS[status];
  return (
    <span className="status" data-tone={tone} title={why}>
      <Icon size={15} stroke={2} aria-hidden />
      {word}
    </span>
  );
}
