/** Alone because the audit log, its columns and an entry's details need the same type. */
import type { OutputOf } from "@chatelaine/contract/operations/operations";

export type AuditEntry = OutputOf<"audit.list">["entries"][number];
