/**
 * Errors as RFC 9457 problem documents: the one funnel through which everything that goes wrong leaves the REST API.
 * What was not foreseen says nothing but its request id; the log has the rest under that id.
 */
import { ERROR_DOCS } from "@chatelaine/contract/error-docs";
import type { ErrorCode } from "@chatelaine/contract/errors";
import { wireName } from "@chatelaine/contract/names";
import type { z } from "zod";
import { AppError, errorCode } from "../../domain/errors.ts";
import type { KeyTextFault } from "../../domain/key-text.ts";
import { maskDeep } from "../../domain/masking.ts";
import type { Log } from "../../log.ts";
import type { SignInRefusal, SignInRefused } from "../../sign-in/credential.ts";
import type { RateState } from "../../verify/verify.ts";
import { errorRow } from "../errors.ts";
import { rateHeaders } from "../rate-headers.ts";

export interface ProblemBody {
  /** Address of the page that explains the code. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly request_id: string;
  /** Members that were refused. */
  readonly errors?: readonly { readonly path: string; readonly code: string; readonly message: string }[];
  /** One of these is needed. */
  readonly roles?: readonly string[];
}

/** Where the built-in documentation explains an error. */
function errorPage(code: ErrorCode): string {
  return `/api/docs/current/errors/${code}`;
}

/** As the documentation shows it. */
export function exampleProblem(code: ErrorCode): ProblemBody {
  const { title, words: detail } = ERROR_DOCS[code];
  const request_id = "c5452da3-a184-49e5-85f0-9820654e0db6";
  return { type: errorPage(code), title, status: errorRow(code).status, code, detail, request_id };
}

/** @param status in the place of the table's, where HTTP has a finer word for it: 405, 415 */
export function malformed(message: string, status?: 405 | 415): AppError {
  return new AppError("malformed_request", message, { details: status ? { status } : {} });
}

export function problemResponse(thrown: unknown, requestId: string, log: Log): Response {
  const error = thrown instanceof AppError ? thrown : new AppError("internal", "", { cause: thrown });
  const code = errorCode(error);
  if (code === "internal") log.error("A request failed", { requestId, error: error.cause ?? error });
  const status = typeof error.details.status === "number" ? error.details.status : errorRow(code).status;
  const needs =
    code === "role_missing" && Array.isArray(error.details.needs) ? (error.details.needs as string[]) : [];
  const body: ProblemBody = {
    type: errorPage(code),
    title: ERROR_DOCS[code].title,
    status,
    code,
    detail: detailOf(error, code, needs),
    request_id: requestId,
    ...(error.issues.length > 0 && { errors: error.issues.map(fieldOf) }),
    ...(needs.length > 0 && { roles: needs }),
  };
  const headers = new Headers({ "Content-Type": "application/problem+json" });
  if (status === 401) headers.set("WWW-Authenticate", challenge(code));
  if (code === "too_many_requests") limitHeaders(headers, error);
  if (code === "unavailable") headers.set("Retry-After", "2");
  if (typeof error.details.acceptEncoding === "string")
    headers.set("Accept-Encoding", error.details.acceptEncoding);
  if (typeof error.details.allow === "string") headers.set("Allow", error.details.allow);
  // Names of members that look like a secret are masked.
  return new Response(JSON.stringify(maskDeep(body)), { status, headers });
}

/** The issues of a failed parse, with the members' own names. */
export function invalidInput(error: z.ZodError, where: "body" | "query" | "path"): AppError {
  const issues = error.issues.slice(0, 20).flatMap((issue) => {
    const path = issue.path.map((step) => (typeof step === "symbol" ? String(step) : step));
    if (issue.code !== "unrecognized_keys") return [{ path, code: "shape" as const, message: issue.message }];
    return issue.keys.slice(0, 20).map((key) => ({
      path: [...path, key.slice(0, 100)],
      code: "shape" as const,
      message: "There is no such member",
    }));
  });
  return new AppError("invalid", `The ${where} has a value that was refused`, { issues });
}

/** A refused key, as the error that its holder is told. What the key is, is told only to anyone who had its secret. */
export function refusedKey({
  reason,
  fault,
  waitMs,
  rate,
  advice,
}: SignInRefused & { readonly fault?: KeyTextFault }): AppError {
  const code = REFUSED_AS[reason];
  if (reason === "malformed") return new AppError(code, FAULT_WORDS[fault ?? "shape"]);
  const retryAfterSeconds = waitMs === undefined ? undefined : Math.max(1, Math.ceil(waitMs / 1000));
  return new AppError(code, advice ?? ERROR_DOCS[code].words, { details: { retryAfterSeconds, rate } });
}

/** A text in a body that is no key's, at its member. */
export function refusedText(fault: KeyTextFault): AppError {
  const message = FAULT_WORDS[fault];
  return new AppError("invalid", message, { issues: [{ path: ["key"], code: "shape", message }] });
}

const REFUSED_AS: Readonly<Record<SignInRefusal, ErrorCode>> = {
  malformed: "not_authenticated",
  unknown: "not_authenticated",
  expired: "key_expired",
  paused: "key_paused",
  revoked: "key_revoked",
  user_locked: "user_locked",
  no_roles: "user_locked",
  scope_missing: "scope_missing",
  address_not_allowed: "address_not_allowed",
  rate_limited: "too_many_requests",
  insecure_transport: "insecure_transport",
  too_many_guesses: "too_many_requests",
  busy: "unavailable",
};

const FAULT_WORDS: Readonly<Record<KeyTextFault, string>> = {
  shape: "That is not the text of a key: a number, a hyphen, and 64 letters and digits",
  id_missing: "The number and the hyphen at the beginning of the key are missing",
  checksum: "The key has a typing error",
};

function detailOf(error: AppError, code: ErrorCode, needs: readonly string[]): string {
  if (code === "internal")
    return "Something unforeseen happened; the server's log has it under the request id";
  if (needs.length > 0) return `This needs the role ${needs.join(" or ")}`;
  return error.message || ERROR_DOCS[code].words;
}

/** Use cases speak of members by their names inside. */
function fieldOf(issue: AppError["issues"][number]): { path: string; code: string; message: string } {
  return {
    path: issue.path.map((step) => wireName(String(step))).join("."),
    code: issue.code,
    message: issue.message,
  };
}

function challenge(code: ErrorCode): string {
  const fault = code === "not_authenticated" ? "" : `, error="invalid_token", error_description="${code}"`;
  return `Bearer realm="Chatelaine"${fault}`;
}

function limitHeaders(headers: Headers, error: AppError): void {
  const { rate, retryAfterSeconds } = error.details;
  // What slows guesses has no count that a client may rely on.
  if (rate) rateHeaders(headers, rate as RateState);
  else headers.set("Retry-After", String(typeof retryAfterSeconds === "number" ? retryAfterSeconds : 60));
}
