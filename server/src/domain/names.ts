/**
 * How names are written. Texts that people give to things are kept in Unicode's NFC, so that what is typed on two keyboards
 * is one text; names neither begin nor end with a blank, so that what looks the same is the same; and names of users and
 * groups, which are ASCII, differ in more than case, because services take `ada` and `Ada` for one person.
 *
 * Use cases ask for it where every door meets them (held by `server/test/names.test.ts`). What is stored stays as it is
 * until somebody changes it.
 */
import type { Issue } from "@chatelaine/contract/errors";
import type { Condition, Operator, Test } from "./filter.ts";
import { fold, isList, type QueryValue } from "./filter-values.ts";

/** Names that differ in case alone, in their order. */
export interface Twins {
  readonly kind: "user" | "group";
  readonly names: readonly string[];
  /** When the second of them came. */
  readonly since: number;
}

/** White space, and characters that show as nothing. */
const BLANK = String.raw`[\s\u115f\u1160\u180e\u200b\u2060\u2800\u3164\uffa0]`;
const BLANK_END = new RegExp(`^${BLANK}|${BLANK}$`, "u");

/** By what names of users and groups are compared when one is made or changed. */
export function foldName(name: string): string {
  return name.toLowerCase();
}

export function blankIssues(path: Issue["path"], text: string | undefined): Issue[] {
  if (text === undefined || !BLANK_END.test(text)) return [];
  return [{ path, code: "shape", message: "This must not begin or end with a blank" }];
}

/** The same, with these members in NFC where they are there: texts, or lists of texts. */
export function inNfc<Fields extends object>(fields: Fields, members: readonly (keyof Fields)[]): Fields {
  const given = members.filter((member) => fields[member] !== undefined && fields[member] !== null);
  return {
    ...fields,
    ...Object.fromEntries(given.map((member) => [member, normal(fields[member])])),
  };
}

function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normal);
  return typeof value === "string" ? value.normalize("NFC") : value;
}

/** Where one form passes, both do. */
const EITHER: readonly Operator[] = ["=", "^", "$", "rin"];
/** Where one form fails, both do. */
const NEITHER: readonly Operator[] = ["!=", "!^", "!$", "rnin"];

/**
 * A question for a text in another form than NFC asks for both: for what is kept in NFC, and for what was stored before names
 * were. What is asked in NFC stays the very same.
 */
export function inBothForms(condition: Condition): Condition {
  if (condition.kind !== "test") {
    const of = condition.of.map(inBothForms);
    return of.some((part, at) => part !== condition.of[at]) ? { ...condition, of } : condition;
  }
  const { op, value } = condition;
  if (isList(value) && (op === "in" || op === "nin")) {
    const all = new Set(value.flatMap((one) => formsOf(one, condition)));
    return all.size === value.length ? condition : { ...condition, value: [...all] };
  }
  const forms = formsOf(value, condition);
  if (forms.length === 1 || ![...EITHER, ...NEITHER].includes(op)) return condition;
  const of = forms.map((form): Test => ({ ...condition, value: form }));
  return { kind: EITHER.includes(op) ? "any" : "all", of };
}

function formsOf(value: QueryValue, test: Test): QueryValue[] {
  if (typeof value !== "string") return [value];
  const composed = value.normalize("NFC");
  return [...new Set([value, test.fold ? fold(composed) : composed])];
}
