/** Sign-in by a key's text, for sessions and for doors that ask with every request: one judgement for both. */
import type { Origin } from "../domain/caller.ts";
import type { CheckRecord, MaybePromise } from "../store/store.ts";
import type { Need, Verdict, Verify } from "../verify/verify.ts";
import {
  type KeyUseNotes,
  noteKeyRefusal,
  noteKeyUse,
  noteRefusal,
  type RefusalNotes,
  wordsOfRefusal,
} from "./audit.ts";
import { callerOfKey } from "./caller.ts";
import type { KeysInClear } from "./clear-text.ts";
import {
  type CallerResult,
  type Credential,
  newLogin,
  type SignInMethod,
  type SignInOutcome,
} from "./credential.ts";
import { type MarkDeps, markNow } from "./revocations.ts";

export interface KeyMethodDeps extends MarkDeps, RefusalNotes, KeyUseNotes {
  readonly verify: Pick<Verify, "verify" | "admit">;
  readonly keysInClear: Pick<KeysInClear, "judge">;
}

interface Judged {
  readonly verdict: Verdict;
  /** What to tell in the audit where the verdict is no. */
  readonly words: string;
  /** What to tell the client, where its connection was refused and the key left whole. */
  readonly advice?: string;
  /** Whether it was revoked for the way it came. */
  readonly isRevoked?: boolean;
}

/** A key's text, and the owner whom the client named, if any. */
export interface NamedKey {
  readonly text: string;
  readonly username: string | undefined;
}

export class KeyMethod implements SignInMethod<NamedKey> {
  readonly #deps: KeyMethodDeps;

  constructor(deps: KeyMethodDeps) {
    this.#deps = deps;
  }

  async signIn({ text, username }: NamedKey, origin: Origin): Promise<SignInOutcome> {
    const seen = await markNow(this.#deps);
    const judged = await this.#judge(text, { username }, origin);
    const { verdict } = judged;
    if (!verdict.ok) {
      const { ok: _, ...refused } = this.#refuse(verdict, judged, origin);
      return { kind: "refused", ...refused };
    }
    const credential = credentialOfKey(this.#deps, verdict, { seen, methods: ["key"] });
    return { kind: "signed_in", credential };
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

  /** The key's own verdict, and where its way here is not known to be safe, what the settings make of that (`conformance/4.6-outcomes.txt`). */
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
    const { verify, keysInClear } = this.#deps;
    const { record } = verdict;
    const { fate, words, advice } = await keysInClear.judge(record, origin, need.cost !== 0);
    if (fate === "pass") {
      const allowed = await verify.admit(record, { ...need, origin: { ...origin, transport: "secure" } });
      return { verdict: allowed, words: allowed.ok ? "" : wordsOfRefusal(allowed.reason) };
    }
    const isRevoked = fate === "revoke";
    return { verdict, words: words ?? wordsOfRefusal(verdict.reason), advice, isRevoked };
  }

  #refuse(
    { reason, record, fault, rate }: Extract<Verdict, { ok: false }>,
    { words: error, advice, isRevoked }: Omit<Judged, "verdict">,
    origin: Origin,
  ): Extract<CallerResult, { ok: false }> {
    const username = record?.user.username;
    noteRefusal(this.#deps, { kind: "API_KEY", reason, error, username, key: record }, origin);
    if (record) noteKeyRefusal(this.#deps, { keyId: record.id, reason, rule: error }, origin);
    return { ok: false, reason, fault, rate, ...(advice && { advice }), ...(isRevoked && { isRevoked }) };
  }
}

/** Of a key that proved its secret, by its text or by SCRAM. */
export function credentialOfKey(
  { clock }: Pick<KeyUseNotes, "clock">,
  { record, secret }: Extract<Verdict, { ok: true }>,
  login: Pick<Credential, "seen" | "methods">,
): Credential {
  const { id, name, expiresAt, user } = record;
  const key = { id, name, expiresAt, secret: secret.digest };
  return { ...newLogin(clock, user), kind: "API_KEY", key, ...login };
}
