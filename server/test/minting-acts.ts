/** Every way to make or widen a credential, at both doors: the rows of the table. */
import type { RateLimit } from "../src/domain/limits.ts";
import { HERE, HOUR_MS, LIMITS, type Maker } from "./minting-makers.ts";
import {
  type ActResult,
  type MintingTarget,
  type MintingWorld,
  NEW_PASSWORD,
  type TargetName,
} from "./minting-world.ts";
import { PASSWORD } from "./rest-app.ts";

export interface MintingAct {
  /** An operation of the REST API, or a method of the TrueNAS API. */
  readonly of: string;
  /** What is tried; unique among the acts of it. */
  readonly words: string;
  /** Does it, and proves of what was done that nothing is wider than its maker. */
  run(world: MintingWorld, maker: Maker): Promise<string>;
}

interface Scene {
  readonly world: MintingWorld;
  readonly maker: Maker;
  readonly target: MintingTarget;
}
type Proof = (scene: Scene, done: ActResult, words: string) => Promise<void> | void;

interface Plan {
  readonly target?: TargetName;
  readonly params?: (scene: Scene) => Record<string, string>;
  readonly body?: (scene: Scene) => unknown;
  readonly args?: (scene: Scene) => readonly unknown[];
  readonly proof?: Proof;
  /** It ends other sessions of the maker's own user. */
  readonly endsOthers?: boolean;
}

function act(of: string, words: string, plan: Plan): MintingAct {
  const isRpc = plan.args !== undefined;
  return {
    of,
    words,
    run: async (world, maker) => {
      const kind = plan.target ?? "bare";
      const target = await world.target(kind, maker);
      const scene = { world, maker, target };
      const asker = target.maker ?? maker;
      const done = isRpc
        ? await world.call(asker, of, plan.args!(scene))
        : await world.ask(asker, of, { params: plan.params?.(scene) ?? {}, body: plan.body?.(scene) });
      if (done.mark !== "+") return done.mark;
      await plan.proof?.(scene, done, `${of}: ${words}, by ${maker.name}`);
      if (plan.target) world.spend(plan.target, maker);
      if (plan.endsOthers || target.maker) asker.renew();
      return "+";
    },
  };
}

// What was made, used.
const madeKey: Proof = ({ world, maker }, { result }, words) => world.proveKey(maker, result.key, words);
/** A key that has edited or reset itself: it may still manage sign-in where it did. */
const ownKey: Proof = async ({ world, maker, target }, { result }, words) => {
  const header = target.maker && (await target.maker.headers()).Authorization;
  const text = result.key ?? header?.slice("Bearer ".length) ?? target.text;
  await world.proveKey(maker, text, words, target.maker !== undefined && maker.name.endsWith("*"));
};
const otherKey: Proof = ({ world, maker, target }, _done, words) =>
  world.proveKey(maker, target.text!, words, maker.limits === undefined);
const newPassword: Proof = ({ world, maker, target }, _done, words) =>
  world.provePerson(maker, target.name, words);
const madePerson: Proof = ({ world, maker }, { result }, words) =>
  world.provePerson(maker, result.username, words);
const heldAlike: Proof = ({ world, maker }, { result }, words) =>
  world.proveLimits(maker, result.username, words);

// Limits of the maker as a request names them, and each made wider.
const rateOf = (rate: RateLimit, more = 0) => ({
  limit: rate.limit + more,
  window_seconds: rate.windowSeconds,
});
const limitsOf = ({ limits, endsAt }: Maker) => ({
  ...(endsAt !== null && { expires_at: new Date(endsAt).toISOString() }),
  roles: limits?.roles ?? null,
  scopes: limits?.scopes ?? null,
  allowed_ips: limits?.allowedIps ?? null,
  rate_limit: limits?.rateLimit ? rateOf(limits.rateLimit) : null,
});
const later = ({ endsAt }: Maker): string => new Date((endsAt ?? 0) + HOUR_MS * 1_000_000).toISOString();
const more = ({ limits }: Maker) => (limits?.rateLimit ? rateOf(limits.rateLimit, 1) : null);

