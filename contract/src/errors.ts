/** Every error that Chatelaine tells anybody has one of these codes. The wire tables are keyed by them. */
export const ERROR_CODES = [
  "invalid",
  "malformed_request",
  "not_authenticated",
  "key_expired",
  "key_revoked",
  "key_paused",
  "user_locked",
  "insecure_transport",
  "address_not_allowed",
  "session_expired",
  "credential_ended",
  "role_missing",
  "scope_missing",
  "forbidden",
  "not_found",
  "name_taken",
  "conflict",
  "precondition_failed",
  "limit_reached",
  "payload_too_large",
  "request_timeout",
  "unknown_host",
  "too_many_requests",
  "storage_full",
  "unavailable",
  "restore_not_accepted",
  "internal",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Why one input value was refused. The code is stable, the message is for people. */
export interface Issue {
  /** Where in the input, outermost first. Empty: the input as a whole. */
  readonly path: readonly (string | number)[];
  readonly code: IssueCode;
  readonly message: string;
}

export const ISSUE_CODES = [
  "shape",
  "name_taken",
  "in_past",
  "user_missing",
  "user_without_role",
  "too_long",
  "unknown_role",
  "bad_scope",
  "bad_address",
  "weak_password",
  "policy",
  "holds_secret",
] as const;

export type IssueCode = (typeof ISSUE_CODES)[number];
