/**
 * The TrueNAS dialect: its methods, shapes and errors over the use cases of this server. The implementation is that of the
 * newest version; older ones bend it (`v25-04.ts` and its like). What is allowed is decided in the use cases, so that no
 * other door allows more; here stands who is let in at all, which the dialect asks before it looks at parameters.
 */

import type { Groups } from "../accounts/groups.ts";
import type { Users } from "../accounts/users.ts";
import type { Audit } from "../activity/audit.ts";
import type { Feed } from "../activity/feed.ts";
import type { SettingsUseCase } from "../activity/settings.ts";
import type { RpcVersion } from "../http/docs/docs.ts";
import type { Api, ApiMethod } from "../http/jsonrpc/api.ts";
import type { Keys } from "../keys/keys.ts";
import type { Log } from "../log.ts";
import type { RequireStanding } from "../sign-in/judge.ts";
import type { Sessions } from "../sign-in/sessions.ts";
import type { SignIn } from "../sign-in/sign-in.ts";
import type { Tokens } from "../sign-in/token.ts";
import { keyMethods } from "./api-keys.ts";
import { auditMethods } from "./audit-log.ts";
import { coreMethods } from "./core.ts";
import { documentedVersion } from "./documented.ts";
import { describeError } from "./errors.ts";
import { EVENTS, Events } from "./events.ts";
import { createLongAnswers } from "./long-answers.ts";
import { callable, type RpcMethod } from "./method.ts";
import { sessionMethods } from "./sessions.ts";
import { signInMethods } from "./sign-in.ts";
import { createUserInfo } from "./user-info.ts";
import { userMethods } from "./users.ts";
import { V25_04 } from "./v25-04.ts";
import { V25_10 } from "./v25-10.ts";
import { V26_00 } from "./v26-00.ts";
import { V27_00 } from "./v27-00.ts";
import type { Version } from "./version.ts";

/** Oldest first. */
const VERSIONS: readonly Version[] = [V25_04, V25_10, V26_00, V27_00];

/** Releases of the original whose API is the same here: clients are pinned to them by name. */
const ALIASES: ReadonlyMap<string, Version> = new Map([
  ...["v25.04.1", "v25.04.2"].map((name) => [name, V25_04] as const),
  ...["v25.10.1", "v25.10.2", "v25.10.3", "v25.10.4", "v25.10.5"].map((name) => [name, V25_10] as const),
]);
const SERVED: ReadonlyMap<string, Version> = new Map(
  [...VERSIONS.map((version) => [version.name, version] as const), ...ALIASES].sort(([one], [other]) =>
    one < other ? -1 : 1,
  ),
);

export interface DialectDeps {
  readonly keys: Keys;
  readonly users: Users;
  readonly groups: Groups;
  readonly signIn: SignIn;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly requireStanding: RequireStanding;
  readonly audit: Audit;
  readonly settings: SettingsUseCase;
  readonly feed: Feed;
  readonly log: Log;
}

export function createDialect(deps: DialectDeps): Api & { readonly documented: readonly RpcVersion[] } {
  const methods = declareMethods(deps);
  const tables = new Map(VERSIONS.map((version) => [version.name, tableOf(version, methods, deps)]));
  return {
    versions: [...SERVED.keys()],
    findMethod: (version, name) => tables.get(SERVED.get(version)?.name ?? "")?.get(name),
    describe: describeError,
    documented: VERSIONS.map((version) => documentedVersion(version, methods)),
  };
}

function declareMethods(deps: DialectDeps): ReadonlyMap<string, RpcMethod> {
  const { keys, users, audit } = deps;
  const methods = new Map<string, RpcMethod>();
  const events = new Events({ ...deps, version: versionNamed });
  const userInfo = createUserInfo({ users, methods, events: EVENTS });
  const answer = createLongAnswers();
  const declared = {
    ...coreMethods(methods, events),
    ...signInMethods({ ...deps, userInfo }),
    ...sessionMethods({ ...deps, userInfo }),
    ...keyMethods(keys, answer),
    ...userMethods(deps, answer),
    ...auditMethods(audit, keys, answer),
  };
  for (const [name, one] of Object.entries(declared)) methods.set(name, one);
  return methods;
}

function tableOf(
  version: Version,
  methods: ReadonlyMap<string, RpcMethod>,
  deps: DialectDeps,
): ReadonlyMap<string, ApiMethod> {
  const known = [...methods].filter(([name]) => !version.lacks.includes(name));
  return new Map(known.map(([name, one]) => [name, callable(name, one, version, deps)]));
}

function versionNamed(name: string): Version {
  return SERVED.get(name) ?? V27_00;
}