const create = (words: string, body: (maker: Maker) => object): MintingAct =>
  act("keys.create", `of its own user, ${words}`, {
    body: ({ world, maker }) => ({ name: world.fresh("key"), username: maker.username, ...body(maker) }),
    proof: madeKey,
  });
const createOf = (target: TargetName, words: string, body: (maker: Maker) => object): MintingAct =>
  act("keys.create", `of ${words}`, {
    target,
    body: ({ world, maker, target: { name } }) => ({
      name: world.fresh("key"),
      username: name,
      ...body(maker),
    }),
    proof: madeKey,
  });
const onKey = (of: string, target: TargetName, words: string, body?: (maker: Maker) => object): MintingAct =>
  act(of, words, {
    target,
    params: ({ target: { id } }) => ({ id: String(id) }),
    ...(body && { body: ({ maker }) => body(maker) }),
    proof: target === "itself" ? ownKey : of === "keys.reset" ? madeKey : otherKey,
  });
const onUser = (
  target: TargetName,
  words: string,
  body: (scene: Scene) => object,
  proof?: Proof,
): MintingAct =>
  act("users.update", words, { target, params: ({ target: { name } }) => ({ name }), body, proof });

const KEY_ACTS: readonly MintingAct[] = [
  create("without limits", () => ({})),
  create("held to what it is held to", limitsOf),
  create("that ends later", (maker) => ({ ...limitsOf(maker), expires_at: later(maker) })),
  create("that works more often", (maker) => ({ ...limitsOf(maker), rate_limit: more(maker) })),
  create("that works from elsewhere", (maker) => ({ ...limitsOf(maker), allowed_ips: ["126.0.0.0/7"] })),
  create("with all roles", (maker) => ({ ...limitsOf(maker), roles: null })),
  create("with all scopes", (maker) => ({ ...limitsOf(maker), scopes: null })),
  create("that manages sign-in", (maker) => ({ ...limitsOf(maker), manages_sign_in: true })),
  createOf("bare", "a key holder, without limits", () => ({})),
  createOf("bare", "a key holder, held to what it is held to", limitsOf),
  createOf("member", "one with groups and an address, held to what it is held to", limitsOf),
  createOf("person", "one with a password, held to what it is held to", limitsOf),
  createOf("accountant", "an account manager, without limits", () => ({})),
  createOf("accountant", "an account manager, held to what it is held to", limitsOf),
  onKey("keys.update", "itself", "itself: other words", () => ({ description: "other" })),
  onKey("keys.update", "itself", "itself: no end", () => ({ expires_at: null })),
  onKey("keys.update", "itself", "itself: a later end", (maker) => ({ expires_at: later(maker) })),
  onKey("keys.update", "itself", "itself: no rate", () => ({ rate_limit: null })),
  onKey("keys.update", "itself", "itself: a higher rate", (maker) => ({ rate_limit: more(maker) })),
  onKey("keys.update", "itself", "itself: any address", () => ({ allowed_ips: null })),
  onKey("keys.update", "itself", "itself: fewer addresses", () => ({ allowed_ips: [HERE[0]] })),
  onKey("keys.update", "itself", "itself: all roles", () => ({ roles: null })),
  onKey("keys.update", "itself", "itself: all scopes", () => ({ scopes: null })),
  onKey("keys.update", "itself", "itself: manages sign-in", () => ({ manages_sign_in: true })),
  onKey("keys.update", "itself", "itself: manages sign-in no more", () => ({ manages_sign_in: false })),
  onKey("keys.update", "sibling", "another that is held alike", () => ({ description: "other" })),
  onKey("keys.update", "sibling", "another that is held alike: no end", () => ({ expires_at: null })),
  onKey("keys.update", "wide sibling", "another without limits", () => ({ description: "other" })),
  onKey("keys.update", "managing sibling", "another that manages sign-in", () => ({ description: "other" })),
  onKey("keys.reset", "itself", "itself", () => ({})),
  onKey("keys.reset", "itself", "itself: no end", () => ({ expires_at: null })),
  onKey("keys.reset", "sibling", "another that is held alike", () => ({})),
  onKey("keys.reset", "wide sibling", "another without limits", () => ({})),
  onKey("keys.reset", "managing sibling", "another that manages sign-in", () => ({})),
  onKey("keys.update", "key of a member", "that of another user, held alike", () => ({
    description: "other",
  })),
  onKey("keys.reset", "key of a member", "that of another user, held alike", () => ({})),
  onKey("keys.resume", "paused key of a member", "that of another user, held alike"),
  onKey("keys.resume", "paused sibling", "another that is held alike"),
  onKey("keys.resume", "paused wide", "another without limits"),
  act("self.reset", "itself", { target: "itself", body: () => ({}), proof: ownKey }),
  act("self.reset", "itself: no end", {
    target: "itself",
    body: () => ({ expires_at: null }),
    proof: ownKey,
  }),
  act("self.reset", "itself: a later end", {
    target: "itself",
    body: ({ maker }) => ({ expires_at: later(maker) }),
    proof: ownKey,
  }),
];

