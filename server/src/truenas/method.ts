/**
 * How a method is declared, and the order in which a call is judged: exists, signed in, allowed, well formed, done. On
 * versions before v27 parameters are judged before rights, as the original does there; but nothing of what somebody sends
 * who is not signed in is looked at, save by methods that are open to them (held by `strangers.test.ts`).
 */
import type { Role } from "@chatelaine/contract/roles";
import type { Audit, Note } from "../activity/audit.ts";
import { credentialNote } from "../domain/audit.ts";
import { type Caller, requireRole } from "../domain/caller.ts";
import { AppError, endOr, errorCode } from "../domain/errors.ts";
import { type ApiMethod, type Connection, LongAnswer } from "../http/jsonrpc/api.ts";
import type { RequireStanding } from "../sign-in/judge.ts";
import { type Param, readParams, type Values } from "./params.ts";
import { recordedParams } from "./recorded.ts";
import type { Version } from "./version.ts";

/** `any`: every session. Otherwise one of the roles, directly or by inclusion. */
export type RpcAccess = "any" | readonly Role[];

export interface AnonymousCall {
  readonly connection: Connection;
  readonly version: Version;
}

export interface RpcCall extends AnonymousCall {
  /** Carries the call as it came, for the audit. */
  readonly caller: Caller;
}

export interface RpcMethod {
  readonly access: "anon" | RpcAccess;
  readonly description: string;
  params(version: Version): readonly Param[];
  /** Answered also where somebody without a session calls too often. */
  readonly isUnrated?: boolean;
  /** Ends the session that calls. All others that have changed nothing are answered to a caller who still stands. */
  readonly endsCaller?: boolean;
  /** What the audit says, of what it keeps of the parameters; absent: calls that are refused are not recorded. */
  readonly audit?: (recorded: readonly unknown[]) => string;
  run(call: RpcCall, values: readonly unknown[]): unknown;
}

type More = Pick<RpcMethod, "isUnrated" | "endsCaller" | "audit">;
type Awaitable<T> = T | Promise<T>;
type ParamsOf<Params> = Params | ((version: Version) => Params);

/** Callable without a session. */
export function anonymousMethod<const Params extends readonly Param[]>(
  description: string,
  params: ParamsOf<Params>,
  run: (call: AnonymousCall, ...values: Values<Params>) => Awaitable<unknown>,
  more: More = {},
): RpcMethod {
  return method("anon", description, params, run, more);
}

export function method<const Params extends readonly Param[]>(
  access: "anon" | RpcAccess,
  description: string,
  params: ParamsOf<Params>,
  run: (call: RpcCall, ...values: Values<Params>) => Awaitable<unknown>,
  more: More = {},
): RpcMethod {
  return {
    ...more,
    access,
    description,
    params: typeof params === "function" ? params : () => params,
    run: (call, values) => run(call, ...(values as Values<Params>)),
  };
}

export interface CallDeps {
  readonly requireStanding: RequireStanding;
  readonly audit: Pick<Audit, "note" | "refuse">;
}

/** A method as the transport calls it. */
export function callable(
  name: string,
  declared: RpcMethod,
  version: Version,
  { requireStanding, audit }: CallDeps,
): ApiMethod {
  const params = declared.params(version);
  const run = async (connection: Connection, given: readonly unknown[]): Promise<unknown> => {
    const caller = await known({ name, declared, params, given, audit }, connection);
    let call: RpcCall;
    let values: readonly unknown[];
    try {
      const early = version.validatesFirst ? readParams(params, given) : undefined;
      call = {
        connection,
        version,
        caller: admit(name, declared, caller, {
          record: () => recordedParams(params, given),
          gone: connection.gone,
        }),
      };
      values = early ?? readParams(params, given);
    } catch (error) {
      if (declared.audit) {
        const recorded = recordedParams(params, given);
        audit.note(refusal(name, declared.audit(recorded), { connection, caller, recorded, error }));
      }
      throw error;
    }
    if (declared.access === "anon") return declared.run(call, values);
    const stillStands = () => requireStanding(call.caller);
    let result: unknown;
    try {
      result = await declared.run(call, values);
      if (call.caller.acts?.committed === 0 && !declared.endsCaller) await stillStands();
      return result;
    } catch (error) {
      if (result instanceof LongAnswer) result.end();
      throw await endOr(error, stillStands);
    }
  };
  const whenTooOften = declared.isUnrated
    ? "answered"
    : declared.access === "anon"
      ? "busy"
      : "not_signed_in";
  return { whenTooOften, run };
}

interface Called extends Pick<CallDeps, "audit"> {
  readonly name: string;
  readonly declared: RpcMethod;
  readonly params: readonly Param[];
  readonly given: readonly unknown[];
}

/** The caller; undefined for nobody, where the method is open to them. What a stranger sent is not looked at. */
async function known(called: Called, connection: Connection): Promise<Caller | undefined> {
  try {
    const caller = await connection.caller();
    if (!caller && called.declared.access !== "anon")
      throw new AppError("not_authenticated", "Not authenticated");
    return caller;
  } catch (error) {
    noteStranger(called, connection, error);
    throw error;
  }
}

function noteStranger(
  { name, declared, params, given, audit }: Called,
  connection: Connection,
  error: unknown,
): void {
  const describe = declared.audit;
  if (!describe) return;
  const { address, door } = connection.origin;
  const act = { event: "METHOD_CALL", action: name, address, door, reason: errorCode(error) } as const;
  audit.refuse(act, () => {
    const recorded = recordedParams(params, given);
    const { details, ...note } = refusal(name, describe(recorded), {
      connection,
      caller: undefined,
      recorded,
      error,
    });
    return { ...note, details: { ...details, reason: act.reason } };
  });
}

/** Throws role_missing. An anonymous method has no caller and does not ask for one. */
function admit(
  name: string,
  { access }: RpcMethod,
  caller: Caller | undefined,
  { record, gone }: { readonly record: () => readonly unknown[]; readonly gone: AbortSignal },
): Caller {
  if (access === "anon") return caller as Caller;
  if (!caller) throw new AppError("not_authenticated", "Not authenticated");
  if (access !== "any") requireRole(caller, ...access);
  return { ...caller, gone, acts: { committed: 0 }, call: { method: name, params: record() } };
}

interface Refused {
  readonly connection: Connection;
  readonly caller: Caller | undefined;
  readonly recorded: readonly unknown[];
  readonly error: unknown;
}

/** A flood of refused calls must not fill memory while it waits to be written. */
const REFUSED_PARAMS_CHARS_MAX = 2_048;

function refusal(name: string, description: string, refused: Refused): Note {
  const { connection, caller, recorded, error } = refused;
  const isLong = JSON.stringify(recorded).length > REFUSED_PARAMS_CHARS_MAX;
  return {
    event: "METHOD_CALL",
    action: name,
    description,
    success: false,
    username: caller?.username ?? null,
    address: connection.origin.address,
    sessionId: connection.id,
    door: connection.origin.door,
    credentials: caller ? credentialNote(caller) : null,
    details: {
      call: { method: name, params: isLong ? ["(too long to keep)"] : recorded },
      authenticated: caller !== undefined,
      authorized: caller !== undefined && !(error instanceof AppError),
    },
    error: error instanceof Error ? error.message : null,
  };
}
