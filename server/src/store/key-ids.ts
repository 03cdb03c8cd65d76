/**
 * Numbers of keys, drawn from the database a range at a time, so that making a key needs no commit for its number. A range is
 * never given twice, whichever process on the folder draws it; what is left of one when its process ends is skipped (held by
 * `server/test/key-ids.test.ts`).
 */
import { KEY_ID_MAX } from "@chatelaine/contract/limits";
import type { Kysely } from "kysely";
import { AppError } from "../domain/errors.ts";
import type { Tables } from "./schema.ts";

export interface KeyIds {
  /** Throws limit_reached when all are used up. */
  next(): Promise<number>;
  /** What is left of the range is not given: the database may be another than the one that it was drawn from. */
  forget(): void;
}

interface Range {
  next: number;
  readonly last: number;
}

/** @param length of a range */
export function createKeyIds(db: Kysely<Tables>, length: number): KeyIds {
  let drawing: Promise<Range> | undefined;
  const drawn = (): Promise<Range> => {
    const range = draw(db, length);
    range.catch(() => {
      if (drawing === range) drawing = undefined;
    });
    return range;
  };
  return {
    next: async () => {
      for (;;) {
        drawing ??= drawn();
        const mine = drawing;
        const range = await mine;
        if (range.next <= range.last && mine === drawing) return range.next++;
        if (mine === drawing) drawing = undefined;
      }
    },
    forget: () => {
      drawing = undefined;
    },
  };
}

async function draw(db: Kysely<Tables>, length: number): Promise<Range> {
  return db.transaction().execute(async (tx) => {
    const { id } = await tx.insertInto("key_ids").defaultValues().returning("id").executeTakeFirstOrThrow();
    if (id > KEY_ID_MAX) throw new AppError("limit_reached", "All numbers of keys are used up");
    const last = Math.min(id + length - 1, KEY_ID_MAX);
    if (last > id) await tx.insertInto("key_ids").values({ id: last }).execute();
    await tx.deleteFrom("key_ids").where("id", "<", last).execute();
    return { next: id, last };
  });
}
