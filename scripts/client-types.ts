/**
 * The types of the REST client in the package: names of all operations, and inputs and outputs that are open, because in
 * the repository they are the contract's own, which the package has not.
 */
import { ROUTES } from "../client/src/routes.ts";

const OWN = ["events.stream", "audit.export"];

/** Takes the place of the emitted `client.d.ts`, and of the two that it would import. */
export function clientTypes(): string {
  const groups = Map.groupBy(
    Object.keys(ROUTES).filter((name) => !OWN.includes(name)),
    (name) => name.split(".")[0]!,
  );
  const members = [...groups].map(
    ([group, names]) =>
      `    readonly ${group}: {\n${names.map((name) => `        readonly ${name.split(".")[1]}: Call;`).join("\n")}\n    };`,
  );
  return `import type { ErrorCode } from "./error-codes.js";
import type { CallOptions, ClientOptions, EventsOptions } from "./options.js";
export { ChatelaineError } from "./errors.js";
export type { CallOptions, ClientOptions, ErrorCode, EventsOptions };
/** Parameters of the address by their names, and \`query\` and \`body\`, as the server's documentation shows them. */
export interface CallInput {
    readonly query?: Readonly<Record<string, unknown>>;
    readonly body?: unknown;
    readonly [param: string]: unknown;
}
/** Throws ChatelaineError. What comes back is as the server's documentation shows it: name it as \`Output\`. */
export type Call = <Output = unknown>(input?: CallInput, options?: CallOptions) => Promise<Output>;
export type StreamEvent =
/** The stream is open. */
{ readonly type: "ready" }
 | { readonly type: "change"; readonly change: Readonly<Record<string, unknown>> }
/** Some changes were missed: read again what is shown. */
 | { readonly type: "missed" }
/** The line is cut; it is tried again. */
 | { readonly type: "lost" };
/** \`client.keys.create(...)\` for the operation \`keys.create\`, and so on for all. */
export interface Client {
${members.join("\n")}
    /** The audit log as a file: JSON Lines or CSV. */
    exportAudit(query?: CallInput["query"], options?: CallOptions): Promise<Response>;
    /** Changes as they happen. Connects again by itself and resumes; ends with the signal, or by a ChatelaineError. */
    events(options?: EventsOptions): AsyncGenerator<StreamEvent, void, undefined>;
}
export declare function createClient(options?: ClientOptions): Client;
`;
}
