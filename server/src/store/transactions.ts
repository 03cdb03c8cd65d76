/**
 * Transactions one after the other, each by somebody: the caller is judged in its closing statements. What is still
 * closing is known, so that the end of a session that only this process knows can be acknowledged after it.
 */
import type { Kysely } from "kysely";
import type { Caller, WritingActor } from "../domain/caller.ts";
import type { CheckRecord, CheckUser, Judge, StandingRows, Store, Transaction } from "./store.ts";
import type { Tables } from "./tables.ts";
import { type Closing, SqlTransaction } from "./transaction.ts";
import { findWebSession } from "./web-sessions.ts";

/** Runs transactions, and knows of those whose caller has been judged until they have ended. */
export class Transactions {
  readonly #db: Kysely<Tables>;
  readonly #now: () => number;
  readonly #with: Closing;
  readonly #closing = new Set<Promise<void>>();

  constructor(db: Kysely<Tables>, now: () => number, closing: Closing) {
    this.#db = db;
    this.#now = now;
    this.#with = closing;
  }

  async run<Result>(by: Caller | WritingActor, work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    const { promise, resolve } = Promise.withResolvers<void>();
    try {
      return await this.#db.transaction().execute(async (inner) => {
        const tx = new SqlTransaction(inner, this.#now(), by);
        const result = await work(tx);
        this.#closing.add(promise);
        await tx.close(this.#with);
        return result;
      });
    } finally {
      this.#closing.delete(promise);
      resolve();
    }
  }

  async settled(): Promise<void> {
    await Promise.all(this.#closing);
  }
}

/** The judgement by what is committed now. */
export function standing(
  hot: Pick<Store, "findCheck" | "findCheckUser" | "readSettings">,
  db: Kysely<Tables>,
  judge: Judge,
): Store["requireStanding"] {
  const browserOf = async (id: string): Promise<StandingRows["browser"]> => {
    const session = await findWebSession(db, { id });
    return session && { session, hours: (await hot.readSettings()).sessionHours };
  };
  return (caller) => {
    const { key, session } = caller;
    const record = key ? (hot.findCheck(key.id) as CheckRecord | undefined) : undefined;
    const user = record?.user ?? (hot.findCheckUser(caller.userId) as CheckUser | undefined);
    if (session?.kind !== "browser") return judge(caller, { record, user, browser: undefined });
    return browserOf(session.id).then((browser) => judge(caller, { record, user, browser }));
  };
}
