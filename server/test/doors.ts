/** One good key and one good password, shown at every door that takes them. */
import type { RpcClient as Client } from "./rpc-client.ts";
import { RpcClient } from "./rpc-client.ts";
import { ScramClient } from "./scram-client.ts";

export interface Shown {
  readonly username: string;
  readonly password: string;
  /** Text of a key of theirs. */
  readonly key: string;
  /** Of a browser session, `name=value`. */
  readonly cookie?: string;
}

/** What each door answers: `200`, `503 unavailable`, `-32001 [EBUSY] ...`, `SUCCESS`. */
export type Answers = Readonly<Record<string, string>>;

export async function askDoors(url: string, shown: Shown): Promise<Answers> {
  const { key, username, password, cookie } = shown;
  const [bearer, basic] = [`Bearer ${key}`, `Basic ${Buffer.from(`${username}:${key}`).toString("base64")}`];
  const answers: Record<string, string> = {
    auth: await asked(`${url}/auth`, { headers: { Authorization: bearer } }),
    "auth by Basic": await asked(`${url}/auth`, { headers: { Authorization: basic } }),
    verify: await asked(`${url}/api/v1/verify`, sent({ key })),
    "verify of many": await asked(`${url}/api/v1/verify`, sent({ keys: [{ key }] })),
    "REST, its own key": await asked(`${url}/api/v1/keys/self`, { headers: { Authorization: bearer } }),
    "REST, one key": await asked(`${url}/api/v1/keys/1`, { headers: { Authorization: bearer } }),
    "REST by X-API-Key": await asked(`${url}/api/v1/keys`, { headers: { "X-API-Key": key } }),
    "REST by Basic": await asked(`${url}/api/v1/keys`, { headers: { Authorization: basic } }),
    "REST, a change": await asked(`${url}/api/v1/keys/1`, {
      ...sent({ description: "seen" }, { Authorization: bearer }),
      method: "PATCH",
    }),
    "sign-in of a browser": await asked(
      `${url}/api/v1/session`,
      sent({ username, password }, { Origin: url }),
    ),
  };
  if (cookie) answers["REST by cookie"] = await asked(`${url}/api/v1/keys`, { headers: { Cookie: cookie } });
  for (const [name, ask] of Object.entries(DIALECT)) {
    const client = await RpcClient.connect(url);
    answers[name] = await ask(client, shown);
    client.socket.close();
  }
  return answers;
}

const DIALECT: Readonly<Record<string, (client: Client, shown: Shown) => Promise<string>>> = {
  API_KEY_PLAIN: (client, { username, key }) =>
    called(client, "auth.login_ex", { mechanism: "API_KEY_PLAIN", username, api_key: key }),
  PASSWORD_PLAIN: (client, { username, password }) =>
    called(client, "auth.login_ex", { mechanism: "PASSWORD_PLAIN", username, password }),
  "auth.login": (client, { username, password }) => called(client, "auth.login", username, password),
  "auth.login_with_api_key": (client, { key }) => called(client, "auth.login_with_api_key", key),
  SCRAM: async (client, { username, key }) => {
    const [id, body] = key.split("-") as [string, string];
    const scram = new ScramClient({ username, keyId: Number(id), body });
    return called(client, "auth.login_ex", {
      mechanism: "SCRAM",
      scram_type: "CLIENT_FIRST_MESSAGE",
      rfc_str: scram.first(),
    });
  },
};

async function called(client: Client, method: string, ...params: unknown[]): Promise<string> {
  const { error, result } = await client.call(method, ...params);
  if (error) return `${error.code} ${error.data?.reason ?? error.message}`;
  return String((result as { response_type?: string })?.response_type ?? result);
}

async function asked(url: string, init: RequestInit): Promise<string> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (response.ok) return String(response.status);
  const code = /"code":"(\w+)"/.exec(text)?.[1];
  return code ? `${response.status} ${code}` : String(response.status);
}

function sent(body: object, headers: Record<string, string> = {}): RequestInit {
  return {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  };
}
