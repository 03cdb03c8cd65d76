/** All operations of the REST API, and what can be said of them from their definitions alone. */
import type { z } from "zod";
import type { Inside } from "../codec.ts";
import type { Role } from "../roles.ts";
import { alertOperations } from "./alerts.ts";
import { groupOperations } from "./groups.ts";
import { keyOperations } from "./keys.ts";
import type { Operation } from "./operation.ts";
import { selfOperations } from "./self.ts";
import { sessionOperations, setupOperations } from "./session.ts";
import { systemOperations } from "./system.ts";
import { userOperations } from "./users.ts";
import { verifyOperations } from "./verify.ts";

export const OPERATIONS = {
  ...selfOperations,
  ...keyOperations,
  ...verifyOperations,
  ...userOperations,
  ...groupOperations,
  ...sessionOperations,
  ...setupOperations,
  ...systemOperations,
  ...alertOperations,
} as const;

export type Operations = typeof OPERATIONS;
export type OperationName = keyof Operations;

type SchemaOf<
  Name extends OperationName,
  Part extends "params" | "query" | "body" | "output",
> = Operations[Name] extends { readonly [P in Part]: infer Schema extends z.ZodType } ? Schema : never;

/** What a client sends as params, query or body; `never` where the operation takes none. */
export type InputOf<Name extends OperationName, Part extends "params" | "query" | "body"> = z.input<
  SchemaOf<Name, Part>
>;
/** What handlers are given and give back: the validated values, as they stand inside. */
export type InsideOf<
  Name extends OperationName,
  Part extends "params" | "query" | "body" | "output",
> = Inside<SchemaOf<Name, Part>>;
export type OutputOf<Name extends OperationName> = z.output<SchemaOf<Name, "output">>;

export const operationList: readonly Operation[] = Object.values(OPERATIONS);

/** Whether somebody with these roles may call the operation at all. */
export function mayCall(operation: Operation, roles: ReadonlySet<Role> | undefined): boolean {
  const { access } = operation;
  if (access.kind === "anyone") return true;
  if (roles === undefined) return false;
  return access.kind === "signed_in" || access.anyOf.some((role) => roles.has(role));
}
