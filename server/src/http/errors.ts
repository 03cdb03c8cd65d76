/**
 * The one table that says an error on the wire: its HTTP status, and its JSON-RPC code and errno in the TrueNAS dialect.
 * The compiler holds it to the closed set of codes.
 */
import type { ErrorCode } from "@chatelaine/contract/errors";

/** Linux's numbers, and the dialect's own from 201 on. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EAGAIN: 11,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EINVAL: 22,
  ENOSPC: 28,
  EOPNOTSUPP: 95,
  ETIMEDOUT: 110,
  ENOMETHOD: 201,
  ENOTAUTHENTICATED: 207,
} as const;

export type Errname = keyof typeof ERRNO;

export const RPC = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  tooManyCalls: -32000,
  callError: -32001,
} as const;

export type RpcCode = (typeof RPC)[keyof typeof RPC];

export interface ErrorRow {
  readonly status: number;
  readonly rpc: RpcCode;
  readonly errname: Errname;
  /** The dialect's fixed words; absent: those of the error. */
  readonly reason?: string;
}

export const ERROR_TABLE = {
  invalid: { status: 422, rpc: RPC.invalidParams, errname: "EINVAL" },
  malformed_request: { status: 400, rpc: RPC.invalidParams, errname: "EINVAL" },
  not_authenticated: {
    status: 401,
    rpc: RPC.callError,
    errname: "ENOTAUTHENTICATED",
    reason: "Not authenticated",
  },
  key_expired: { status: 401, rpc: RPC.callError, errname: "EACCES" },
  key_revoked: { status: 401, rpc: RPC.callError, errname: "EACCES" },
  key_paused: { status: 403, rpc: RPC.callError, errname: "EACCES" },
  user_locked: { status: 403, rpc: RPC.callError, errname: "EACCES" },
  insecure_transport: { status: 403, rpc: RPC.callError, errname: "EOPNOTSUPP" },
  address_not_allowed: { status: 403, rpc: RPC.callError, errname: "EACCES" },
  session_expired: { status: 401, rpc: RPC.callError, errname: "EACCES", reason: "Session is expired" },
  credential_ended: {
    status: 401,
    rpc: RPC.callError,
    errname: "ENOTAUTHENTICATED",
    reason: "Not authenticated",
  },
  role_missing: { status: 403, rpc: RPC.callError, errname: "EACCES", reason: "Not authorized" },
  scope_missing: { status: 403, rpc: RPC.callError, errname: "EACCES" },
  forbidden: { status: 403, rpc: RPC.callError, errname: "EACCES" },
  not_found: { status: 404, rpc: RPC.invalidParams, errname: "ENOENT" },
  name_taken: { status: 409, rpc: RPC.invalidParams, errname: "EINVAL" },
  conflict: { status: 409, rpc: RPC.callError, errname: "EBUSY" },
  precondition_failed: { status: 412, rpc: RPC.callError, errname: "EBUSY" },
  limit_reached: { status: 409, rpc: RPC.callError, errname: "EPERM" },
  payload_too_large: { status: 413, rpc: RPC.callError, errname: "EINVAL" },
  request_timeout: { status: 408, rpc: RPC.callError, errname: "ETIMEDOUT" },
  unknown_host: { status: 421, rpc: RPC.callError, errname: "EINVAL" },
  too_many_requests: { status: 429, rpc: RPC.callError, errname: "EBUSY", reason: "Rate Limit Exceeded" },
  storage_full: { status: 507, rpc: RPC.callError, errname: "ENOSPC" },
  unavailable: { status: 503, rpc: RPC.callError, errname: "EAGAIN" },
  restore_not_accepted: { status: 503, rpc: RPC.callError, errname: "EBUSY" },
  internal: { status: 500, rpc: RPC.callError, errname: "EINVAL" },
} as const satisfies Record<ErrorCode, ErrorRow>;

/** @returns the row, with the members that only some rows have. */
export function errorRow(code: ErrorCode): ErrorRow {
  return ERROR_TABLE[code];
}
