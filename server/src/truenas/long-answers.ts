/**
 * Lists that are asked for whole. Each is large while it is made and until its client has taken it, so they have turns, user by
 * user; one that a client does not take ends with its socket (held by `long-answers.test.ts`).
 */
import {
  SEARCHES_AT_ONCE_MAX,
  SEARCHES_EACH_MAX,
  SEARCHES_WAITING_MAX,
  WHOLE_LIST_WAIT_MS,
} from "@chatelaine/contract/limits";
import { askingOf } from "../domain/caller.ts";
import { AppError } from "../domain/errors.ts";
import { FairQueue } from "../domain/fair-queue.ts";
import { areSlices, collect, jsonInSlices } from "../domain/slices.ts";
import { LongAnswer } from "../http/jsonrpc/api.ts";
import type { RpcCall } from "./method.ts";
import type { QueryOptions } from "./query-filters.ts";

/** Entries of an answer that is soon made and soon sent. */
const SHORT_ROWS_MAX = 1_000;

/** Runs a query, of a list its slices; where its answer may be long, in its turn. Throws unavailable where too many wait. */
export type AnswerQuery = (
  call: RpcCall,
  options: QueryOptions,
  query: () => Promise<unknown>,
) => Promise<unknown>;

export function createLongAnswers(): AnswerQuery {
  const queue = new FairQueue({
    atOnce: SEARCHES_AT_ONCE_MAX,
    eachAtOnce: SEARCHES_EACH_MAX,
    waiting: SEARCHES_WAITING_MAX,
    waitMs: WHOLE_LIST_WAIT_MS,
  });
  // Rows and text are there together while a list is made, which costs many times its text.
  const making = new FairQueue({
    atOnce: 1,
    eachAtOnce: 1,
    waiting: SEARCHES_AT_ONCE_MAX,
    waitMs: WHOLE_LIST_WAIT_MS,
  });
  return async (call, { limit, count, get }, query) => {
    if (count || get || (limit > 0 && limit <= SHORT_ROWS_MAX)) {
      const made = await query();
      return areSlices(made) ? collect(made) : made;
    }
    const asking = askingOf(call.caller);
    const leave = await queue.enter(asking);
    if (!leave) throw tooMany();
    try {
      const made = await making.pass(asking, async () => jsonInSlices(await query()));
      if (!made) throw tooMany();
      return new LongAnswer(made.of, leave);
    } catch (error) {
      leave();
      throw error;
    }
  };
}

function tooMany(): AppError {
  return new AppError("unavailable", "Too many long lists are being made; ask with a limit, or try again");
}