const CEILINGS = {
  allowed_ips: LIMITS.allowedIps,
  rate_limit: { limit: 500_000, window_seconds: 60 },
  lifetime_seconds: LIMITS.lifetimeSeconds,
};
const named = ({ target: { name } }: Scene) => ({ name });
const USER_ACTS: readonly MintingAct[] = [
  act("users.create", "without a way in", {
    body: ({ world }) => ({ username: world.fresh("made"), roles: ["KEY_HOLDER"] }),
    proof: heldAlike,
  }),
  act("users.create", "with a password", {
    body: ({ world }) => ({ username: world.fresh("made"), roles: ["KEY_HOLDER"], password: NEW_PASSWORD }),
    proof: madePerson,
  }),
  act("users.create", "a full administrator with a password", {
    body: ({ world }) => ({ username: world.fresh("made"), roles: ["FULL_ADMIN"], password: NEW_PASSWORD }),
    proof: madePerson,
  }),
  onUser("bare", "a role for one without a way in", () => ({ roles: ["KEY_HOLDER", "ACCOUNT_READ"] })),
  onUser("person", "a role for one with a password", () => ({ roles: ["KEY_HOLDER", "ACCOUNT_READ"] })),
  onUser("holder", "a role for one with a key", () => ({ roles: ["KEY_HOLDER", "ACCOUNT_READ"] })),
  onUser("limited person", "a role for one under limits", () => ({ roles: ["KEY_HOLDER", "ACCOUNT_READ"] })),
  onUser("clerk", "a role that one with a password has by a group", () => ({
    roles: ["KEY_HOLDER", "ACCOUNT_READ"],
  })),
  onUser("person", "a scope for one with a password", () => ({ scopes: ["dns:read"] })),
  onUser("person", "another name for one with a password", ({ world }) => ({
    username: world.fresh("name"),
  })),
  onUser("person", "another address for one with a password", () => ({ email: "other@example.org" })),
  onUser("bare", "another name for one without a way in", ({ world }) => ({ username: world.fresh("name") })),
  onUser("person", "other words for one with a password", () => ({ full_name: "Other" })),
  onUser("limited person", "no limits any more", () => ({ ceilings: null })),
  onUser("limited person", "wider limits", () => ({ ceilings: { ...CEILINGS, allowed_ips: null } })),
  onUser("person", "limits", () => ({ ceilings: CEILINGS })),
  act("users.update", "limits of its own user", {
    params: ({ maker }) => ({ name: maker.username }),
    body: () => ({ ceilings: null }),
  }),
  act("users.setPassword", "of one without a way in", {
    target: "bare",
    params: named,
    body: () => ({ password: NEW_PASSWORD }),
    proof: newPassword,
  }),
  act("users.setPassword", "of one with a password", {
    target: "person",
    params: named,
    body: () => ({ password: NEW_PASSWORD }),
    proof: newPassword,
  }),
  act("users.setPassword", "of one under limits", {
    target: "limited person",
    params: named,
    body: () => ({ password: NEW_PASSWORD }),
    proof: newPassword,
  }),
  act("users.setPassword", "taken away", {
    target: "person",
    params: named,
    body: () => ({ password: null }),
  }),
  act("users.setPassword", "of its own user, with the present one", {
    params: ({ maker }) => ({ name: maker.username }),
    body: () => ({ password: PASSWORD, current_password: PASSWORD }),
    endsOthers: true,
  }),
  act("users.setPassword", "of its own user, without the present one", {
    params: ({ maker }) => ({ name: maker.username }),
    body: () => ({ password: PASSWORD }),
  }),
  act("users.unlock", "one without a way in", { target: "locked bare", params: named }),
  act("users.unlock", "one with a password", { target: "locked person", params: named }),
];
/** The first group that there is. */
export const COMMON = "common";
const inCommon = ({ target: { name } }: Scene) => ({ name: COMMON, username: name });
const GROUP_ACTS: readonly MintingAct[] = [
  act("groups.create", "with roles", {
    body: ({ world }) => ({ name: world.fresh("group"), roles: ["ACCOUNT_WRITE"], scopes: [] }),
  }),
  act("groups.update", "a role for an empty one", {
    target: "empty group",
    params: named,
    body: () => ({ roles: ["ACCOUNT_READ"] }),
  }),
  act("groups.update", "a role for one whose members can sign in", {
    target: "group of persons",
    params: named,
    body: () => ({ roles: ["ACCOUNT_READ"] }),
  }),
  act("groups.update", "another name for one whose members can sign in", {
    target: "group of persons",
    params: named,
    body: ({ world }) => ({ name: world.fresh("group") }),
  }),
  act("groups.addMember", "one without a way in", { target: "bare", params: inCommon }),
  act("groups.addMember", "one with a password", { target: "person", params: inCommon }),
  act("settings.update", "sessions that last longer", { body: () => ({ session_hours: 25 }) }),
  act("settings.update", "credentials in clear text", { body: () => ({ insecure_transport: "allow" }) }),
  act("settings.update", "who reads the documentation", { body: () => ({ docs: "signed_in" }) }),
  act("setup.create", "a first administrator", {
    body: ({ world }) => ({ token: "x", username: world.fresh("first"), password: NEW_PASSWORD }),
  }),
];

