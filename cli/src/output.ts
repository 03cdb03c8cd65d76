/** What goes out: data on standard output, as JSON or as a table for people; everything else on standard error. */
import type { Printing } from "./command.ts";

/** A title and what stands below it. */
export type PrintColumn<Row> = readonly [title: string, value: (row: Row) => unknown];

const COLUMN_GAP = "  ";

/** One line or more, resolved when they are written. */
export async function print(text: string): Promise<void> {
  try {
    await write(text);
  } catch (error) {
    // A reader that has seen enough is no failure; a full disk is.
    if (codeOf(error) !== "EPIPE") throw error;
  }
}

/**
 * What is shown this once: `text`, or with --json the record that has it. Throws also where the reader is gone, because then
 * nobody has it.
 * @param shown.again a sentence: how to get another one
 */
export async function printSecretOnce(
  options: Printing,
  shown: { readonly text: string; readonly record: object; readonly again: string },
): Promise<void> {
  try {
    await write(options.json ? asJson(shown.record) : shown.text);
  } catch (error) {
    const message = `Standard output cannot be written (${codeOf(error)}). ${shown.again}`;
    throw new Error(message, { cause: error });
  }
}

async function write(text: string): Promise<void> {
  await Bun.write(Bun.stdout, `${text}\n`);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

function asJson(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

/** `1 key`, `2 keys`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** For people beside the data: what was done, hints, warnings. */
export function printNote(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function printJson(value: unknown): Promise<void> {
  return print(asJson(value));
}

export async function printList<Row>(
  options: Printing,
  rows: readonly Row[],
  columns: readonly PrintColumn<Row>[],
): Promise<void> {
  if (options.json) return printJson(rows);
  await print(table(rows, columns));
}

/** One record: its members below each other. */
export async function printRecord(options: Printing, record: object): Promise<void> {
  if (options.json) return printJson(record);
  const lines = Object.entries(record).map(([name, value]) => [name, cell(value)] as const);
  const width = Math.max(...lines.map(([name]) => name.length));
  await print(
    lines.map(([name, value]) => `${name.padEnd(width)}${COLUMN_GAP}${value}`.trimEnd()).join("\n"),
  );
}

/** What a change left behind: all of it as JSON, or a word on standard error. */
export async function printChanged(options: Printing, record: object, words: string): Promise<void> {
  if (options.json) await printJson(record);
  else printNote(words);
}

/** Titles and rows, aligned, without blanks at the end of lines. */
function table<Row>(rows: readonly Row[], columns: readonly PrintColumn<Row>[]): string {
  const lines = [
    columns.map(([title]) => title),
    ...rows.map((row) => columns.map(([, value]) => cell(value(row)))),
  ];
  const widths = columns.map((_, index) =>
    lines.reduce((most, line) => Math.max(most, Bun.stringWidth(line[index]!)), 0),
  );
  const pad = (text: string, index: number): string =>
    text + " ".repeat(widths[index]! - Bun.stringWidth(text));
  return lines.map((line) => line.map(pad).join(COLUMN_GAP).trimEnd()).join("\n");
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "-";
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.map(cell).join(" ");
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return visible(shortInstant(text));
}

/** Text of others must not steer the terminal: control and direction characters become visible. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);
}

/** Seconds are enough for people. */
function shortInstant(text: string): string {
  return text.replace(/^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d{3}Z$/, "$1Z");
}
