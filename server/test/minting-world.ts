/** Whom and what makers act on, how they ask at both doors, and what proves that nothing wider came of it. */
import { expect } from "bun:test";
import { type OperationName, operationList } from "@chatelaine/contract/operations/operations";
import type { Role } from "@chatelaine/contract/roles";
import type { KeyFields } from "../src/domain/key.ts";
import { coversScope } from "../src/domain/rights.ts";
import { type MovedClock, movedClock } from "./installation.ts";
import { ELSEWHERE, LIMITS, type Maker, Makers } from "./minting-makers.ts";
import { bearer, openRest, PASSWORD, type RestApp, SYSTEM } from "./rest-app.ts";
import { type RpcAnswer, RpcClient } from "./rpc-client.ts";

export const NEW_PASSWORD = "four words make a password";

/** One act's outcome as the table has it, and the answer where it was done. */
export interface ActResult {
  readonly mark: string;
  // biome-ignore lint/suspicious/noExplicitAny: what is in an answer is said by who asks for it
  readonly result: any;
}

export interface MintingTarget {
  readonly id: number;
  readonly name: string;
  /** Of a key. */
  readonly text?: string;
  readonly maker?: Maker;
}

type Build = (world: MintingWorld, maker: Maker) => Promise<MintingTarget>;

/** Those that depend on the maker, and are made for each. */
const OWN = new Set<string>([
  "itself",
  "sibling",
  "wide sibling",
  "managing sibling",
  "paused sibling",
  "paused wide",
  "key of a member",
  "paused key of a member",
]);

const TARGETS = {
  bare: (world) => world.user({}),
  person: (world) => world.user({ password: PASSWORD }),
  holder: async (world) => {
    const user = await world.user({});
    await world.key({ username: user.name });
    return user;
  },
  member: (world) => world.member(),
  clerk: (world) => world.clerk(),
  "limited person": (world) => world.user({ password: PASSWORD }, LIMITS),
  "locked bare": (world) => world.locked({}),
  "locked person": (world) => world.locked({ password: PASSWORD }),
  accountant: (world) => world.user({ roles: ["ACCOUNT_WRITE"] }),
  "empty group": (world) => world.group(),
  "group of persons": (world) => world.group({ password: PASSWORD }),
  itself: async (world, maker) => {
    if (maker.limits === undefined) return world.key({ username: maker.username });
    const twin = await world.makers.twin(maker);
    return { id: twin.keyId, name: maker.username, maker: twin };
  },
  sibling: (world, maker) => world.sibling(maker, {}),
  "wide sibling": (world, maker) => world.key({ username: maker.username }),
  "managing sibling": (world, maker) => world.sibling(maker, { managesSignIn: true }),
  "key of a member": async (world, maker) =>
    world.sibling({ ...maker, username: (await world.member()).name }, {}),
  "paused key of a member": async (world, maker) =>
    world.paused(await world.sibling({ ...maker, username: (await world.member()).name }, {})),
  "paused sibling": async (world, maker) => world.paused(await world.sibling(maker, {})),
  "paused wide": async (world, maker) => world.paused(await world.key({ username: maker.username })),
} as const satisfies Record<string, Build>;
export type TargetName = keyof typeof TARGETS;

export class MintingWorld {
  readonly rest: RestApp;
  readonly clock: MovedClock;
  readonly makers: Makers;
  /** Texts that must be dead once their maker would be. */
  readonly mortal: { readonly text: string; readonly endsAt: number; readonly words: string }[] = [];
  readonly #targets = new Map<string, MintingTarget>();
  readonly #rights = new Map<string, { roles: readonly Role[]; scopes: readonly string[] }>();
  #turn = 0;

  private constructor(rest: RestApp, clock: MovedClock) {
    this.rest = rest;
    this.clock = clock;
    this.makers = new Makers(rest, clock.now);
  }

  static async open(): Promise<MintingWorld> {
    const clock = movedClock();
    return new MintingWorld(await openRest({}, { clock }), clock);
  }

  async close(): Promise<void> {
    this.makers.close();
    await this.rest[Symbol.asyncDispose]();
  }

  /** Kept until an act has changed it. */
  async target(name: TargetName, maker: Maker): Promise<MintingTarget> {
    const place = OWN.has(name) ? `${name} of ${maker.name}` : name;
    const found = this.#targets.get(place) ?? (await TARGETS[name](this, maker));
    this.#targets.set(place, found);
    return found;
  }

