/**
 * `FIELD,... WHERE CONDITION`, the query of the TrueNAS command line, as a condition on keys.
 *
 * Conditions: FIELD == VALUE and != < <= > >=, `in [..]`, `not in [..]`, joined by `and`, `or`, `not` and parentheses.
 * A value is 'text', "text", a number, true, false, null or a bare word: a shell takes the quotes away.
 */
import { InvalidArgumentError } from "commander";
import { parseInstantOrDay } from "./arguments.ts";
import type { Local } from "./command.ts";
import { ENTRY_FIELDS, type EntryField, isEntryField } from "./truenas-entry.ts";

type Condition = NonNullable<Parameters<Local["keys"]["list"]>[1]["where"]>;
type Test = Extract<Condition, { kind: "test" }>;
type Value = string | number | boolean | null | Date | readonly Value[];

const OPERATORS: Readonly<Record<string, Test["op"]>> = {
  "==": "=",
  "!=": "!=",
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">=",
  in: "in",
  "not in": "nin",
};
const INVERSE: Partial<Readonly<Record<Test["op"], Test["op"]>>> = {
  "=": "!=",
  "!=": "=",
  "<": ">=",
  "<=": ">",
  ">": "<=",
  ">=": "<",
  in: "nin",
  nin: "in",
};
const TOKEN = /\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(==|!=|<=|>=|[<>()[\],])|([^\s'"<>=!()[\],]+))/y;

interface Token {
  readonly kind: "text" | "sign" | "word";
  readonly text: string;
}

/** @param args words of the shell after WHERE. Throws InvalidArgumentError. */
export function parseWhere(args: readonly string[]): Condition {
  const parser = new WhereParser(args.reduce(readTokens, [] as readonly Token[]));
  const condition = parser.or();
  parser.end();
  return condition;
}

/** A whole word of the shell that stands for a value is one value, whatever blanks are in it. */
function readTokens(tokens: readonly Token[], arg: string): readonly Token[] {
  const last = tokens.at(-1);
  if (last?.kind === "sign" && /^[=!<>]=?$/.test(last.text) && !/^\s*['"[]/.test(arg)) {
    return [...tokens, { kind: "word", text: arg }];
  }
  const found = [...tokens];
  TOKEN.lastIndex = 0;
  while (arg.slice(TOKEN.lastIndex).trim() !== "") {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(arg);
    if (match === null) throw wrong(`cannot read ${JSON.stringify(arg.slice(from))}`);
    const [, single, double, sign, word] = match;
    const text = single ?? double;
    if (text !== undefined) found.push({ kind: "text", text: text.replace(/\\(.)/g, "$1") });
    else found.push(sign === undefined ? { kind: "word", text: word! } : { kind: "sign", text: sign });
  }
  return found;
}

class WhereParser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  or(): Condition {
    const of = [this.#and()];
    while (this.#takes("or")) of.push(this.#and());
    return of.length === 1 ? of[0]! : { kind: "any", of };
  }

  end(): void {
    const rest = this.#tokens[this.#at];
    if (rest !== undefined) throw wrong(`${JSON.stringify(rest.text)} is not expected there`);
  }

  #and(): Condition {
    const of = [this.#not()];
    while (this.#takes("and")) of.push(this.#not());
    return of.length === 1 ? of[0]! : { kind: "all", of };
  }

  #not(): Condition {
    if (this.#takes("not")) return negated(this.#not());
    if (!this.#takes("(")) return this.#test();
    const inner = this.or();
    if (!this.#takes(")")) throw wrong("a ) is missing");
    return inner;
  }

  #test(): Condition {
    const name = this.#next("a field").text;
    if (!isEntryField(name))
      throw wrong(`no field ${name}; there are ${Object.keys(ENTRY_FIELDS).join(", ")}`);
    let operator = this.#next("an operator").text;
    if (operator === "not" && this.#takes("in")) operator = "not in";
    const op = OPERATORS[operator];
    if (op === undefined)
      throw wrong(`no operator ${operator}; there are ${Object.keys(OPERATORS).join(", ")}`);
    const field = ENTRY_FIELDS[name];
    const isList = op === "in" || op === "nin";
    return testOf(
      field,
      op,
      isList ? this.#list(name, field) : readValue(name, field, this.#next("a value")),
    );
  }

  #list(name: string, field: EntryField): Value[] {
    if (!this.#takes("[")) throw wrong("a list [..] belongs after in");
    const values: Value[] = [];
    while (!this.#takes("]")) {
      values.push(readValue(name, field, this.#next("a value")));
      if (!this.#takes(",") && this.#tokens[this.#at]?.text !== "]") throw wrong("a ] is missing");
    }
    return values;
  }

  #next(what: string): Token {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw wrong(`${what} is missing at the end`);
    return token;
  }

  #takes(text: string): boolean {
    const token = this.#tokens[this.#at];
    if (token === undefined || token.kind === "text" || token.text.toLowerCase() !== text) return false;
    this.#at++;
    return true;
  }
}

function readValue(name: string, { kind }: EntryField, { kind: token, text }: Token): Value {
  if (token === "word" && text === "null") return null;
  if (kind === "text") return text;
  if (kind === "number" && /^-?\d{1,15}$/.test(text)) return Number(text);
  if (kind === "boolean" && /^(true|false)$/i.test(text)) return text.toLowerCase() === "true";
  const at = kind === "instant" ? parseInstantOrDay(text) : undefined;
  if (at !== undefined) return new Date(at);
  throw wrong(`${text} is no ${kind}, which ${name} is`);
}

function testOf({ path, kind }: EntryField, op: Test["op"], value: Value): Condition {
  if (kind !== "boolean") return { kind: "test", path: [path], op, fold: false, value };
  // What is kept is since when: null where it is not so.
  if (op !== "=" && op !== "!=") throw wrong("true and false compare by == and != alone");
  return {
    kind: "test",
    path: [path],
    op: (value === true) === (op === "=") ? "!=" : "=",
    fold: false,
    value: null,
  };
}

function negated(condition: Condition): Condition {
  if (condition.kind === "test") return { ...condition, op: INVERSE[condition.op]! };
  return { kind: condition.kind === "all" ? "any" : "all", of: condition.of.map(negated) };
}

function wrong(words: string): InvalidArgumentError {
  return new InvalidArgumentError(`WHERE: ${words}.`);
}
