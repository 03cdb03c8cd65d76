/** Alone because the codec must know an instant by its schema, and imports no operation. */
import { z } from "zod";
import { parseInstant } from "../instant.ts";

declare const INSTANT: unique symbol;

/** A text that is an instant: to the compiler it is no other text, so that `codec.ts` makes a number of it in types too. */
export interface InstantSchema extends z.ZodString {
  readonly [INSTANT]: true;
}

export const Instant = z
  .string()
  .refine((text) => parseInstant(text) !== undefined, {
    error: "Expected an instant of RFC 3339 with its offset, such as 2030-01-31T12:00:00Z",
  })
  .meta({ format: "date-time" })
  .describe("An instant, RFC 3339. Answers are always in UTC, with `Z`.") as InstantSchema;

/** Described otherwise, or wrapped, it is another object with the same format. */
export function isInstantSchema(schema: z.ZodType): boolean {
  return schema instanceof z.ZodString && schema.meta()?.format === "date-time";
}
