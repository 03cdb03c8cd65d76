/** `core.*` and `privilege.roles` (`conformance/6-users.txt`, `7-core.txt`). There are no jobs here. */

import { ROLE_INCLUDES, ROLE_LABELS, ROLES, type Role } from "@chatelaine/contract/roles";
import { z } from "zod";
import type { Caller } from "../domain/caller.ts";
import { matches } from "../domain/filter-match.ts";
import type { Events } from "./events.ts";
import { anonymousMethod, method, type RpcCall, type RpcMethod } from "./method.ts";
import { filtersParam, optionsParam, param, text } from "./params.ts";
import { applyOptions } from "./query-options.ts";

const PREDEFINED: readonly Role[] = ["FULL_ADMIN", "READONLY_ADMIN", "SHARING_ADMIN"];
const OPTIONS = z.object({
  legacy_jobs: z.boolean().optional(),
  private_methods: z.boolean().optional(),
  py_exceptions: z.boolean().optional(),
});
const TARGET = z.enum(["WS", "CLI", "REST"]).default("WS");

/** @param methods all there are, these included */
export function coreMethods(
  methods: ReadonlyMap<string, RpcMethod>,
  events: Events,
): Record<string, RpcMethod> {
  return {
    "core.ping": anonymousMethod("Answer", [], () => "pong"),
    "core.set_options": anonymousMethod(
      "Set options of this connection",
      [param("options", OPTIONS)],
      ({ connection, version }, options) => {
        Object.assign(connection.options, defined(options));
        return version.optionsResult({ ...connection.options });
      },
      { isUnrated: true },
    ),
    "core.subscribe": method(
      "any",
      "Be told of an event",
      [param("event", text())],
      ({ connection, caller }, event) => events.subscribe(connection, caller, event),
    ),
    "core.unsubscribe": method("any", "Be told no more", [param("id", text())], ({ connection }, id) => {
      events.unsubscribe(connection, id);
      return null;
    }),
    "core.get_jobs": method(
      "any",
      "List jobs: there are none",
      [filtersParam, optionsParam],
      (_call, _filters, options) => applyOptions([], options),
    ),
    "core.get_methods": method(
      "any",
      "List methods",
      [param("service", text().nullable().default(null)), param("target", TARGET)],
      (call, service) => describeMethods(methods, call, service),
    ),
    "core.get_services": method("any", "List services", [param("target", TARGET)], (call) =>
      describeServices(methods, call),
    ),
    "privilege.roles": method(
      "any",
      "List roles",
      [filtersParam, optionsParam],
      (_call, condition, options) =>
        applyOptions(
          ROLE_ENTRIES.filter((entry) => matches(condition, entry)),
          options,
        ),
    ),
  };
}

const ROLE_ENTRIES = ROLES.map((name) => ({
  name,
  title: ROLE_LABELS[name].title,
  includes: ROLE_INCLUDES[name],
  builtin: !PREDEFINED.includes(name),
  stig: null,
}));

function defined(options: z.output<typeof OPTIONS>): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function listedMethods(methods: ReadonlyMap<string, RpcMethod>, { version }: RpcCall): [string, RpcMethod][] {
  return [...methods].filter(([name]) => !version.lacks.includes(name) && !version.hides.includes(name));
}

function mayCall(caller: Caller, access: RpcMethod["access"]): boolean {
  return typeof access === "string" || access.some((role) => caller.roles.has(role));
}

/** As the original: what the caller may call, and no other. */
function describeMethods(
  methods: ReadonlyMap<string, RpcMethod>,
  call: RpcCall,
  service: string | null,
): object {
  const listed = listedMethods(methods, call).filter(
    ([name, { access }]) => (service === null || serviceOf(name) === service) && mayCall(call.caller, access),
  );
  return Object.fromEntries(
    listed.map(([name, { access, description, params }]) => {
      const accepts = params(call.version).map((one) => ({ _name_: one.name, _required_: !one.isOptional }));
      const roles = typeof access === "string" ? [] : access;
      const open = access === "anon";
      return [name, { description, accepts, roles, no_auth_required: open, job: false }];
    }),
  );
}

function describeServices(methods: ReadonlyMap<string, RpcMethod>, call: RpcCall): object {
  const names = new Set(listedMethods(methods, call).map(([name]) => serviceOf(name)));
  const isCrud = (name: string): boolean => methods.has(`${name}.query`) && methods.has(`${name}.create`);
  return Object.fromEntries(
    Array.from(names, (name) => [name, { type: isCrud(name) ? "crud" : "service", config: {} }]),
  );
}

function serviceOf(method: string): string {
  return method.slice(0, method.lastIndexOf("."));
}
