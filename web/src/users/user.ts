/** Alone because the list of users and its panels need the same types. */
import type { OutputOf } from "@chatelaine/contract/operations/operations";

export type UserEntry = OutputOf<"users.get">;
