/**
 * Keys to be attacked with, of a user who is made for it and may nothing more than the site asks for. Every key ends by
 * itself within minutes; all that was made is removed.
 */
import type { Local } from "../command.ts";
import { isRefusal } from "../errors.ts";

export interface Canary extends AsyncDisposable {
  readonly username: string | undefined;
  readonly good: string;
  /** Right id, wrong secret. */
  readonly wrong: string;
  /** Why a key of the doctor's was refused, by the number that its client got; undefined where that is not known. */
  why?(decision: string): Promise<Reason | undefined>;
  /** The rest only where the doctor may make keys. */
  readonly made?: {
    /** Good only from ELSEWHERE. */
    readonly elsewhere: string;
    /** Without any scope. */
    readonly narrow: string;
    readonly fleeting: string;
    revokeFleeting(): Promise<void>;
  };
}

export interface Reason {
  readonly reason: string;
  readonly rule: string;
}

/** The server writes its refusals once a second. */
const REFUSAL_MS_MAX = 5_000;
const LOOK_EVERY_MS = 100;

/** An address for documentation (RFC 5737), which nobody has. */
export const ELSEWHERE = "192.0.2.77";
const LIFE_MS = 15 * 60_000;

export interface CanaryOptions {
  readonly mark: string;
  /** Whose keys; absent: a user of their own. */
  readonly username?: string;
  readonly scopes: readonly string[];
  /** Of a user of their own; absent: those of a holder of keys. */
  readonly roles?: Parameters<Local["users"]["create"]>[1]["roles"];
}

/** Makes one more key, with the fields of a new one. */
export type MakeKey = (name: string, fields?: object) => Promise<string>;

export interface KeyMaker extends AsyncDisposable {
  readonly username: string;
  /** Of the keys, in the order in which they were made. */
  readonly ids: readonly number[];
  readonly make: MakeKey;
}

export function canaryOf(good: string): Canary {
  return { username: undefined, good, wrong: wrongOf(good), [Symbol.asyncDispose]: async () => undefined };
}

/** With its disposal all keys go, and the user who was made for them. */
export async function openKeys(
  { keys, users, caller, clock }: Pick<Local, "keys" | "users" | "caller" | "clock">,
  { mark, scopes, roles = ["KEY_HOLDER"], ...options }: CanaryOptions,
): Promise<KeyMaker> {
  const ids: number[] = [];
  const username = options.username ?? mark;
  const user =
    options.username === undefined ? await users.create(caller, { username, roles, scopes }) : undefined;
  return {
    username,
    ids,
    make: async (name, fields = {}) => {
      const expiresAt = clock.now() + LIFE_MS;
      const description = "Made by chatelaine doctor, which removes it";
      const input = { name: `${mark} ${name}`, username, description, expiresAt, ...fields };
      const { key, secret } = await keys.create(caller, input);
      ids.push(key.id);
      return secret.text;
    },
    [Symbol.asyncDispose]: async () => {
      // The user's keys go with them.
      if (user) await users.remove(caller, user.id);
      else for (const id of ids) await keys.remove(caller, id);
    },
  };
}

export async function makeCanary(local: Local, options: CanaryOptions): Promise<Canary> {
  const { keys, usage, caller, clock } = local;
  const maker = await openKeys(local, options);
  const { username, make } = maker;
  try {
    const good = await make("good");
    const elsewhere = await make("elsewhere", { allowedIps: [ELSEWHERE] });
    const narrow = await make("narrow", { scopes: [] });
    const fleeting = await make("fleeting");
    const revokeFleeting = async () =>
      void (await keys.revoke(caller, maker.ids.at(-1)!, "chatelaine doctor"));
    const why = (decision: string) => refusalOf({ usage, caller, clock }, decision);
    const made = { elsewhere, narrow, fleeting, revokeFleeting };
    const remove = () => maker[Symbol.asyncDispose]();
    return { username, good, wrong: wrongOf(good), why, made, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await maker[Symbol.asyncDispose]();
    throw error;
  }
}

async function refusalOf(
  { usage, caller, clock }: Pick<Local, "usage" | "caller" | "clock">,
  decision: string,
): Promise<Reason | undefined> {
  const until = clock.monotonic() + REFUSAL_MS_MAX;
  for (;;) {
    try {
      return await usage.why(caller, decision);
    } catch (error) {
      if (!isRefusal(error) || error.code !== "not_found") throw error;
      if (clock.monotonic() > until) return undefined;
      await Bun.sleep(LOOK_EVERY_MS);
    }
  }
}

/** Any 64 characters that do not begin as ours are the shape of a key. */
function wrongOf(good: string): string {
  return `${good.slice(0, good.indexOf("-"))}-${"x".repeat(64)}`;
}
