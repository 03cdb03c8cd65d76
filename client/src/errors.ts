import type { ErrorCode } from "@chatelaine/contract/errors";

export interface ProblemField {
  /** The member that was refused, such as `expires_at`. */
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

export interface ProblemDetails {
  /** Of HTTP; 0 where no answer came. */
  readonly status: number;
  readonly code: ErrorCode;
  readonly errors?: readonly ProblemField[];
  /** One of these is needed. */
  readonly roles?: readonly string[];
  readonly requestId?: string;
  readonly retryAfterSeconds?: number;
  /** Address of the page that explains the code. */
  readonly type?: string;
}

/** What the server refused, and why. `code` is stable; `message` is for people. */
export class ChatelaineError extends Error {
  readonly status: number;
  readonly code: ErrorCode;
  readonly errors: readonly ProblemField[];
  readonly roles: readonly string[];
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly type: string | undefined;

  constructor(message: string, details: ProblemDetails) {
    super(message);
    this.name = "ChatelaineError";
    this.status = details.status;
    this.code = details.code;
    this.errors = details.errors ?? [];
    this.roles = details.roles ?? [];
    this.requestId = details.requestId;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.type = details.type;
  }
}

/** The problem document of an answer, or the nearest to it where something on the way answered instead. */
export async function readProblem(response: Response): Promise<ChatelaineError> {
  const { status } = response;
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  const retryAfterSeconds = Number.isFinite(retryAfter) ? retryAfter : undefined;
  const text = await response.text().catch(() => "");
  try {
    const body = JSON.parse(text) as ProblemDetails & { detail: string; request_id: string };
    if (typeof body.code === "string") {
      return new ChatelaineError(body.detail, {
        ...body,
        status,
        requestId: body.request_id,
        retryAfterSeconds,
      });
    }
  } catch {
    // Not a problem document: a proxy on the way has answered.
  }
  const code: ErrorCode = status === 404 ? "not_found" : status >= 500 ? "unavailable" : "malformed_request";
  return new ChatelaineError(`The server answered ${status}`, { status, code, retryAfterSeconds });
}
