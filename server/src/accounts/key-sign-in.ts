/** Sign-in by a key's text, for sessions and for doors that ask with every request: one judgement for both. */

import type { Origin } from "../domain/caller.ts";
import { AppError } from "../domain/errors.ts";
import type { InsecureTransportRule } from "../domain/settings.ts";
import type { CheckRecord, MaybePromise } from "../store/store.ts";
import type { Need, Verdict } from "../verify/verify.ts";
import type { CallerResult, SignInResult } from "./accounts.ts";
import { clearTextRule } from "./clear-text.ts";
import { credentialOfKey, type SignInDeps } from "./sign-in-deps.ts";
import { noteRefusal, noteSignIn, wordsOfRefusal } from "./sign-in-notes.ts";
import { noteKeyRefusal, noteKeyUse } from "./sign-in-use.ts";
import { callerOfKey } from "./standing.ts";

const WARN_EVERY_MS = 60_000;
const WARNED_MAX = 1_000;

interface Judged {
  readonly verdict: Verdict;
  /** What to tell in the audit where the verdict is no. */
  readonly words: string;
}

export class KeySignIn {
  readonly #deps: SignInDeps;
  readonly #warnedAt = new Map<number, number>();

  constructor(deps: SignInDeps) {
    this.#deps = deps;
  }

  async byKey(text: string, username: string | undefined, origin: Origin): Promise<SignInResult> {
    const { feed, sessions, audit } = this.#deps;
    await feed.follow();
    const seen = sessions.mark();
    const { verdict, words } = await this.#judge(text, { username }, origin);
    if (!verdict.ok) return this.#refuse(verdict, words, origin);
    const credential = credentialOfKey(this.#deps, verdict, { seen, scram: false });
    noteSignIn(audit, credential, origin);
    noteKeyUse(this.#deps, verdict.record.id, origin);
    return { ok: true, credential };
  }

  callerAgain(text: string, username: string | undefined, origin: Origin): MaybePromise<CallerResult> {
    const judged = this.#judge(text, { username, cost: 0 }, origin);
    const called = ({ verdict }: Judged): CallerResult => {
      if (!verdict.ok) return { ok: false, reason: verdict.reason };
      return { ok: true, caller: callerOfKey(verdict, origin, null) };
    };
    return judged instanceof Promise ? judged.then(called) : called(judged);
  }

  callerOfKey(text: string, username: string | undefined, origin: Origin): MaybePromise<CallerResult> {
    const judged = this.#judge(text, { username }, origin);
    const called = ({ verdict, words }: Judged): CallerResult => {
      if (!verdict.ok) return this.#refuse(verdict, words, origin);
      noteKeyUse(this.#deps, verdict.record.id, origin);
      return { ok: true, caller: callerOfKey(verdict, origin, null) };
    };
    return judged instanceof Promise ? judged.then(called) : called(judged);
  }

  /** The key's own verdict, and where it came over an insecure transport, what the settings make of that (protocol 4.6). */
  #judge(text: string, need: Pick<Need, "username" | "cost">, origin: Origin): MaybePromise<Judged> {
    const verdict = this.#deps.verify.verify(text, { ...need, origin });
    const judged = (found: Verdict): MaybePromise<Judged> => {
      if (found.ok) return { verdict: found, words: "" };
      const { reason, record } = found;
      if (reason === "insecure_transport" && record)
        return this.#judgeInsecure({ ...found, record }, need, origin);
      return { verdict: found, words: wordsOfRefusal(reason) };
    };
    return verdict instanceof Promise ? verdict.then(judged) : judged(verdict);
  }

  async #judgeInsecure(
    verdict: Extract<Verdict, { ok: false }> & { readonly record: CheckRecord },
    need: Pick<Need, "username" | "cost">,
    origin: Origin,
  ): Promise<Judged> {
    const { verify, store } = this.#deps;
    const { record } = verdict;
    const rule = await clearTextRule(store, origin);
    if (rule === "allow") {
      const allowed = await verify.admit(record, { ...need, origin: { ...origin, secure: true } });
      return { verdict: allowed, words: allowed.ok ? "" : wordsOfRefusal(allowed.reason) };
    }
    if (rule === "revoke") await this.#revoke(record.id);
    this.#warn(record, rule, origin);
    const words =
      rule === "revoke" ? "API key revoked due to insecure transport" : wordsOfRefusal(verdict.reason);
    return { verdict, words };
  }

  async #revoke(id: number): Promise<void> {
    try {
      await this.#deps.keys.revokeExposed(id);
    } catch (error) {
      const isDoneByOther =
        error instanceof AppError && (error.code === "conflict" || error.code === "not_found");
      if (!isDoneByOther) throw error;
    }
  }

  #warn(record: CheckRecord, rule: InsecureTransportRule, { address, door }: Origin): void {
    const now = this.#deps.clock.monotonic();
    const last = this.#warnedAt.get(record.id);
    if (last !== undefined && now - last < WARN_EVERY_MS) return;
    if (this.#warnedAt.size >= WARNED_MAX) this.#warnedAt.clear();
    this.#warnedAt.set(record.id, now);
    const message =
      rule === "revoke"
        ? "A key came over an insecure transport and was revoked"
        : "A key came over an insecure transport and was refused";
    this.#deps.log.warn(message, { id: record.id, name: record.name, address, door });
  }

  #refuse(
    { reason, record, fault, rate }: Extract<Verdict, { ok: false }>,
    error: string,
    origin: Origin,
  ): Extract<CallerResult, { ok: false }> {
    const username = record?.user.username;
    noteRefusal(this.#deps, { kind: "API_KEY", reason, error, username, key: record }, origin);
    if (record) noteKeyRefusal(this.#deps, { keyId: record.id, reason, rule: error }, origin);
    return { ok: false, reason, fault, waitMs: rate?.resetMs };
  }
}
