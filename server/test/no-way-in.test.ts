/**
 * Whoever has no way in, by password or key, is not in: no session is left of them, at any process. So what a key that is held
 * to limits may give to such a user is given to nobody (`minting.ts`).
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { User } from "../src/domain/user.ts";
import type { Server } from "../src/server.ts";
import { type Folder, makeInstallation, PASSWORD, SYSTEM } from "./installation.ts";
import { RpcClient } from "./rpc-client.ts";

let folder: Folder;
let servers: readonly [Server, Server];
let turn = 0;
beforeAll(async () => {
  folder = await makeInstallation();
  servers = [await folder.serve(), await folder.serve()];
  await servers[0].app.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
}, 60_000);
afterAll(() => folder[Symbol.asyncDispose](), 60_000);

interface Somebody extends User {
  /** Of a browser: it may take the password away itself. */
  readonly browser: Record<string, string>;
  readonly sockets: readonly RpcClient[];
}

async function send(route: string, headers: Record<string, string>, body?: object) {
  const [method, path] = route.split(" ") as [string, string];
  const response = await fetch(`${servers[0].urls[0]}/api/v1${path}`, {
    method,
    headers: { "Content-Type": "application/json", Origin: servers[0].urls[0]!, ...headers },
    body: body && JSON.stringify(body),
  });
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of it is said by the test
  const json = (await response.json()) as any;
  return { status: response.status, json, cookie: response.headers.get("set-cookie")?.split(";")[0] ?? "" };
}

/** Signed in by browser, by password at both processes, and by a token. */
async function somebody(): Promise<Somebody> {
  const username = `somebody${++turn}`;
  const user = await servers[0].app.users.create(SYSTEM, {
    username,
    roles: ["KEY_HOLDER"],
    password: PASSWORD,
  });
  const { cookie } = await send("POST /session", {}, { username, password: PASSWORD });
  const sockets = [];
  for (const { urls } of servers) {
    const socket = await RpcClient.connect(urls[0]!);
    expect(await socket.result<boolean>("auth.login", username, PASSWORD)).toBe(true);
    sockets.push(socket);
  }
  const byToken = await RpcClient.connect(servers[1].urls[0]!);
  const token = await sockets[0]!.result<string>("auth.generate_token", 600, {}, true, true);
  expect(await byToken.result<boolean>("auth.login_with_token", token)).toBe(true);
  return { ...user, browser: { Cookie: cookie }, sockets: [...sockets, byToken] };
}

const users = () => servers[0].app.users;
const WAYS: Readonly<Record<string, (one: Somebody) => Promise<unknown>>> = {
  "they took their password away themselves": ({ username, browser }) =>
    send(`PUT /users/${username}/password`, browser, { password: null, current_password: PASSWORD }),
  "somebody else took it away": ({ id }) => users().update(SYSTEM, id, { passwordDisabled: true }),
  "it went with another change": ({ id }) =>
    users().update(SYSTEM, id, { passwordDisabled: true, fullName: "Other" }),
};

describe("nobody is in who has no way in:", () => {
  test.each(Object.entries(WAYS))("%s", async (_words, take) => {
    const one = await somebody();
    await take(one);
    const now = await users().get(SYSTEM, { id: one.id });
    expect([now.hasPassword, now.keyIds]).toEqual([false, []]);
    for (const socket of one.sockets) expect(await socket.closed).toEqual([1000, "Session ended"]);
    expect((await send("GET /session", one.browser)).json.user).toBeNull();
    const { keys } = servers[0].app;
    const { secret } = await keys.create(SYSTEM, {
      name: `held ${turn}`,
      username: "root",
      allowedIps: ["127.0.0.0/8"],
    });
    const held = { Authorization: `Bearer ${secret.text}` };
    const given = await send(`PATCH /users/${one.username}`, held, { roles: ["FULL_ADMIN"] });
    expect(given.status).toBe(200);
    const late = await send("POST /keys", one.browser, { name: `late ${turn}`, username: one.username });
    expect(late.status).toBe(401);
  });
});
