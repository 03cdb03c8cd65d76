/** One version of the API in the documentation's words: methods with all that may go wrong, and events. */
import { z } from "zod";
import type { EventDoc, MethodDoc, MethodError, RpcVersion } from "../http/docs/docs.ts";
import { ERRNO } from "../http/errors.ts";
import { EVENTS } from "./events.ts";
import { exampleOf } from "./examples.ts";
import type { RpcMethod } from "./method.ts";
import { FACTS, type Failure, keyResult, sessionResult, userResult } from "./results.ts";
import type { Version } from "./version.ts";

/** The methods and events that this version tells of. */
export function documentedVersion(version: Version, methods: ReadonlyMap<string, RpcMethod>): RpcVersion {
  const listed = [...methods].filter(
    ([name]) => !version.lacks.includes(name) && !version.hides.includes(name),
  );
  return {
    name: version.name,
    methods: listed.map(([name, one]) => methodDoc(name, one, version)),
    events: Object.entries(EVENTS).map(([name, roles]) => eventOf(name, roles, version)),
  };
}

function methodDoc(name: string, one: RpcMethod, version: Version): MethodDoc {
  const facts = FACTS[name];
  if (!facts) throw new Error(`${name} is not documented`);
  const result = () => schemaOf(facts.result(version), "output");
  return {
    name,
    description: one.description,
    access: one.access,
    since: facts.since,
    params: one.params(version).map((param) => ({
      name: param.name,
      required: !param.isOptional,
      schema: () => schemaOf(param.schema, "input"),
    })),
    result,
    example: exampleOf(name, result),
    errors: [
      ...general(one, version),
      ...(facts.errors ?? []),
      ...(facts.writes ? [DISK_FULL] : []),
      ...ALWAYS,
    ].map(numbered),
  };
}

const ALWAYS: readonly Failure[] = [
  { code: -32000, errname: null, when: "Ten calls run and ten wait on this connection" },
  { code: -32001, errname: "EAGAIN", when: "The database is away for the moment: try again" },
  {
    code: -32001,
    errname: "EINVAL",
    when: "Something unforeseen; the server's log has it under the request id that the reason names",
  },
];
const DISK_FULL: Failure = { code: -32001, errname: "ENOSPC", when: "The server's disk is full" };

function general(one: RpcMethod, version: Version): Failure[] {
  const malformed: Failure = {
    code: -32602,
    errname: "EINVAL",
    when:
      one.params(version).length === 0
        ? "A parameter is given, and none is taken"
        : "A parameter is missing, unknown or not well formed; `data.extra` names each",
  };
  if (one.access === "anon") return one.isUnrated ? [malformed] : [malformed, TOO_MANY];
  const signedIn = [malformed, NOBODY, OVER];
  return one.access === "any" ? signedIn : [...signedIn, NO_ROLE];
}

const NOBODY: Failure = {
  code: -32001,
  errname: "ENOTAUTHENTICATED",
  when: "Nobody is signed in on this connection",
};
const OVER: Failure = {
  code: -32001,
  errname: "EACCES",
  when: "The session has expired, or its key has ended",
};
const NO_ROLE: Failure = { code: -32001, errname: "EACCES", when: "You lack the role (`Not authorized`)" };
const TOO_MANY: Failure = {
  code: -32001,
  errname: "EBUSY",
  when: "Too many calls in a minute from this address without signing in (`Rate Limit Exceeded`)",
};

function numbered({ code, errname, when }: Failure): MethodError {
  return { code, errname, errno: errname && ERRNO[errname], when };
}

const EVENT_DOCS: Readonly<Record<string, string>> = {
  "api_key.query": "A key was made, changed or deleted. Secrets are masked",
  "user.query": "A user was made, changed or deleted",
  "auth.sessions": "Somebody signed in, or a session ended",
  "core.get_jobs":
    "Never sent, because there are no jobs; clients ask for it to learn whether they are signed in",
  "*": "All of these",
};

function eventOf(name: string, access: EventDoc["access"], version: Version): EventDoc {
  const fields = fieldsOf(name, version);
  return {
    name,
    description: EVENT_DOCS[name] ?? name,
    access,
    since: "v25.04.0",
    fields: fields && (() => schemaOf(fields, "output")),
  };
}

/** What an added or changed thing is told with; undefined where the event has none of its own. */
export function fieldsOf(name: string, version: Version): z.ZodObject | undefined {
  if (name === "api_key.query") return keyResult(version);
  if (name === "user.query") return userResult(version);
  if (name === "auth.sessions") return sessionResult(version).omit({ current: true, internal: true });
  return undefined;
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): object {
  const { $schema: _, ...plain } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return plain;
}
