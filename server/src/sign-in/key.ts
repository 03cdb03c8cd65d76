/** Sign-in by a key's text, for sessions and for doors that ask with every request: one judgement for both. */
import type { Audit } from "../activity/audit.ts";
import type { Origin } from "../domain/caller.ts";
import { AppError } from "../domain/errors.ts";
import { type Fate, fateOf, transportMessage } from "../domain/transport.ts";
import type { Keys } from "../keys/keys.ts";
import type { Log } from "../log.ts";
import type { CheckRecord, MaybePromise, Store } from "../store/store.ts";
import type { Need, Verdict, Verify } from "../verify/verify.ts";
import {
  type KeyUseNotes,
  noteKeyRefusal,
  noteKeyUse,
  noteRefusal,
  noteSignIn,
  type RefusalNotes,
  wordsOfRefusal,
} from "./audit.ts";
import { callerOfKey } from "./caller.ts";
import { clearTextRule } from "./clear-text.ts";
import { type CallerResult, type Credential, newLogin, type SignInResult } from "./credential.ts";
import { type MarkDeps, markNow } from "./revocations.ts";

const WARN_EVERY_MS = 60_000;
const WARNED_MAX = 1_000;

export interface KeySignInDeps extends MarkDeps, RefusalNotes, KeyUseNotes {
  readonly store: Pick<Store, "readSettings">;
  readonly verify: Pick<Verify, "verify" | "admit">;
  readonly keys: Pick<Keys, "revokeExposed">;
  readonly audit: Pick<Audit, "note" | "refuse">;
  readonly log: Pick<Log, "warn">;
}

interface Judged {
  readonly verdict: Verdict;
  /** What to tell in the audit where the verdict is no. */
  readonly words: string;
  /** What to tell the client, where its connection was refused and the key left whole. */
  readonly advice?: string;
}

export class KeySignIn {
  readonly #deps: KeySignInDeps;
  readonly #warnedAt = new Map<number, number>();

  constructor(deps: KeySignInDeps) {
    this.#deps = deps;
  }

  async byKey(text: string, username: string | undefined, origin: Origin): Promise<SignInResult> {
    const seen = await markNow(this.#deps);
    const judged = await this.#judge(text, { username }, origin);
    const { verdict } = judged;
    if (!verdict.ok) return this.#refuse(verdict, judged, origin);
    const credential = credentialOfKey(this.#deps, verdict, { seen, scram: false });
    noteSignIn(this.#deps.audit, credential, origin);
    noteKeyUse(this.#deps, verdict.record.id, origin);
    return { ok: true, credential };
  }

  callerAgain(text: string, origin: Origin): MaybePromise<CallerResult> {
    const judged = this.#judge(text, { cost: 0 }, origin);
    const called = ({ verdict, advice }: Judged): CallerResult => {
      if (!verdict.ok) return { ok: false, reason: verdict.reason, ...(advice && { advice }) };
      return { ok: true, caller: callerOfKey(verdict, origin, null) };
    };
    return judged instanceof Promise ? judged.then(called) : called(judged);
  }

  callerOfKey(text: string, origin: Origin): MaybePromise<CallerResult> {
    const judged = this.#judge(text, {}, origin);
    const called = (found: Judged): CallerResult => {
      const { verdict } = found;
      if (!verdict.ok) return this.#refuse(verdict, found, origin);
      noteKeyUse(this.#deps, verdict.record.id, origin);
      return { ok: true, caller: callerOfKey(verdict, origin, null), rate: verdict.rate };
    };
    return judged instanceof Promise ? judged.then(called) : called(judged);
  }

  /** The key's own verdict, and where its way here is not known to be safe, what the settings make of that (protocol 4.6). */
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
    const fate = fateOf(rule, origin.transport);
    if (fate === "pass") {
      const allowed = await verify.admit(record, { ...need, origin: { ...origin, transport: "secure" } });
      return { verdict: allowed, words: allowed.ok ? "" : wordsOfRefusal(allowed.reason) };
    }
    // Judged again, it has not been shown again: it came while that was allowed.
    if (need.cost === 0) return { verdict, words: wordsOfRefusal(verdict.reason) };
    if (fate === "revoke") await this.#revoke(record.id);
    this.#warn(record, fate, origin);
    if (fate === "revoke") return { verdict, words: "API key revoked due to insecure transport" };
    if (origin.transport === "clear" && rule === "refuse")
      return { verdict, words: wordsOfRefusal(verdict.reason) };
    const advice = transportMessage(origin.transport);
    return { verdict, words: advice, advice };
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

  #warn(record: CheckRecord, fate: Fate, { address, door, transport }: Origin): void {
    const now = this.#deps.clock.monotonic();
    const last = this.#warnedAt.get(record.id);
    if (last !== undefined && now - last < WARN_EVERY_MS) return;
    if (this.#warnedAt.size >= WARNED_MAX) this.#warnedAt.clear();
    this.#warnedAt.set(record.id, now);
    const refused =
      transport === "unknown"
        ? "A key came through a proxy that is not named, or does not say how its client came, and was refused; --trusted-proxy names it"
        : "A key came over an insecure transport and was refused";
    const message = fate === "revoke" ? "A key came over an insecure transport and was revoked" : refused;
    this.#deps.log.warn(message, { id: record.id, name: record.name, address, door });
  }

  #refuse(
    { reason, record, fault, rate }: Extract<Verdict, { ok: false }>,
    { words: error, advice }: Pick<Judged, "words" | "advice">,
    origin: Origin,
  ): Extract<CallerResult, { ok: false }> {
    const username = record?.user.username;
    noteRefusal(this.#deps, { kind: "API_KEY", reason, error, username, key: record }, origin);
    if (record) noteKeyRefusal(this.#deps, { keyId: record.id, reason, rule: error }, origin);
    return { ok: false, reason, fault, rate, ...(advice && { advice }) };
  }
}

/** Of a key that proved its secret, by its text or by SCRAM. */
export function credentialOfKey(
  { clock }: Pick<KeyUseNotes, "clock">,
  { record, secret }: Extract<Verdict, { ok: true }>,
  login: Pick<Credential, "seen" | "scram">,
): Credential {
  const { id, name, expiresAt, user } = record;
  const key = { id, name, expiresAt, secret: secret.digest };
  return { ...newLogin(clock, user), kind: "API_KEY", key, ...login };
}