const onOwnUser = (of: string, words: string, body: object): MintingAct =>
  act(of, words, { args: ({ maker }) => [maker.userId, body] });
const onThe = (
  of: string,
  target: TargetName,
  words: string,
  body: (scene: Scene) => object,
  proof?: Proof,
) => act(of, words, { target, args: (scene) => [scene.target.id, body(scene)], proof });
const makes = (words: string, target: TargetName | undefined, body: (scene: Scene) => object): MintingAct =>
  act("api_key.create", words, {
    ...(target && { target }),
    args: (scene) => [{ name: scene.world.fresh("key"), ...body(scene) }],
    proof: madeKey,
  });
const makesUser = (words: string, body: object, proof: Proof): MintingAct =>
  act("user.create", words, { args: ({ world }) => [{ username: world.fresh("made"), ...body }], proof });
const setsPassword = (target: TargetName, words: string): MintingAct =>
  act("user.set_password", words, {
    target,
    args: (scene) => [{ username: scene.target.name, new_password: NEW_PASSWORD }],
    proof: newPassword,
  });
const setsOwnPassword = (words: string, present: object): MintingAct =>
  act("user.set_password", words, {
    args: ({ maker }) => [{ username: maker.username, new_password: PASSWORD, ...present }],
    endsOthers: true,
  });

