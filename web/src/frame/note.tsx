import {
  IconAlertTriangle,
  IconCircleCheck,
  IconExclamationCircle,
  IconInfoCircle,
} from "@tabler/icons-react";
import type { ReactNode } from "react";

const ICONS = {
  info: IconInfoCircle,
  good: IconCircleCheck,
  soon: IconAlertTriangle,
  bad: IconExclamationCircle,
} as const;

interface NoteProps {
  readonly tone: keyof typeof ICONS;
  readonly title?: ReactNode;
  /** Read out at once. */
  readonly isAlert?: boolean;
  readonly children?: ReactNode;
}

/** Something to know at this place, before one goes on. */
export function Note({ tone, title, isAlert = false, children }: NoteProps) {
  const Icon = ICONS[tone];
  return (
    <div className="note" data-tone={tone} role={isAlert ? "alert" : undefined}>
      <Icon size={20} stroke={1.7} aria-hidden />
      <div>
        {title && <strong>{title}</strong>}
        {children && <div>{children}</div>}
      </div>
    </div>
  );
}
