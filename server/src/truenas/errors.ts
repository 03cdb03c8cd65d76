/** The dialect's errors (`conformance/2.2-errors.txt`): what methods throw, and how everything thrown is said. */
import type { Issue } from "@chatelaine/contract/errors";
import { AppError, unveil } from "../domain/errors.ts";
import { maskDeep } from "../domain/masking.ts";
import { ERRNO, type Errname, errorRow, RPC } from "../http/errors.ts";
import type { RpcError } from "../http/jsonrpc/api.ts";
import { MatchNotFound } from "./query-filters.ts";

/** Raised on purpose by a method. */
export class CallError extends Error {
  readonly errname: Errname;

  constructor(errname: Errname, text: string) {
    super(text);
    this.name = "CallError";
    this.errname = errname;
  }
}

export interface Invalid {
  /** Dotted, beginning with a parameter's name; null: the call as a whole. */
  readonly attribute: string | null;
  readonly message: string;
  /** What is recorded in the message's place, where that quotes what was sent. */
  readonly recorded?: string;
  readonly errname?: Errname;
}

/** All that is wrong with the parameters. */
export class ValidationErrors extends Error {
  readonly invalid: readonly Invalid[];

  constructor(invalid: readonly Invalid[]) {
    super(invalid.map(({ message, recorded = message }) => recorded).join("; "));
    this.name = "ValidationErrors";
    this.invalid = invalid;
  }
}

/** Something that a call named by its id is not there. */
export function doesNotExist(what: string, id: number): ValidationErrors {
  return new ValidationErrors([
    { attribute: null, message: `${what} ${id} does not exist`, errname: "ENOENT" },
  ]);
}

/**
 * Runs a use case and turns its refusal of input into validation errors.
 * @param attribute the parameter that the input came in
 * @param thing what not_found is about
 */
export async function asDialect<Result>(
  attribute: string,
  thing: { readonly what: string; readonly id: number } | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    const error = unveil(thrown);
    if (error.code === "not_found" && thing) throw doesNotExist(thing.what, thing.id);
    if (error.issues.length === 0) throw error;
    throw new ValidationErrors(error.issues.map((issue) => invalidOf(attribute, issue)));
  }
}

/** Rules about the record as a whole have the parameter's name alone, those of a field's shape its path. */
const WHOLE: Partial<Record<Issue["code"], string>> = {
  name_taken: "name must be unique",
  in_past: "Expiration date is in the past",
  user_missing: "User does not exist.",
  user_without_role: "User lacks privilege role membership.",
};

function invalidOf(attribute: string, { code, path, message }: Issue): Invalid {
  const words = WHOLE[code];
  if (words !== undefined) return { attribute, message: code === "in_past" ? message : words };
  const steps = [attribute, ...path.map(snakeCase)].filter((step) => step !== "");
  return { attribute: steps.join("."), message };
}

function snakeCase(step: string | number): string {
  return String(step).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** As it leaves: names of members that look like a secret are masked. */
export function describeError(error: unknown, unforeseen: (error: unknown) => string): RpcError {
  return maskDeep(described(error instanceof AppError ? unveil(error) : error, unforeseen));
}

function described(error: unknown, unforeseen: (error: unknown) => string): RpcError {
  if (error instanceof ValidationErrors) return validationError(error.invalid);
  if (error instanceof CallError) return callError(error.errname, `[${error.errname}] ${error.message}`);
  if (error instanceof MatchNotFound) return callError("EINVAL", error.message);
  if (!(error instanceof AppError) || error.code === "internal") {
    return callError("EINVAL", `Internal error (request ${unforeseen(error)})`);
  }
  if (error.issues.length > 0) return validationError(error.issues.map((issue) => invalidOf("", issue)));
  const row = errorRow(error.code);
  if (row.rpc === RPC.invalidParams) {
    return validationError([{ attribute: null, message: error.message, errname: row.errname }]);
  }
  return callError(row.errname, `[${row.errname}] ${row.reason ?? error.message}`);
}

function callError(errname: Errname, reason: string): RpcError {
  const data = { error: ERRNO[errname], errname, reason, trace: null, extra: null };
  return { code: RPC.callError, message: "Method call error", data };
}

function validationError(invalid: readonly Invalid[]): RpcError {
  const extra = invalid.map(({ attribute, message, errname = "EINVAL" }) => [
    attribute,
    message,
    ERRNO[errname],
  ]);
  const lines = invalid.map(
    ({ attribute, message, errname = "EINVAL" }) => `[${errname}] ${attribute ?? "None"}: ${message}`,
  );
  const alone = invalid.length === 1 && invalid[0]!.attribute === null;
  const reason = alone ? lines[0]! : lines.map((line) => `${line}\n`).join("");
  const data = { error: ERRNO.EINVAL, errname: "EINVAL", reason, trace: null, extra };
  return { code: RPC.invalidParams, message: "Invalid params", data };
}