const end = ({ endsAt }: Maker) => (endsAt === null ? null : { $date: endsAt });
const otherName = ({ world }: Scene) => ({ name: world.fresh("key") });
const RPC_ACTS: readonly MintingAct[] = [
  makes("of its own user, without limits", undefined, ({ maker }) => ({ username: maker.username })),
  makes("of its own user, that ends with it", undefined, ({ maker }) => ({
    username: maker.username,
    expires_at: end(maker),
  })),
  makes("of a key holder, without limits", "bare", ({ target }) => ({ username: target.name })),
  makes("of one with groups and an address, that ends with it", "member", ({ maker, target }) => ({
    username: target.name,
    expires_at: end(maker),
  })),
  makes("of an account manager, without limits", "accountant", ({ target }) => ({ username: target.name })),
  onThe("api_key.update", "itself", "itself: another name", otherName, ownKey),
  onThe("api_key.update", "itself", "itself: no end", () => ({ expires_at: null }), ownKey),
  onThe("api_key.update", "itself", "itself: reset", () => ({ reset: true }), ownKey),
  onThe(
    "api_key.update",
    "itself",
    "itself: reset, no end",
    () => ({ reset: true, expires_at: null }),
    ownKey,
  ),
  onThe("api_key.update", "sibling", "another that is held alike: reset", () => ({ reset: true }), madeKey),
  onThe("api_key.update", "key of a member", "that of another user, held alike: another name", otherName),
  onThe(
    "api_key.update",
    "key of a member",
    "that of another user, held alike: reset",
    () => ({ reset: true }),
    madeKey,
  ),
  onThe("api_key.update", "wide sibling", "another without limits: another name", otherName),
  onThe("api_key.update", "wide sibling", "another without limits: reset", () => ({ reset: true }), madeKey),
  makesUser("without a way in", { roles: ["KEY_HOLDER"], password_disabled: true }, heldAlike),
  makesUser("with a password", { roles: ["KEY_HOLDER"], password: NEW_PASSWORD }, madePerson),
  makesUser(
    "a full administrator with a password",
    { roles: ["FULL_ADMIN"], password: NEW_PASSWORD },
    madePerson,
  ),
  onThe(
    "user.update",
    "person",
    "a password for one with a password",
    () => ({ password: NEW_PASSWORD }),
    newPassword,
  ),
  onOwnUser("user.update", "the password of its own user", { password: NEW_PASSWORD }),
  onOwnUser("user.update", "no password for its own user", { password_disabled: true }),
  onThe("user.update", "bare", "a role for one without a way in", () => ({
    roles: ["KEY_HOLDER", "ACCOUNT_READ"],
  })),
  onThe("user.update", "person", "a role for one with a password", () => ({
    roles: ["KEY_HOLDER", "ACCOUNT_READ"],
  })),
  onThe("user.update", "clerk", "a role that one with a password has by a group", () => ({
    roles: ["KEY_HOLDER", "ACCOUNT_READ"],
  })),
  onThe("user.update", "person", "a group for one with a password", () => ({ groups: [1] })),
  onThe("user.update", "locked person", "no lock for one with a password", () => ({ locked: false })),
  onThe("user.update", "person", "another name for one with a password", ({ world }) => ({
    username: world.fresh("name"),
  })),
  setsPassword("bare", "of one without a way in"),
  setsPassword("person", "of one with a password"),
  setsPassword("limited person", "of one under limits"),
  setsOwnPassword("of its own user, with the present one", { old_password: PASSWORD }),
  setsOwnPassword("of its own user, without the present one", {}),
  act("auth.generate_token", "for another connection", {
    args: () => [],
    proof: ({ world, maker }, { result }, words) => world.proveToken(maker, result, words),
  }),
];

export const ACTS: readonly MintingAct[] = [...KEY_ACTS, ...USER_ACTS, ...GROUP_ACTS, ...RPC_ACTS];
