import { sayCeilings, sayRate } from "../limits/limit-words.ts";
import { sayInstant } from "../time/instant.tsx";

/** A change as fields with their values before and after, from the details of an audit entry. */
export function Differences({ details }: { readonly details: Readonly<Record<string, unknown>> }) {
  const rows = changesOf(details);
  if (rows.length === 0) return null;
  return (
    <dl className="differences small">
      {rows.map(({ field, before, after }) => (
        <div key={field}>
          <dt>{wordsOf(field)}</dt>
          <dd className="break">
            {!isNothing(before) && (
              <>
                <del>{sayValue(field, before)}</del> <span aria-hidden>→</span>{" "}
              </>
            )}
            <ins>{sayValue(field, after)}</ins>
          </dd>
        </div>
      ))}
    </dl>
  );
}

interface ChangedField {
  readonly field: string;
  readonly before: unknown;
  readonly after: unknown;
}

function changesOf(details: Readonly<Record<string, unknown>>): ChangedField[] {
  const { changes } = details;
  if (typeof changes !== "object" || changes === null) return [];
  return Object.entries(changes).flatMap(([field, pair]) =>
    Array.isArray(pair) && !(isNothing(pair[0]) && isNothing(pair[1]))
      ? [{ field, before: pair[0], after: pair[1] }]
      : [],
  );
}

function isNothing(value: unknown): boolean {
  return (
    value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0)
  );
}

/** `expiresAt` and `expires_at` as "Expires at". */
function wordsOf(field: string): string {
  const words = field
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replaceAll("_", " ")
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function sayValue(field: string, value: unknown): string {
  if (
    /_?at$/i.test(field) &&
    (typeof value === "number" || (typeof value === "string" && !Number.isNaN(Date.parse(value))))
  )
    return sayInstant(value);
  if (isNothing(value)) return field.toLowerCase().startsWith("expires") ? "never" : "nothing";
  if (Array.isArray(value)) return value.map(String).join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "object") return sayLimits(value as Stored) ?? JSON.stringify(value);
  return String(value);
}

interface Stored {
  readonly limit?: number;
  readonly windowSeconds?: number;
  readonly allowedIps?: string[] | null;
  readonly rateLimit?: Stored | null;
  readonly lifetimeSeconds?: number | null;
}

/** A rate, or what a user's keys are held to, as the audit log has it. */
function sayLimits({
  limit,
  windowSeconds,
  allowedIps,
  rateLimit,
  lifetimeSeconds,
}: Stored): string | undefined {
  if (limit !== undefined && windowSeconds !== undefined)
    return sayRate({ limit, window_seconds: windowSeconds });
  if (lifetimeSeconds === undefined) return undefined;
  const rate = rateLimit && { limit: rateLimit.limit ?? 0, window_seconds: rateLimit.windowSeconds ?? 0 };
  return sayCeilings({
    allowed_ips: allowedIps ?? null,
    rate_limit: rate ?? null,
    lifetime_seconds: lifetimeSeconds,
  }).join("; ");
}
