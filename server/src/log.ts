/**
 * The one logger: a line of text or JSON on standard error. Values of secret-bearing names never reach it, at whatever
 * depth, and whatever looks like a secret is masked wherever it stands (held by `log.test.ts`).
 */
import { errorCode } from "./domain/errors.ts";
import { MASK, maskDeep, maskText } from "./domain/masking.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];
type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const LINE_CHARS_MAX = 4096;
const VALUE_CHARS_MAX = 1500;
const SECRET_NAME =
  /^(key|api_key|apiKey|client_key|clientKey|password|token|secret|authorization|cookie|rfc_str)$/i;
export function createLog(
  level: LogLevel,
  format: LogFormat,
  write: (line: string) => void = (line) => process.stderr.write(line),
): Log {
  const least = LOG_LEVELS.indexOf(level);
  const at =
    (name: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (LOG_LEVELS.indexOf(name) < least) return;
      const time = new Date().toISOString();
      const told = plain(fields);
      const line =
        format === "json"
          ? jsonLine({ time, level: name, message: cut(message) }, told)
          : `${time} ${name.toUpperCase().padEnd(5)} ${cut(message)}${textOf(told)}`;
      write(`${line.replaceAll(/[\r\n\u2028\u2029]/g, "\\n").slice(0, LINE_CHARS_MAX)}\n`);
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

const SAME_AGAIN_MS = 60_000;

/**
 * For work that is tried again and again by itself: the same failure is told once a minute, and not at all that data waits to
 * be accepted, which the start has said.
 * @param now milliseconds, of any origin
 */
export function createFailures(
  log: Pick<Log, "warn" | "error">,
  level: "warn" | "error",
  now: () => number = () => performance.now(),
): (message: string, error: unknown) => void {
  const told = new Map<string, number>();
  return (message, error) => {
    const code = errorCode(error);
    if (code === "restore_not_accepted") return;
    const same = `${message} ${code}`;
    if (now() - (told.get(same) ?? Number.NEGATIVE_INFINITY) < SAME_AGAIN_MS) return;
    told.set(same, now());
    log[level](message, { error });
  };
}

/** Whole members alone, as many as fit: a line that is cut is no JSON. */
function jsonLine(head: Record<string, unknown>, fields: Record<string, unknown>): string {
  let line = JSON.stringify(head);
  for (const [name, value] of Object.entries(fields)) {
    const longer = JSON.stringify({ ...JSON.parse(line), [name]: value });
    if (longer.length <= LINE_CHARS_MAX) line = longer;
  }
  return line;
}

/** Fields as they are told: masked, and each of a bounded length. */
function plain(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [cut(name), SECRET_NAME.test(name) ? MASK : logged(value)]),
  );
}

function logged(value: unknown): unknown {
  if (value instanceof Error) {
    const cause = value.cause === undefined ? "" : `; cause: ${String(logged(value.cause))}`;
    return cut(`${value.stack ?? value.message}${cause}`);
  }
  if (typeof value === "string") return cut(value);
  const json = JSON.stringify(value, (name, member) => (SECRET_NAME.test(name) ? MASK : member));
  if (json === undefined) return value;
  const masked = maskDeep(JSON.parse(json) as unknown);
  const text = JSON.stringify(masked);
  return text.length > VALUE_CHARS_MAX ? cut(text) : masked;
}

/** Masked first: half of a key is still half of a key. */
function cut(whole: string): string {
  const text = maskText(whole);
  return text.length <= VALUE_CHARS_MAX ? text : `${text.slice(0, VALUE_CHARS_MAX)}…`;
}

function textOf(fields: Record<string, unknown>): string {
  return Object.entries(fields)
    .map(([name, value]) => ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("");
}
