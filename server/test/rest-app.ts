/** A real server on a real socket, with a few people, and plain requests to its REST API. */
import type { Role } from "@chatelaine/contract/roles";
import { type Client, createClient } from "../../client/src/client.ts";
import type { App } from "../src/app.ts";
import type { RawConfig } from "../src/config.ts";
import type { User } from "../src/domain/user.ts";
import type { ServerOverrides } from "../src/server.ts";
import { makeInstallation, PASSWORD, SYSTEM } from "./installation.ts";

export { PASSWORD, SYSTEM } from "./installation.ts";

export interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of it is said by the test
  readonly json: any;
}

interface Sent {
  readonly headers?: Record<string, string>;
  /** Sent as JSON, unless it is a string. */
  readonly body?: unknown;
}

export interface RestApp extends AsyncDisposable {
  readonly url: string;
  readonly app: App;
  /** The data folder. */
  readonly folder: string;
  /** Below /api/v1 unless it begins with `/api/`. */
  send(route: string, sent?: Sent): Promise<RestAnswer>;
  /** A user, with the password PASSWORD. */
  user(username: string, roles: readonly Role[]): Promise<User>;
  /** Text of a new key. */
  key(username: string, name: string, limits?: { roles?: readonly Role[] | null }): Promise<string>;
  /** Headers of a browser that is signed in. */
  browser(username: string): Promise<Record<string, string>>;
  client(key: string): Client;
  restart(): Promise<void>;
}

/** With the administrator `ada`. */
export async function openRest(raw: RawConfig = {}, overrides: ServerOverrides = {}): Promise<RestApp> {
  const installation = await makeInstallation();
  let server = await installation.serve(raw, overrides);
  const rest: RestApp = {
    get url() {
      return server.urls[0]!;
    },
    get app() {
      return server.app;
    },
    folder: installation.path,
    send: async (route, { headers = {}, body } = {}) => {
      const [method, path] = route.split(" ") as [string, string];
      const response = await fetch(rest.url + (path.startsWith("/api/") ? path : `/api/v1${path}`), {
        method,
        redirect: "manual",
        headers: { ...(body !== undefined && { "Content-Type": "application/json" }), ...headers },
        body: body === undefined || typeof body === "string" ? (body as string) : JSON.stringify(body),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, json: parsed(text) };
    },
    user: (username, roles) => server.app.users.create(SYSTEM, { username, roles, password: PASSWORD }),
    key: async (username, name, { roles = null } = {}) =>
      (await server.app.keys.create(SYSTEM, { name, username, roles })).secret.text,
    browser: async (username) => {
      const answer = await rest.send("POST /session", { body: { username, password: PASSWORD } });
      return { Cookie: answer.headers.get("set-cookie")!.split(";")[0]!, Origin: rest.url };
    },
    client: (key) => createClient({ url: rest.url, key }),
    restart: async () => {
      await server.close();
      server = await installation.serve(raw, overrides);
    },
    [Symbol.asyncDispose]: () => installation[Symbol.asyncDispose](),
  };
  await rest.user("ada", ["FULL_ADMIN"]);
  return rest;
}

export function bearer(key: string): Record<string, string> {
  return { Authorization: `Bearer ${key}` };
}

/** Waits until the condition holds; fails after ten seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await condition()) return;
    await Bun.sleep(20);
  }
  throw new Error("It did not happen within ten seconds");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
