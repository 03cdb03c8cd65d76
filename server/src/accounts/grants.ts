/** What every change of users and groups obeys beside the rules of minting: the last unlocked full administrator stays. */
import { AppError } from "../domain/errors.ts";
import type { Transaction } from "../store/store.ts";

/** Throws conflict, and so rolls back, where the work took away the last one. */
export async function keepAnAdmin<Result>(tx: Transaction, work: () => Promise<Result>): Promise<Result> {
  const before = await tx.countAdmins();
  const result = await work();
  if (before > 0 && (await tx.countAdmins()) === 0) {
    throw new AppError("conflict", "The last unlocked full administrator must stay");
  }
  return result;
}
