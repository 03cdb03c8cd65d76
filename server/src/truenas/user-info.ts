/** What `auth.me` and a sign-in tell of the user and of what they may (`conformance/3.3-user-info.txt`). */
import type { Role } from "@chatelaine/contract/roles";
import type { Users } from "../accounts/users.ts";
import type { Caller } from "../domain/caller.ts";
import type { Credential } from "../sign-in/credential.ts";
import type { RpcMethod } from "./method.ts";
import { set } from "./wire.ts";

export const HOME = "/var/empty";
export const SHELL = "/usr/sbin/nologin";
const SCREEN_ROLES: readonly Role[] = ["FULL_ADMIN", "READONLY_ADMIN", "SHARING_ADMIN"];

export interface UserInfoDeps {
  readonly users: Pick<Users, "profile">;
  readonly methods: ReadonlyMap<string, RpcMethod>;
  /** Events with the roles that may subscribe; null: everybody. */
  readonly events: Readonly<Record<string, readonly Role[] | null>>;
}

export type UserInfo = (caller: Caller, credential: Credential) => Promise<object>;

export function createUserInfo({ users, methods, events }: UserInfoDeps): UserInfo {
  const allowlist = (caller: Caller): object[] => {
    if (caller.roles.has("FULL_ADMIN")) return [{ method: "*", resource: "*" }];
    const may = (roles: readonly Role[]): boolean => roles.some((role) => caller.roles.has(role));
    const calls = [...methods].filter(([, { access }]) => typeof access === "string" || may(access));
    const names = Object.entries(events).filter(([, roles]) => roles === null || may(roles));
    return [
      ...calls.map(([resource]) => ({ method: "CALL", resource })),
      ...names.map(([resource]) => ({ method: "SUBSCRIBE", resource })),
    ];
  };
  return async (caller, credential) => {
    const user = await users.profile(caller);
    return {
      pw_name: user.username,
      pw_gecos: user.fullName,
      pw_dir: HOME,
      pw_shell: SHELL,
      pw_uid: caller.userId,
      pw_gid: caller.userId,
      grouplist: null,
      sid: null,
      source: "LOCAL",
      local: true,
      attributes: user.attributes,
      two_factor_config: { provisioning_uri: null, secret_configured: false, interval: 30, otp_digits: 6 },
      privilege: {
        roles: set(caller.roles),
        allowlist: allowlist(caller),
        web_shell: false,
        webui_access: SCREEN_ROLES.some((role) => caller.roles.has(role)),
      },
      account_attributes: accountAttributes(credential),
    };
  };
}

function accountAttributes({ kind, methods }: Credential): string[] {
  return [
    "LOCAL",
    ...(kind === "API_KEY" ? ["API_KEY"] : []),
    ...(methods.includes("scram") ? ["SCRAM"] : []),
  ];
}
