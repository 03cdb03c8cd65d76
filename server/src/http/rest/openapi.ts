/**
 * The OpenAPI 3.1 document, from the contract alone: an operation that is there is documented, with every error that it
 * may answer. Made once, at the first request for it.
 */
import { ERROR_DOCS } from "@chatelaine/contract/error-docs";
import { ERROR_CODES, type ErrorCode, ISSUE_CODES } from "@chatelaine/contract/errors";
import { errorsOf, type Operation, takesIfMatch } from "@chatelaine/contract/operations/operation";
import { operationList } from "@chatelaine/contract/operations/operations";
import { ROLE_LABELS } from "@chatelaine/contract/roles";
import { z } from "zod";
import { VERSION } from "../../version.ts";
import { COOKIE_NAME } from "../cookies.ts";
import { errorRow } from "../errors.ts";
import { exampleProblem } from "./problem.ts";

const Problem = z
  .strictObject({
    type: z.string().describe("Address of the page that explains the code."),
    title: z.string(),
    status: z.int(),
    code: z.enum(ERROR_CODES).describe("Stable; programs go by it."),
    detail: z.string(),
    request_id: z.string(),
    errors: z
      .array(z.strictObject({ path: z.string(), code: z.enum(ISSUE_CODES), message: z.string() }))
      .optional()
      .describe("Members that were refused."),
    roles: z.array(z.string()).optional().describe("One of these is needed."),
  })
  .meta({ id: "Problem" });

const GROUP_WORDS: Readonly<Record<string, string>> = {
  Keys: "Making, seeing, changing and ending keys.",
  "The key that asks": "What a key may do to itself, whatever it was narrowed to.",
  Users: "Who may sign in and hold keys.",
  Groups: "Roles and scopes granted to several users at once.",
  Sessions: "Signing in, and who is signed in.",
  Setup: "The first administrator.",
  "Checking keys": "For services and proxies that are shown keys, and for finding why one was refused.",
  Alerts: "What wants attention.",
  Audit: "What happened, and who did it.",
  Events: "What happens, as it happens.",
  System: "Roles and the server's own settings.",
};

let made: string | undefined;

/** @returns the document as JSON text. */
export function openApiText(): string {
  made ??= JSON.stringify(makeDocument());
  return made;
}

function makeDocument(): object {
  const schemas = new Schemas();
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of operationList) {
    paths[operation.path] ??= {};
    paths[operation.path]![operation.method.toLowerCase()] = pathItem(operation, schemas);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Chatelaine",
      version: VERSION,
      description:
        "Keys that are linked to users: made, listed, edited, reset, paused, revoked and deleted. Send a key as `Authorization: Bearer KEY`. Errors are problem documents (RFC 9457) with a stable `code`.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/api/v1", description: "This server" }],
    tags: [...new Set(operationList.map(({ group }) => group))].map((name) => ({
      name,
      description: GROUP_WORDS[name] ?? name,
    })),
    security: [{ bearer: [] }, { header: [] }, { basic: [] }, { session: [] }],
    paths,
    components: {
      schemas: schemas.components,
      examples: examplesOf(),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "`Authorization: Bearer KEY`" },
        header: {
          type: "apiKey",
          in: "header",
          name: "X-API-Key",
          description: "The same key in another header",
        },
        basic: {
          type: "http",
          scheme: "basic",
          description: "Any name, and the key as the password; or the key as the name",
        },
        session: {
          type: "apiKey",
          in: "cookie",
          name: `__Host-${COOKIE_NAME}-INSTALLATION`,
          description:
            "A browser that is signed in. INSTALLATION is the first eight characters of the installation's id. Changes need an `Origin` of this server; over http on the machine itself the cookie has no `__Host-`.",
        },
      },
    },
  };
}

/** Schemas with an id stand once, under `components`; all others where they are used. */
class Schemas {
  readonly components: Record<string, object> = {};

  of(schema: z.ZodType, io: "input" | "output"): object {
    const {
      $schema: _,
      $defs = {},
      id,
      ...root
    } = relocated(
      z.toJSONSchema(schema, {
        io,
        unrepresentable: "any",
        override: ({ jsonSchema }) => simplify(jsonSchema),
      }),
    );
    for (const [name, { id: _id, ...definition }] of Object.entries(
      $defs as Record<string, { id?: string }>,
    )) {
      this.components[name] = definition;
    }
    if (typeof id !== "string") return root;
    this.components[id] = root;
    return { $ref: `#/components/schemas/${id}` };
  }
}

/** Without what only a machine made by hand of it: a pattern beside a format, the bounds of every integer. */
function simplify(schema: { format?: string; pattern?: string; minimum?: number; maximum?: number }): void {
  if (schema.format === "date-time") delete schema.pattern;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}

function relocated(schema: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/'));
}

