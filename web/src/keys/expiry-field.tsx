/** In a file of its own, because the calendar is loaded only when somebody wants it. */

import { Button } from "@mantine/core";
import { DateTimePicker } from "@mantine/dates";
import { serverNow } from "../api/server-clock.ts";
import { ZONE } from "../time/instant.tsx";
import { instantOf, localText } from "./key-values.ts";
import type { LifeLimit } from "./life-limit.ts";

interface ExpiryFieldProps {
  readonly value: string | null;
  readonly onChange: (value: string | null) => void;
  readonly error?: string;
  /** Whether the calendar is open: Esc belongs to it then. */
  readonly onCalendar: (isOpen: boolean) => void;
  readonly limit: LifeLimit | null;
  /** When the secret that it is for is or was made. */
  readonly madeAt: number;
}

const PRESETS = [
  { label: "30 days", days: 30 },
  { label: "90 days", days: 90 },
  { label: "1 year", days: 365 },
];
/** In one line at 360 px. */
const LABEL = new Intl.DateTimeFormat(undefined, {
  weekday: "short",
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "numeric",
  minute: "2-digit",
});

/** A day that is picked means until its last minute, so that today works. */
const DAY_ENDS = "23:59:00";

export function ExpiryField({ value, onChange, error, limit, madeAt, onCalendar }: ExpiryFieldProps) {
  const inDays = (days: number): string => {
    const day = new Date(serverNow());
    day.setDate(day.getDate() + days);
    return `${localText(day).slice(0, 10)} ${DAY_ENDS}`;
  };
  const latest = limit === null ? null : localText(new Date(madeAt + limit.seconds * 1000));
  const isWithin = (local: string): boolean => latest === null || local <= latest;
  const take = (local: string | null): void => onChange(local === null || isWithin(local) ? local : latest);
  return (
    <div>
      <DateTimePicker
        label="Expires at"
        description={`In your time zone, ${ZONE}.${limit === null ? "" : ` ${limit.words}`}`}
        placeholder="Choose a date and time"
        valueFormat={(date) => LABEL.format(instantOf(date))}
        value={value}
        onChange={take}
        error={error}
        minDate={localText(new Date(serverNow())).slice(0, 10)}
        maxDate={latest?.slice(0, 10)}
        defaultTimeValue={DAY_ENDS}
        highlightToday
        firstDayOfWeek={1}
        popoverProps={{
          transitionProps: { duration: 100, transition: "fade" },
          withRoles: false,
          returnFocus: true,
          // Where it fits neither below nor above, it covers the field rather than leave the page.
          middlewares: { shift: { crossAxis: true } },
          onOpen: () => onCalendar(true),
          onClose: () => onCalendar(false),
        }}
        timePickerProps={{
          "aria-label": "Time",
          hoursInputLabel: "Hours",
          minutesInputLabel: "Minutes",
          format: "24h",
        }}
        submitButtonProps={{ "aria-label": "Done", variant: "default" }}
        ariaLabels={{
          nextMonth: "Next month",
          previousMonth: "Previous month",
          nextYear: "Next year",
          previousYear: "Previous year",
          nextDecade: "Next decade",
          previousDecade: "Previous decade",
        }}
      />
      <div className="presets">
        {PRESETS.filter(({ days }) => isWithin(inDays(days))).map(({ label, days }) => (
          <Button key={days} size="compact-xs" variant="default" onClick={() => onChange(inDays(days))}>
            {label}
          </Button>
        ))}
        {latest !== null && (
          <Button size="compact-xs" variant="default" onClick={() => onChange(latest)}>
            The longest allowed
          </Button>
        )}
      </div>
    </div>
  );
}
