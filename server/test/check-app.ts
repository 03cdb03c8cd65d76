/** A real server and plain requests to its checking endpoints. */
import { connect } from "node:net";
import type { App } from "../src/app.ts";
import type { RawConfig } from "../src/config.ts";
import type { KeyFields } from "../src/domain/key.ts";
import type { Server, ServerOverrides } from "../src/server.ts";
import { type Folder, makeInstallation, SYSTEM } from "./installation.ts";

export interface CheckApp extends AsyncDisposable {
  readonly url: string;
  readonly server: Server;
  readonly app: App;
  readonly folder: Folder;
  /** A new key of `ada`, who has the scopes `dns:*` and `web:read`, the roles of a holder, and the group `ops`. */
  key(name: string, fields?: KeyFields): Promise<{ id: number; text: string }>;
  auth(
    key: string | null,
    options?: { path?: string; headers?: Record<string, string>; method?: string },
  ): Promise<Response>;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of it is said by the test
  verify(body: unknown, headers?: Record<string, string>): Promise<any>;
}

export async function openCheck(raw: RawConfig = {}, overrides: ServerOverrides = {}): Promise<CheckApp> {
  const folder = await makeInstallation();
  const server = await folder.serve(raw, overrides);
  const url = server.urls[0]!;
  const { keys, groups, users } = server.app;
  await groups.create(SYSTEM, { name: "ops", roles: [], scopes: ["web:read"] });
  await users.create(SYSTEM, {
    username: "ada",
    fullName: "Ada Lövelace",
    email: "ada@example.org",
    roles: ["KEY_HOLDER"],
    scopes: ["dns:*"],
    groups: ["ops"],
  });
  return {
    url,
    server,
    app: server.app,
    folder,
    key: async (name, fields = {}) => {
      const { key, secret } = await keys.create(SYSTEM, { ...fields, name, username: "ada" });
      return { id: key.id, text: secret.text };
    },
    auth: (key, { path = "/auth", headers = {}, method = "GET" } = {}) =>
      fetch(url + path, {
        method,
        headers: { ...(key !== null && { Authorization: `Bearer ${key}` }), ...headers },
      }),
    verify: async (body, headers = {}) => {
      const response = await fetch(`${url}/api/v1/verify`, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      });
      return { status: response.status, headers: response.headers, ...((await response.json()) as object) };
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Lines exactly as they are, on a connection of their own. @returns all that was answered; nothing where that was none */
export function askRaw(url: string, lines: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ host: hostname, port: Number(port) }, () =>
      socket.write(Buffer.from(`${[...lines, "Connection: close"].join("\r\n")}\r\n\r\n`, "latin1")),
    );
    // The first page of a screen may have to be built.
    socket.setTimeout(60_000, () => socket.destroy());
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      // A WebSocket stays open.
      if (text.startsWith("HTTP/1.1 101")) socket.destroy();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
  });
}

export async function rawStatus(url: string, lines: readonly string[]): Promise<number> {
  return Number(/^HTTP\/1\.\d (\d{3})/.exec(await askRaw(url, lines))?.[1] ?? 0);
}
