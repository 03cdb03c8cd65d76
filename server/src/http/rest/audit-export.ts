/**
 * The audit log as a file, page by page, so that neither a large log nor a slow reader fills the memory. The reader is
 * judged before each page is handed out: what they may no longer read breaks the file off (held by
 * `stale-readers.test.ts`).
 */
import { codecOf } from "@chatelaine/contract/codec";
import { AuditEntry } from "@chatelaine/contract/operations/system";
import type { z } from "zod";
import type { AuditRecord } from "../../domain/audit.ts";
import type { Condition } from "../../domain/filter.ts";
import type { ListQuery, Page } from "../../domain/listing.ts";
import type { MaybePromise } from "../../verify/verify.ts";
import { answerOf } from "../long-answers.ts";
import { all, any, test } from "./pages.ts";

type Entry = z.output<typeof AuditEntry>;
type Format = "jsonl" | "csv";

const PAGE_ROWS = 1_000;
const { encode } = codecOf(AuditEntry);
const COLUMNS = [
  "at",
  "event",
  "action",
  "description",
  "username",
  "address",
  "door",
  "session_id",
  "success",
  "error",
  "target",
  "credentials",
  "details",
  "id",
] as const satisfies readonly (keyof Entry)[];
const FILES: Readonly<Record<Format, { type: string; name: string }>> = {
  jsonl: { type: "application/jsonl", name: "audit.jsonl" },
  csv: { type: "text/csv; charset=utf-8", name: "audit.csv" },
};

export interface AuditReading {
  fetch(query: ListQuery): Promise<Page<AuditRecord>>;
  /** Throws where who reads may no longer. */
  requireStanding(): MaybePromise<void>;
}

/** Oldest first. Throws where the first page cannot be read; later the file breaks off. */
export async function exportAudit(
  format: Format,
  where: Condition,
  { fetch, requireStanding }: AuditReading,
): Promise<Response> {
  const order = ["at", "id"].map((name) => ({ path: [name], descending: false, nullsFirst: true }));
  const read = (from: AuditRecord | undefined): Promise<Page<AuditRecord>> =>
    fetch({ where: from ? all([where, after(from)]) : where, order, limit: PAGE_ROWS });
  const encoder = new TextEncoder();
  const line = format === "csv" ? csvLine : jsonLine;
  let page = await read(undefined);
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      if (format === "csv") controller.enqueue(encoder.encode(`${COLUMNS.join(",")}\r\n`));
    },
    pull: async (controller) => {
      await requireStanding();
      if (page.rows.length > 0) controller.enqueue(encoder.encode(page.rows.map(encode).map(line).join("")));
      if (page.rows.length < PAGE_ROWS) controller.close();
      else page = await read(page.rows.at(-1));
    },
  });
  const { type, name } = FILES[format];
  return answerOf(body, {
    headers: { "Content-Type": type, "Content-Disposition": `attachment; filename="${name}"` },
  });
}

function after({ at, id }: AuditRecord): Condition {
  const instant = new Date(at);
  return all([test(["at"], ">=", instant), any([test(["at"], ">", instant), test(["id"], ">", id)])]);
}

function jsonLine(entry: Entry): string {
  return `${JSON.stringify(entry)}\n`;
}

function csvLine(entry: Entry): string {
  return `${COLUMNS.map((name) => csvCell(entry[name])).join(",")}\r\n`;
}

/** RFC 4180. What a spreadsheet could take for a formula, in full width too, begins with an apostrophe. */
function csvCell(value: unknown): string {
  if (value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const safe = /^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