  spend(name: TargetName, maker: Maker): void {
    this.#targets.delete(OWN.has(name) ? `${name} of ${maker.name}` : name);
  }

  fresh(word = "made"): string {
    return `${word}${++this.#turn}`;
  }

  async user(
    { password, roles = ["KEY_HOLDER"] }: { password?: string; roles?: readonly Role[] },
    ceilings?: typeof LIMITS,
  ): Promise<MintingTarget> {
    const { users } = this.rest.app;
    const made = await users.create(SYSTEM, { username: this.fresh("user"), roles, password });
    if (ceilings) await users.update(SYSTEM, made.id, { ceilings });
    return { id: made.id, name: made.username };
  }

  async locked(input: { password?: string }): Promise<MintingTarget> {
    const user = await this.user(input);
    await this.rest.app.users.lock(SYSTEM, user.id);
    return user;
  }

  async group(member?: { password?: string }): Promise<MintingTarget> {
    const { groups } = this.rest.app;
    const group = await groups.create(SYSTEM, { name: this.fresh("group"), roles: [], scopes: [] });
    if (member)
      await groups.addMember(SYSTEM, { name: group.name, username: (await this.user(member)).name });
    return { id: group.id, name: group.name };
  }

  /** Whom services know by groups and an address, which have no rights here. */
  async member(): Promise<MintingTarget> {
    const group = await this.group();
    const { users } = this.rest.app;
    const username = this.fresh("member");
    const email = `${username}@example.org`;
    const made = await users.create(SYSTEM, { username, email, roles: ["KEY_HOLDER"], groups: [group.name] });
    return { id: made.id, name: username };
  }

  /** Who reads accounts by a group alone. */
  async clerk(): Promise<MintingTarget> {
    const { groups } = this.rest.app;
    const roles = ["ACCOUNT_READ"] as const;
    const group = await groups.create(SYSTEM, { name: this.fresh("group"), roles, scopes: [] });
    const user = await this.user({ password: PASSWORD });
    await groups.addMember(SYSTEM, { name: group.name, username: user.name });
    return user;
  }

  async key(input: KeyFields & { readonly username: string }): Promise<MintingTarget> {
    const { key, secret } = await this.rest.app.keys.create(SYSTEM, { ...input, name: this.fresh("key") });
    return { id: key.id, name: key.name, text: secret.text };
  }

  /** A key of the maker's user that is held to what the maker is. */
  sibling({ username, limits }: Maker, more: KeyFields): Promise<MintingTarget> {
    return this.key({ ...limits, managesSignIn: false, ...more, username });
  }

  async paused(key: MintingTarget): Promise<MintingTarget> {
    await this.rest.app.keys.pause(SYSTEM, key.id);
    return key;
  }

