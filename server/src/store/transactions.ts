/**
 * Transactions one after the other, each by somebody: the caller is judged in its closing statements. What is still
 * closing is known, so that the end of a session that only this process knows can be acknowledged after it.
 */
import type { Kysely } from "kysely";
import type { Caller, Precondition, WritingActor } from "../domain/caller.ts";
import { AppError, errorCode } from "../domain/errors.ts";
import type { Tables } from "./schema.ts";
import type { CheckRecord, CheckUser, Judge, StandingRows, Store, Transaction } from "./store.ts";
import { type Closing, SqlTransaction } from "./transaction.ts";
import { findWebSession } from "./web-sessions.ts";

/** How often what is too old to count is dropped. */
const SWEEP_EVERY_MS = 60_000;
const NOBODY: Pick<Caller, "precondition" | "acts"> = {};

/** Runs transactions, and knows of those whose caller has been judged until they have ended. */
export class Transactions {
  readonly #db: Kysely<Tables>;
  readonly #now: () => number;
  readonly #with: Closing;
  readonly #closing = new Set<Promise<void>>();
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(db: Kysely<Tables>, now: () => number, closing: Closing) {
    this.#db = db;
    this.#now = now;
    this.#with = closing;
  }

  async run<Result>(by: Caller | WritingActor, work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    const { promise, resolve } = Promise.withResolvers<void>();
    try {
      const { precondition, acts } = typeof by === "string" ? NOBODY : by;
      const result = await this.#db.transaction().execute(async (inner) => {
        const tx = new SqlTransaction(inner, by, this.#moment());
        // As it is before the work; said after it, so that a fault of the request or its caller is told first.
        const isMet = precondition === undefined || precondition.isMet || (await isAsAsked(tx, precondition));
        const done = await work(tx).catch((error: unknown) => {
          // What the work itself has found changed is the same news.
          throw !isMet && errorCode(error) === "conflict" ? changedSince() : error;
        });
        this.#closing.add(promise);
        await tx.close(this.#with);
        if (!isMet) throw changedSince();
        return done;
      });
      if (precondition) precondition.isMet = true;
      if (acts) acts.committed++;
      return result;
    } finally {
      this.#closing.delete(promise);
      resolve();
    }
  }

  #moment(): { readonly now: number; readonly isSweeping: boolean } {
    const now = this.#now();
    const isSweeping = Math.abs(now - this.#sweptAt) >= SWEEP_EVERY_MS;
    if (isSweeping) this.#sweptAt = now;
    return { now, isSweeping };
  }

  async settled(): Promise<void> {
    await Promise.all(this.#closing);
  }
}

function changedSince(): AppError {
  return new AppError("precondition_failed", "It has been changed since; read it again");
}

async function isAsAsked(tx: Transaction, { of, tags }: Precondition): Promise<boolean> {
  switch (of.kind) {
    case "key":
      return tags.includes(String((await tx.findKey(of.id))?.version));
    case "settings":
      return tags.includes(String((await tx.readSettings()).version));
    default: {
      const found = await (of.kind === "user" ? tx.findUser({ username: of.name }) : tx.findGroup(of.name));
      return tags.includes(`${found?.id}.${found?.version}`);
    }
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
