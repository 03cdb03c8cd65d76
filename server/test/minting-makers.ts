/** Everybody who may try to make or widen a credential: keys with every narrowing, and sessions. */
import type { Role } from "@chatelaine/contract/roles";
import type { KeyFields } from "../src/domain/key.ts";
import type { UserLimits } from "../src/domain/limits.ts";
import { bearer, PASSWORD, type RestApp, SYSTEM } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

export const HERE = ["127.0.0.0/8", "::1/128"];
export const ELSEWHERE = "203.0.113.9";
export const HOUR_MS = 3_600_000;
const MONTH_SECONDS = 30 * 86_400;

/** What some users are held to. */
export const LIMITS: UserLimits = {
  allowedIps: HERE,
  rateLimit: { limit: 500_000, windowSeconds: 60 },
  lifetimeSeconds: MONTH_SECONDS,
};

interface Kind {
  /** Of the key; absent: a session. */
  readonly key?: (now: number) => KeyFields;
  /** Of the user; absent: FULL_ADMIN. */
  readonly roles?: readonly Role[];
  readonly ceilings?: UserLimits;
}

const MANAGERS: readonly Role[] = ["ACCOUNT_WRITE", "API_KEY_WRITE"];
const RATE = { limit: 100_000, windowSeconds: 60 };

/** Each of the keys is tried with and without the leave to manage sign-in. */
const KEYS: Readonly<Record<string, Kind>> = {
  free: { key: () => ({}) },
  roles: { key: () => ({ roles: MANAGERS }) },
  scopes: { key: () => ({ scopes: ["dns:read"] }) },
  addresses: { key: () => ({ allowedIps: HERE }) },
  end: { key: (now) => ({ expiresAt: now + HOUR_MS }) },
  rate: { key: () => ({ rateLimit: RATE }) },
  services: { key: () => ({ roles: [] }) },
  several: { key: (now) => ({ roles: MANAGERS, allowedIps: HERE, expiresAt: now + HOUR_MS }) },
  all: {
    key: (now) => ({
      roles: MANAGERS,
      scopes: ["dns:read"],
      allowedIps: HERE,
      expiresAt: now + HOUR_MS,
      rateLimit: RATE,
    }),
  },
  limited: { key: () => ({}), ceilings: LIMITS },
};

const SESSIONS: Readonly<Record<string, Kind>> = {
  "admin's session": {},
  "manager's session": { roles: MANAGERS },
  "limited admin's session": { ceilings: LIMITS },
  "limited manager's session": { roles: MANAGERS, ceilings: LIMITS },
};

/** The columns of the table, in its order: a star for the leave to manage sign-in. */
export const MAKERS: readonly string[] = [
  ...Object.keys(KEYS).flatMap((name) => [name, `${name}*`]),
  ...Object.keys(SESSIONS),
];

export interface Maker {
  readonly name: string;
  /** The user that it acts as. */
  readonly username: string;
  readonly userId: number;
  /** Of the key; undefined for a session. */
  readonly limits: KeyFields | undefined;
  readonly keyId: number;
  readonly ceilings: UserLimits | null;
  /** When it ends, by itself or by the limits of its user. */
  readonly endsAt: number | null;
  headers(): Promise<Record<string, string>>;
  socket(): Promise<RpcClient>;
  /** Forgets sessions and sockets, which the last act may have ended. */
  renew(): void;
}

export class Makers {
  readonly #rest: RestApp;
  readonly #now: () => number;
  readonly #made = new Map<string, Maker>();
  #turn = 0;

  constructor(rest: RestApp, now: () => number) {
    this.#rest = rest;
    this.#now = now;
  }

  async get(name: string): Promise<Maker> {
    const found = this.#made.get(name) ?? (await this.#make(name));
    this.#made.set(name, found);
    return found;
  }

  /** Another key of the same user with the same limits: for acts that spend the maker. A session is its own twin. */
  async twin(maker: Maker): Promise<Maker> {
    return maker.limits === undefined ? maker : this.#keyMaker(maker, maker.limits);
  }

  close(): void {
    for (const maker of this.#made.values()) maker.renew();
  }

  async #make(name: string): Promise<Maker> {
    const plain = name.replace("*", "");
    const kind = KEYS[plain] ?? SESSIONS[plain]!;
    const { users } = this.#rest.app;
    const username = `maker${++this.#turn}`;
    const { id: userId } = await this.#rest.user(username, kind.roles ?? ["FULL_ADMIN"]);
    const { ceilings = null } = kind;
    if (ceilings) await users.update(SYSTEM, userId, { ceilings });
    const base = { name, username, userId, ceilings, limits: undefined, keyId: 0, endsAt: null };
    if (!kind.key) return { ...base, ...this.#sessions(username) };
    return this.#keyMaker(base, { ...kind.key(this.#now()), managesSignIn: name.endsWith("*") });
  }

  async #keyMaker(
    base: Pick<Maker, "name" | "username" | "userId" | "ceilings">,
    limits: KeyFields,
  ): Promise<Maker> {
    const { name, username, userId, ceilings } = base;
    const input = { ...limits, name: `${name} ${++this.#turn}`, username };
    const { key, secret } = await this.#rest.app.keys.create(SYSTEM, input);
    let socket: Promise<RpcClient> | undefined;
    return {
      ...{ name, username, userId, ceilings, limits, keyId: key.id, endsAt: key.expiresAt },
      headers: async () => bearer(secret.text),
      socket: () => {
        socket ??= this.#connect((client) => client.signIn(username, secret.text));
        return socket;
      },
      renew: () => {
        void socket?.then((open) => open.close());
        socket = undefined;
      },
    };
  }

  #sessions(username: string): Pick<Maker, "headers" | "socket" | "renew"> {
    let headers: Promise<Record<string, string>> | undefined;
    let socket: Promise<RpcClient> | undefined;
    const login = { mechanism: "PASSWORD_PLAIN", username, password: PASSWORD };
    return {
      headers: () => {
        headers ??= this.#rest.browser(username);
        return headers;
      },
      socket: () => {
        socket ??= this.#connect((client) => client.result("auth.login_ex", login));
        return socket;
      },
      renew: () => {
        void socket?.then((open) => open.close());
        headers = undefined;
        socket = undefined;
      },
    };
  }

  async #connect(signIn: (client: RpcClient) => Promise<unknown>): Promise<RpcClient> {
    const client = await RpcClient.connect(this.#rest.url);
    await signIn(client);
    return client;
  }
}
