/** In a file of its own, because the calendar is loaded only when somebody wants it. */
import { Button } from "@mantine/core";
import { DateTimePicker } from "@mantine/dates";
import { ZONE } from "../time/instant.tsx";
import { instantOf, localText } from "./key-values.ts";

interface ExpiryFieldProps {
  readonly value: string | null;
  readonly onChange: (value: string | null) => void;
  readonly error?: string;
  /** Whether the calendar is open: Esc belongs to it then. */
  readonly onCalendar: (isOpen: boolean) => void;
  /** By the server's policy; null: none. */
  readonly daysMax: number | null;
}

const PRESETS = [
  { label: "30 days", days: 30 },
  { label: "90 days", days: 90 },
  { label: "1 year", days: 365 },
];
const LABEL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

/** A day that is picked means until its last minute, so that today works. */
const DAY_ENDS = "23:59:00";

export default function ExpiryField({ value, onChange, error, daysMax, onCalendar }: ExpiryFieldProps) {
  const inDays = (days: number): string => {
    const day = new Date();
    day.setDate(day.getDate() + days);
    return `${localText(day).slice(0, 10)} ${DAY_ENDS}`;
  };
  return (
    <div>
      <DateTimePicker
        label="Expires at"
        description={`In your time zone, ${ZONE}.${daysMax === null ? "" : ` At most ${daysMax} days from now.`}`}
        placeholder="Choose a date and time"
        valueFormat={(date) => LABEL.format(instantOf(date))}
        value={value}
        onChange={onChange}
        error={error}
        minDate={localText(new Date()).slice(0, 10)}
        maxDate={daysMax === null ? undefined : inDays(daysMax).slice(0, 10)}
        defaultTimeValue={DAY_ENDS}
        highlightToday
        firstDayOfWeek={1}
        popoverProps={{
          transitionProps: { duration: 100, transition: "fade" },
          withRoles: false,
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
        {PRESETS.filter(({ days }) => daysMax === null || days < daysMax).map(({ label, days }) => (
          <Button key={days} size="compact-xs" variant="default" onClick={() => onChange(inDays(days))}>
            {label}
          </Button>
        ))}
      </div>
    </div>
  );
}