function pathItem(operation: Operation, schemas: Schemas): object {
  const { name, group, title, params, query, body, access, example } = operation;
  const parameters = [
    ...parametersOf(params, "path", example.params, schemas),
    ...parametersOf(query, "query", example.query, schemas),
    ...(operation.once ? [ONCE_PARAMETER] : []),
    ...(takesIfMatch(operation) ? [MATCH_PARAMETER] : []),
  ];
  const content = body && { schema: schemas.of(body, "input"), example: example.body };
  return {
    operationId: name,
    tags: [group],
    summary: title,
    description: descriptionOf(operation),
    ...(access.kind === "anyone" && { security: [{}] }),
    ...(parameters.length > 0 && { parameters }),
    ...(content && { requestBody: { required: true, content: { "application/json": content } } }),
    responses: { [operation.status]: successOf(operation, schemas), ...failuresOf(operation, schemas) },
    ...extensionsOf(operation),
  };
}

function parametersOf(
  schema: z.ZodObject | undefined,
  place: "path" | "query",
  examples: Readonly<Record<string, unknown>> | undefined,
  schemas: Schemas,
): object[] {
  return Object.entries(schema?.shape ?? {}).map(([name, member]) => {
    const { description, ...shape } = schemas.of(member as z.ZodType, "input") as { description?: string };
    const required = place === "path" || !(member as z.ZodType).safeParse(undefined).success;
    return { name, in: place, required, description, schema: shape, example: examples?.[name] };
  });
}

const ONCE_PARAMETER = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description: "A repetition with the same value gets the first outcome, for a day.",
  schema: { type: "string", maxLength: 255 },
};

const MATCH_PARAMETER = {
  name: "If-Match",
  in: "header",
  required: false,
  description: "The ETag that the change was decided on, or a list of them: another one is answered 412.",
  schema: { type: "string" },
};

function successOf({ output, title, streams, tagged, example }: Operation, schemas: Schemas): object {
  const content = streams
    ? Object.fromEntries(streams.map((type) => [type, { schema: { type: "string" } }]))
    : { "application/json": { schema: schemas.of(output, "output"), example: example.output } };
  const hasTag = tagged !== undefined && output instanceof z.ZodObject && "version" in output.shape;
  return { description: title, content, ...(hasTag && { headers: { ETag: HEADER } }) };
}

/** One response for each status, with an example for each code that has it. */
function failuresOf(operation: Operation, schemas: Schemas): Record<string, object> {
  const byStatus = Map.groupBy(errorsOf(operation), (code) => String(errorRow(code).status));
  byStatus.set("405", ["malformed_request"]);
  byStatus.set("415", ["malformed_request"]);
  const schema = schemas.of(Problem, "output");
  const failures: Record<string, object> = {};
  for (const [status, codes] of byStatus) {
    const examples = Object.fromEntries(
      codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
    );
    failures[status] = {
      description: codes.map((code) => `\`${code}\`: ${ERROR_DOCS[code].title}`).join(". "),
      content: { "application/problem+json": { schema, examples } },
      ...(HEADERS[status] && { headers: HEADERS[status] }),
    };
  }
  return failures;
}

const HEADER = { schema: { type: "string" } };
const HEADERS: Readonly<Record<string, object>> = {
  401: { "WWW-Authenticate": HEADER },
  405: { Allow: HEADER },
  415: { "Accept-Encoding": HEADER },
  429: { "Retry-After": HEADER, RateLimit: HEADER, "RateLimit-Policy": HEADER },
  503: { "Retry-After": HEADER },
};

function examplesOf(): Record<ErrorCode, object> {
  const examples = ERROR_CODES.map((code) => [
    code,
    { summary: ERROR_DOCS[code].title, value: exampleProblem(code) },
  ]);
  return Object.fromEntries(examples);
}

function descriptionOf(operation: Operation): string {
  const { words, rpc, since } = operation;
  const same = rpc === undefined ? "" : ` The same by JSON-RPC: \`${rpc}\`.`;
  return `${words}\n\n**Needs:** ${needsOf(operation)}\n\nSince ${since}.${same}`;
}

function needsOf({ access }: Operation): string {
  if (access.kind === "anyone") return "nothing; anyone may call.";
  if (access.kind === "signed_in") return access.words ?? "a key or a session, of whatever role.";
  const roles = access.anyOf.map((role) => `${role} (${ROLE_LABELS[role].title})`).join(" or ");
  const own = access.ownOnly?.length
    ? `; with ${access.ownOnly.join(" or ")} alone, for what is one's own`
    : "";
  return `${roles}${own}.`;
}

function extensionsOf({ access, since }: Operation): object {
  const roles = access.kind === "roles" ? access.anyOf : [];
  return { "x-roles": roles, "x-access": access.kind, "x-since": since };
}
