/** Alone because the list of groups and its panels need the same types. */
import type { OutputOf } from "@chatelaine/contract/operations/operations";

export type GroupEntry = OutputOf<"groups.create">;

export type GroupAction = "details" | "edit" | "delete";