  /** At the REST API. */
  async ask(
    maker: Maker,
    name: string,
    { params = {}, body }: { params?: Record<string, string>; body?: unknown },
  ): Promise<ActResult> {
    const operation = operationList.find((one) => one.name === (name as OperationName))!;
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, param: string) => params[param]!);
    const headers = await maker.headers();
    const { status, json } = await this.rest.send(`${operation.method} ${path}`, { headers, body });
    if (status < 300) return { mark: "+", result: json };
    return { mark: REST_MARKS[`${status} ${json.code}`] ?? `${status} ${json.code}`, result: json };
  }

  /** At the TrueNAS API. */
  async call(maker: Maker, method: string, params: readonly unknown[]): Promise<ActResult> {
    const { result, error } = await (await maker.socket()).call(method, ...params);
    return error ? { mark: markOf(error), result: error } : { mark: "+", result };
  }

  async verify(
    question: object,
  ): Promise<{ valid: boolean; reason?: string; rate_limit?: { limit: number } }> {
    return (await this.rest.send("POST /verify", { body: question })).json;
  }

  /**
   * Nothing that was made may, reaches, lasts or works more than its maker: shown by using it.
   * @param isManager whether it may set passwords
   */
  async proveKey(maker: Maker, text: string, words: string, isManager = false): Promise<void> {
    await this.#proveRights(maker, bearer(text), words);
    const { limits, ceilings } = maker;
    const elsewhere = await this.verify({ key: text, ip: ELSEWHERE, cost: 0 });
    if (limits?.allowedIps || ceilings)
      expect([words, elsewhere.reason]).toEqual([words, "address_not_allowed"]);
    const here = await this.verify({ key: text, ip: "127.0.0.1", cost: 0 });
    expect([words, here.valid]).toEqual([words, true]);
    const rate = limits?.rateLimit ?? ceilings?.rateLimit;
    if (rate) expect([words, here.rate_limit!.limit <= rate.limit]).toEqual([words, true]);
    if (maker.endsAt !== null) this.mortal.push({ text, endsAt: maker.endsAt, words });
    if (isManager || limits === undefined || maker.name.startsWith("free")) return;
    // Whatever a key that is held to limits has made, it sets no password: that leave is never passed on.
    const { name } = await this.target("person", maker);
    const { status } = await this.rest.send(`PUT /users/${name}/password`, {
      headers: bearer(text),
      body: { password: NEW_PASSWORD },
    });
    expect([words, status]).toEqual([words, 403]);
  }

  /** Somebody who was given a password may no more than who gave it, and is held to the same. */
  async provePerson(maker: Maker, username: string, words: string): Promise<void> {
    const body = { username, password: NEW_PASSWORD };
    const { headers } = await this.rest.send("POST /session", { body });
    const cookie = { Cookie: headers.get("set-cookie")!.split(";")[0]!, Origin: this.rest.url };
    await this.#proveRights(maker, cookie, words);
    await this.proveLimits(maker, username, words);
  }

  /** A token opens what its maker may, and not what its maker may not. */
  async proveToken(maker: Maker, token: string, words: string): Promise<void> {
    const socket = await RpcClient.connect(this.rest.url);
    expect([words, await socket.result("auth.login_with_token", token)]).toEqual([words, true]);
    const { privilege } = await socket.result<{ privilege: { roles: { $set: Role[] } } }>("auth.me");
    const mine = await this.#rightsOf(maker);
    expect([words, privilege.roles.$set.filter((role) => !mine.roles.includes(role))]).toEqual([words, []]);
    const { name } = await this.target("person", maker);
    const wanted = { username: name, new_password: NEW_PASSWORD };
    const { mark } = await this.call(maker, "user.set_password", [wanted]);
    const { error } = await socket.call("user.set_password", wanted);
    expect([words, error ? markOf(error) : "+"]).toEqual([words, mark]);
    this.spend("person", maker);
    socket.close();
  }

  async proveLimits(maker: Maker, username: string, words: string): Promise<void> {
    if (maker.ceilings === null) return;
    const { ceilings } = await this.rest.app.users.get(SYSTEM, { username });
    expect([words, ceilings]).toEqual([words, maker.ceilings]);
  }

  async #proveRights(maker: Maker, headers: Record<string, string>, words: string): Promise<void> {
    const mine = await this.#rightsOf(maker);
    const { roles, scopes } = await this.#read(headers);
    const wider = [
      ...roles.filter((role) => !mine.roles.includes(role) && role !== "KEY_HOLDER"),
      ...scopes.filter((scope) => !coversScope(mine.scopes, scope)),
    ];
    expect([words, wider]).toEqual([words, []]);
  }

  async #rightsOf(maker: Maker): Promise<{ roles: readonly Role[]; scopes: readonly string[] }> {
    const mine = this.#rights.get(maker.name) ?? (await this.#read(await maker.headers()));
    this.#rights.set(maker.name, mine);
    return mine;
  }

  async #read(headers: Record<string, string>): Promise<{ roles: Role[]; scopes: string[] }> {
    const { status, json } = await this.rest.send("GET /session", { headers });
    expect(status).toBe(200);
    return json;
  }
}

const REST_MARKS: Readonly<Record<string, string>> = {
  "403 forbidden": "-",
  "403 role_missing": "r",
  "409 conflict": "c",
  "422 invalid": "i",
};

/** As the same refusal at the REST API. */
function markOf({ code, data }: NonNullable<RpcAnswer["error"]>): string {
  if (code === -32602) return "i";
  if (data?.error !== 13) return `${code} ${data?.error}`;
  return data.reason === "[EACCES] Not authorized" ? "r" : "-";
}
