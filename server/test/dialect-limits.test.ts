import { expect, test } from "bun:test";
import { join } from "node:path";
import { createJsonRpc, type RpcPeer, type SocketData } from "../src/http/jsonrpc/upgrade.ts";
import { createLog } from "../src/log.ts";
import type { Server } from "../src/server.ts";
import { makeInstallation, movedClock, SYSTEM } from "./installation.ts";
import { frameOf, RawSocket } from "./raw-socket.ts";
import { type RpcAnswer, RpcClient, withEnd } from "./rpc-client.ts";

async function makeKey(server: Server, username = "root"): Promise<string> {
  await server.app.users.create(SYSTEM, { username, roles: ["FULL_ADMIN"] });
  return (await server.app.keys.create(SYSTEM, { name: username, username })).secret.text;
}

function urlOf(server: Server): string {
  return server.urls[0]!;
}

const TOO_OFTEN = {
  error: 16,
  errname: "EBUSY",
  reason: "[EBUSY] Rate Limit Exceeded",
  trace: null,
  extra: null,
};

test("ten calls run, ten wait, and more are refused without harm to the others", async () => {
  await using folder = await makeInstallation();
  const server = await folder.serve();
  const key = await makeKey(server);
  const rpc = await RpcClient.connect(urlOf(server));
  await rpc.signIn("root", key);
  const calls = Array.from({ length: 30 }, (_, at) =>
    rpc.call("api_key.create", { name: `key ${at}`, username: "root" }),
  );
  const answers = await Promise.all(calls);
  const refused = answers.filter(({ error }) => error);
  expect(refused.length).toBeGreaterThan(0);
  for (const { error } of refused) {
    expect(error).toEqual({ code: -32000, message: "Maximum number of concurrent calls (20) has exceeded" });
  }
  expect(await rpc.result<number>("api_key.query", [["name", "^", "key "]], { count: true })).toBe(
    30 - refused.length,
  );
});

test("calls without a session are counted for method and address, core.set_options is not", async () => {
  await using folder = await makeInstallation();
  const clock = movedClock();
  const server = await folder.serve({ anonymousRate: "20" }, { clock });
  const key = await makeKey(server);
  const rpc = await RpcClient.connect(urlOf(server));
  for (let at = 0; at < 20; at++) expect((await rpc.call("core.ping")).result).toBe("pong");
  expect((await rpc.call("core.ping")).error).toEqual({
    code: -32001,
    message: "Method call error",
    data: TOO_OFTEN,
  } as never);
  const other = await RpcClient.connect(urlOf(server));
  expect((await other.call("core.ping")).error?.data?.error).toBe(16);
  for (let at = 0; at < 30; at++) expect((await rpc.call("core.set_options", {})).error).toBeUndefined();
  expect((await rpc.call("core.subscribe", "core.get_jobs")).error?.data?.error).toBe(207);
  await rpc.signIn("root", key);
  expect((await rpc.call("core.ping")).result).toBe("pong");
  clock.advance(60_000);
  expect((await other.call("core.ping")).result).toBe("pong");
});

test("a unix socket is not counted", async () => {
  await using folder = await makeInstallation();
  const server = await folder.serve({ anonymousRate: "1", http: `unix:${join(folder.path, "s.sock")}` });
  const raw = await RawSocket.open(urlOf(server));
  for (let id = 1; id <= 5; id++) raw.call(id, "core.ping");
  const text = await raw.until((received) => received.includes('"id":5'));
  expect(text.match(/"pong"/g)).toHaveLength(5);
  raw.socket.destroy();
});

test("fifty sockets without a session may be open from one address, the oldest gives way, and signing in makes room", async () => {
  await using folder = await makeInstallation();
  const server = await folder.serve();
  const key = await makeKey(server);
  const sockets: RpcClient[] = [];
  for (let at = 0; at < 50; at++) sockets.push(await RpcClient.connect(urlOf(server)));
  await sockets[0]!.signIn("root", key);
  const late = await RpcClient.connect(urlOf(server));
  for (const rpc of [...sockets, late]) expect((await rpc.call("core.ping")).result).toBe("pong");
  const later = await RpcClient.connect(urlOf(server));
  expect(await sockets[1]!.closed).toEqual([1013, "Too many connections that have not signed in"]);
  for (const rpc of [sockets[0]!, sockets[2]!, late, later])
    expect((await rpc.call("core.ping")).result).toBe("pong");
});

test("a client that does not read is disconnected, and others are served meanwhile", async () => {
  await using folder = await makeInstallation();
  const server = await folder.serve();
  const key = await makeKey(server);
  const raw = await RawSocket.open(urlOf(server));
  raw.call(1, "auth.login_with_api_key", key);
  await raw.until((text) => text.includes('"result":true'));
  raw.socket.pause();
  const frames = Buffer.concat(
    Array.from({ length: 200 }, (_, id) =>
      frameOf(JSON.stringify({ jsonrpc: "2.0", id, method: "core.get_methods", params: [] })),
    ),
  );
  let isGone = false;
  void raw.gone.then(() => {
    isGone = true;
  });
  const flood = async (): Promise<void> => {
    while (!isGone) {
      raw.socket.write(frames);
      await Bun.sleep(1);
    }
  };
  const other = await RpcClient.connect(urlOf(server));
  await withEnd(Promise.race([flood(), raw.gone]), "the client is still connected", 30_000);
  expect((await other.call("core.ping")).result).toBe("pong");
}, 40_000);

