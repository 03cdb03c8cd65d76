import { wireName } from "@chatelaine/contract/names";
import { AuditEntry } from "@chatelaine/contract/operations/system";
import { AUDIT_ORDERS } from "@chatelaine/contract/orders";
import { expandRoles, ROLE_LABELS, ROLES } from "@chatelaine/contract/roles";
import type { AuditRecord } from "../../domain/audit.ts";
import { AppError } from "../../domain/errors.ts";
import type { Condition } from "../../domain/filter.ts";
import { exportAudit } from "./audit-export.ts";
import type { Call, Handlers, NamesOf } from "./call.ts";
import { runIdempotent, withIdempotencyKey } from "./idempotency.ts";
import { all, fieldsOf, type Listing, ordersBy, readPage, searchConditions, test } from "./pages.ts";

const AUDIT: Listing = {
  orders: ordersBy(AUDIT_ORDERS),
  defaultOrder: "-at",
  fields: fieldsOf(AuditEntry, "credentials", "details"),
  words: [["action"], ["description"], ["username"], ["address"], ["error"], ["target", "name"]],
};

export const systemHandlers: Handlers<NamesOf<"audit"> | NamesOf<"settings"> | NamesOf<"roles">> = {
  "audit.list": ({ caller, query, deps }) =>
    readPage(
      AUDIT,
      query,
      auditFilters(query),
      (wanted) => deps.audit.list(caller, wanted),
      (record: AuditRecord) => record,
    ),
  "audit.get": async ({ caller, params, deps }) => {
    const { rows } = await deps.audit.list(caller, { where: test(["id"], "=", params.id), limit: 1 });
    if (!rows[0]) throw new AppError("not_found", "There is no such entry; old ones are dropped");
    return rows[0];
  },
  "audit.export": async ({ caller, query, deps }) => {
    const where = all([...auditFilters(query), ...searchConditions(AUDIT, query)]);
    const file = await exportAudit(query.format, where, {
      fetch: (wanted) => deps.audit.list(caller, wanted),
      requireStanding: () => deps.requireStanding(caller),
    });
    const { format, ...filters } = query;
    // What is looked for may be anything: its names are enough.
    const details = { format, filters: Object.keys(filters).map(wireName) };
    const read = { action: "audit.export", description: "Export the audit log", target: null, details };
    deps.audit.noteRead(caller, read);
    return file;
  },
  "roles.list": async () => {
    const entries = ROLES.map((name) => ({
      name,
      ...ROLE_LABELS[name],
      includes: [...expandRoles([name])].filter((role) => role !== name),
    }));
    return { entries, total: entries.length };
  },
  "settings.get": ({ caller, deps }) => deps.settings.show(caller),
  "settings.update": async (call) => {
    const { keys, settings } = call.deps;
    const caller = withIdempotencyKey(call, "settings.update");
    const change = () => settings.change(caller, call.body);
    return runIdempotent(keys, caller, change, () => settings.show(caller));
  },
};

function auditFilters(query: Omit<Call<"audit.export">["query"], "format">): Condition[] {
  const filters: Condition[] = [];
  if (query.event) filters.push(test(["event"], "in", query.event));
  if (query.action !== undefined) filters.push(test(["action"], "=", query.action));
  if (query.username !== undefined) filters.push(test(["username"], "=", query.username));
  if (query.address !== undefined) filters.push(test(["address"], "=", query.address));
  if (query.success !== undefined) filters.push(test(["success"], "=", query.success));
  if (query.targetKind !== undefined) filters.push(test(["target", "kind"], "=", query.targetKind));
  if (query.targetId !== undefined) filters.push(test(["target", "id"], "=", query.targetId));
  if (query.since !== undefined) filters.push(test(["at"], ">=", new Date(query.since)));
  if (query.until !== undefined) filters.push(test(["at"], "<", new Date(query.until)));
  return filters;
}
