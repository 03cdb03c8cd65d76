/** What the checks of Chatelaine's own address are given, and what the first of them find out for the others. */
import type { MakeKey } from "./canary.ts";
import type { Site } from "./raw-http.ts";

export interface OwnExam {
  readonly site: Site;
  /** Name of the user whose keys these are. */
  readonly username: string;
  readonly make: MakeKey;
  /** Whether the settings take keys at REST however they come. */
  readonly allowsAll: boolean;
  /** tls-server-end-point of a certificate. Throws where it has none. */
  readonly bindingOf: (der: Uint8Array) => Uint8Array;
}

/** What Chatelaine makes of the connection that a client came by. */
export type Way = "secure" | "clear" | "unknown";

export interface OwnFacts extends OwnExam {
  /** undefined: it lets keys pass however they come, and does not say. */
  readonly way: Way | undefined;
  /** The address that the doctor itself came from. */
  readonly from: string;
  /** undefined: no WebSocket came through, or nobody could sign in on it. */
  readonly session: SessionFacts | undefined;
}

/** What Chatelaine knows of a connection that a key signed in on. */
export interface SessionFacts {
  readonly address: string;
  /** Somebody spoke for its client who is named by --trusted-proxy: no port is known then. */
  readonly isProxied: boolean;
  readonly isSecure: boolean;
}
