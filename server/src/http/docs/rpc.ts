/** What the JSON-RPC API tells the documentation about itself. */
import type { Role } from "@chatelaine/contract/roles";

export interface RpcVersion {
  readonly name: string;
  readonly methods: readonly MethodDoc[];
  readonly events: readonly EventDoc[];
}

/** A method as one version of the API has it. */
export interface MethodDoc {
  readonly name: string;
  readonly description: string;
  /** `anon`: without signing in; `any`: every session; otherwise one of the roles. */
  readonly access: "anon" | "any" | readonly Role[];
  /** The first version that has it. */
  readonly since: string;
  readonly params: readonly {
    readonly name: string;
    readonly required: boolean;
    /** JSON Schema. */
    readonly schema: () => object;
  }[];
  /** JSON Schema. */
  readonly result: () => object;
  readonly errors: readonly MethodError[];
  readonly example: {
    readonly params: readonly unknown[];
    readonly result: () => unknown;
  };
}

export interface MethodError {
  readonly code: number;
  readonly errname: string | null;
  readonly errno: number | null;
  readonly when: string;
}

export interface EventDoc {
  readonly name: string;
  readonly description: string;
  /** One of these; null: every session. */
  readonly access: readonly Role[] | null;
  readonly since: string;
  /** JSON Schema of the fields that an event has for an added or changed entry. */
  readonly fields: (() => object) | undefined;
}