test("a frame of 10 MB closes with 1009, half a frame harms nobody", async () => {
  await using folder = await makeInstallation();
  const server = await folder.serve();
  const big = await RpcClient.connect(urlOf(server));
  big.sendText("x".repeat(10_000_000));
  expect((await big.closed)[0]).toBe(1009);
  const half = await RawSocket.open(urlOf(server));
  half.socket.write(frameOf("x".repeat(5_000)).subarray(0, 2_000));
  half.socket.destroy();
  const rpc = await RpcClient.connect(urlOf(server));
  expect((await rpc.call("core.ping")).result).toBe("pong");
});

test("characters are counted, not bytes or halves of them", async () => {
  await using folder = await makeInstallation();
  const server = await folder.serve();
  const rpc = await RpcClient.connect(urlOf(server));
  const frame = (characters: number): string => {
    const head = '{"jsonrpc":"2.0","id":1,"method":"core.ping","pad":"';
    return `${head}${"\u{1f511}".repeat(characters - head.length - 2)}"}`;
  };
  rpc.sendText(frame(8_192));
  expect((await rpc.take(({ id }) => id === 1)).result).toBe("pong");
  rpc.sendText(frame(8_193));
  expect((await rpc.closed)[0]).toBe(1007);
  const signedIn = await RpcClient.connect(urlOf(server));
  await signedIn.signIn("root", await makeKey(server));
  signedIn.sendText(frame(65_536));
  expect((await signedIn.take(({ id }) => id === 1)).result).toBe("pong");
  signedIn.sendText(frame(65_537));
  expect((await signedIn.closed)[0]).toBe(1009);
});

test("pages of foreign origins may not connect unless they are allowed", async () => {
  await using folder = await makeInstallation();
  const server = await folder.serve({ allowOrigin: ["https://friend.example"] });
  const connect = (Origin: string) => RpcClient.connect(urlOf(server), { headers: { Origin } });
  expect(connect("https://evil.example")).rejects.toThrow();
  expect(connect("null")).rejects.toThrow();
  for (const origin of ["https://friend.example", urlOf(server)]) {
    expect((await (await connect(origin)).call("core.ping")).result).toBe("pong");
  }
});

test("a failure that nobody foresaw tells a request id and nothing else; the log has the cause", async () => {
  await using folder = await makeInstallation();
  const lines: string[] = [];
  const server = await folder.serve({}, { log: createLog("error", "json", (line) => lines.push(line)) });
  const key = await makeKey(server);
  const rpc = await RpcClient.connect(urlOf(server));
  await rpc.signIn("root", key);
  server.app.store.listGroups = async () => {
    throw new TypeError("secret detail");
  };
  const { error }: RpcAnswer = await rpc.call("user.query");
  expect(error?.code).toBe(-32001);
  const [, requestId] = /^Internal error \(request ([0-9a-f-]{36})\)$/.exec(error?.data?.reason ?? "") ?? [];
  expect(requestId).toBeString();
  expect(error?.data).toEqual({
    error: 22,
    errname: "EINVAL",
    reason: error!.data!.reason,
    trace: null,
    extra: null,
  } as never);
  const line = lines.find((one) => one.includes(requestId!));
  expect(line).toContain("secret detail");
  expect((await rpc.call("core.ping")).result).toBe("pong");
});

test("a result that is no JSON is told as such", async () => {
  await using folder = await makeInstallation();
  const server = await folder.serve();
  const rpc = await RpcClient.connect(urlOf(server));
  await rpc.signIn("root", await makeKey(server));
  const profile = async () => ({ username: "root", fullName: "", attributes: { big: 1n } });
  Object.assign(server.app.users, { profile });
  const { error } = await rpc.call("auth.me");
  expect(error).toMatchObject({ code: -32603, message: "Failed to JSON serialize server message" });
  expect(error?.data).toMatchObject({ error: 22, errname: "EINVAL", trace: null, extra: null });
  expect(error?.data?.reason).toStartWith("Internal error (request ");
  expect((await rpc.call("core.ping")).result).toBe("pong");
});

test("a bug in what handles a message closes the socket with 1011", async () => {
  const findMethod = (): never => {
    throw new TypeError("a bug");
  };
  const api = { versions: ["v27.0.0"], findMethod, describe: () => ({ code: -32603, message: "" }) as const };
  const clock = movedClock();
  const sessions = {} as never;
  const rpc = createJsonRpc({ api, sessions, clock, log: createLog("error", "text", () => {}), ...OPEN });
  using listener = Bun.serve<SocketData>({
    port: 0,
    fetch: (req, server) => {
      const outcome = rpc.upgrade(req, server, PEER);
      return outcome === "upgraded" ? undefined : (outcome as Response | undefined);
    },
    websocket: rpc.websocket,
  });
  const client = await RpcClient.connect(`http://127.0.0.1:${listener.port}`);
  client.sendText('{"jsonrpc":"2.0","id":1,"method":"core.ping"}');
  expect(await client.closed).toEqual([1011, "Internal error"]);
});

const none = () => undefined;
const OPEN = { allowOrigins: [], anonymousRate: 0, refuseClear: none, refuseShown: none } as const;
const PEER: RpcPeer = {
  origin: {
    door: "websocket",
    address: "127.0.0.1",
    port: 1,
    transport: "secure",
    client: null,
    sessionId: null,
  },
  tls: false,
  binding: undefined,
  unix: false,
  ownOrigins: [],
  proxied: false,
};
