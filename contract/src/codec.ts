/**
 * One noun, one shape: how it stands on the wire and how it stands inside, both from its schema. On the wire members are in
 * snake case and instants RFC 3339 texts; inside, members are in camel case and instants milliseconds since the epoch.
 *
 * A codec walks a schema once and is kept with it. It judges nothing: what is decoded, the schema has taken before. Members
 * that the schema does not name are in neither result, so a record never leaves with more than its schema declares; members
 * that are undefined are left out, and null stays null.
 */
import { z } from "zod";
import { formatInstant, parseInstant } from "./instant.ts";
import { type InsideName, insideName } from "./names.ts";
import { type InstantSchema, isInstantSchema } from "./operations/instant-schema.ts";

/** What a value of the schema is inside. */
export type Inside<Schema> = Schema extends InstantSchema
  ? number
  : Schema extends z.ZodOptional<infer Of>
    ? Inside<Of> | undefined
    : Schema extends z.ZodNullable<infer Of>
      ? Inside<Of> | null
      : Schema extends z.ZodDefault<infer Of>
        ? Inside<Of>
        : Schema extends z.ZodArray<infer Of>
          ? readonly Inside<Of>[]
          : Schema extends z.ZodUnion<infer Options>
            ? { [Place in keyof Options]: Inside<Options[Place]> }[number]
            : Schema extends z.ZodObject<infer Shape>
              ? InsideShape<Shape>
              : z.output<Schema>;

type OptionalOf<Shape> = {
  [Name in keyof Shape]: Shape[Name] extends z.ZodOptional<z.ZodType> ? Name : never;
}[keyof Shape];

type InsideShape<Shape> = Flat<
  {
    readonly [Name in Exclude<keyof Shape, OptionalOf<Shape>> as InsideName<Name & string>]: Inside<
      Shape[Name]
    >;
  } & { readonly [Name in OptionalOf<Shape> as InsideName<Name & string>]?: Inside<Shape[Name]> }
>;

type Flat<Value> = { [Name in keyof Value]: Value[Name] };

export interface Codec<Schema extends z.ZodType> {
  encode(inside: Inside<Schema>): z.output<Schema>;
  decode(wire: z.output<Schema>): Inside<Schema>;
}

/** What becomes of a value on its way; undefined: it stays as it is. */
type Step = ((value: never) => unknown) | undefined;
type Direction = "encode" | "decode";

const CODECS = new WeakMap<z.ZodType, Codec<z.ZodType>>();

export function codecOf<Schema extends z.ZodType>(schema: Schema): Codec<Schema> {
  let found = CODECS.get(schema);
  if (!found) {
    const as = (direction: Direction) => (stepOf(schema, direction) ?? same) as (value: unknown) => never;
    found = { encode: as("encode"), decode: as("decode") };
    CODECS.set(schema, found);
  }
  return found as unknown as Codec<Schema>;
}

function same(value: unknown): unknown {
  return value;
}

function stepOf(schema: z.ZodType, direction: Direction): Step {
  if (isInstantSchema(schema)) return direction === "encode" ? formatInstant : parseInstant;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    const step = stepOf(schema.unwrap() as z.ZodType, direction);
    return step && ((value) => (value === null || value === undefined ? value : step(value)));
  }
  if (schema instanceof z.ZodArray) {
    const step = stepOf(schema.element as z.ZodType, direction);
    return step && ((values: readonly never[]) => values.map((value) => step(value)));
  }
  if (schema instanceof z.ZodUnion) return unionStep(schema.options as readonly z.ZodType[], direction);
  return schema instanceof z.ZodObject ? objectStep(schema, direction) : undefined;
}

interface Member {
  readonly from: string;
  readonly to: string;
  readonly isOptional: boolean;
  readonly step: Step;
}

/**
 * As a function that is written for the shape, as somebody would write it by hand: a loop over the members takes twice the
 * time for a list of keys. What is made into code are the names of the contract's own members, as texts.
 */
function objectStep({ shape }: z.ZodObject, direction: Direction): Step {
  const members = Object.entries(shape).map(([wire, schema]): Member => {
    const [inside, isOptional] = [insideName(wire), schema instanceof z.ZodOptional];
    const step = stepOf(schema as z.ZodType, direction);
    const [from, to] = direction === "encode" ? [inside, wire] : [wire, inside];
    return { from, to, isOptional, step };
  });
  const codeOf = ({ from, step }: Member, place: number): string => {
    const value = `value[${JSON.stringify(from)}]`;
    return step ? `${value} == null ? ${value} : steps[${place}](${value})` : value;
  };
  // What is there in any case is written at once: an object that grows is slower to make and to turn into JSON.
  const sure = members.findIndex(({ isOptional }) => isOptional);
  const head = members
    .slice(0, sure < 0 ? members.length : sure)
    .map((member, place) => `${JSON.stringify(member.to)}: ${codeOf(member, place)}`);
  const tail = members.slice(head.length).map((member, at) => {
    const isThere = member.isOptional ? `if (value[${JSON.stringify(member.from)}] !== undefined) ` : "";
    return `${isThere}result[${JSON.stringify(member.to)}] = ${codeOf(member, head.length + at)};`;
  });
  const body = `return (value) => { const result = { ${head.join(", ")} }; ${tail.join(" ")} return result; };`;
  return new Function("steps", body)(members.map(({ step }) => step)) as Step;
}

/** Of several shapes, the first whose members that must be there are there. */
function unionStep(options: readonly z.ZodType[], direction: Direction): Step {
  const known = options.map((option) => ({
    step: stepOf(option, direction),
    needs: neededBy(option, direction),
  }));
  if (known.every(({ step }) => step === undefined)) return undefined;
  return (value: never) => {
    const { step } = known.find(({ needs }) => needs.every((name) => Object.hasOwn(value, name))) ?? {};
    return step ? step(value) : value;
  };
}

function neededBy(schema: z.ZodType, direction: Direction): readonly string[] {
  if (!(schema instanceof z.ZodObject)) return [];
  const needed = Object.entries(schema.shape).filter(([, member]) => !(member instanceof z.ZodOptional));
  return needed.map(([wire]) => (direction === "encode" ? insideName(wire) : wire));
}
