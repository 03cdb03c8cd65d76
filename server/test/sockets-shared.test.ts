/** Places for sockets that have not signed in are shared among networks: full never means that nobody else gets in. */
import { expect, test } from "bun:test";
import {
  type Guest,
  Lobby,
  NETWORK_SOCKETS_MAX,
  SILENT_MS_MAX,
  SOCKETS_MAX,
} from "../src/http/jsonrpc/lobby.ts";
import { makeInstallation, movedClock, SYSTEM } from "./installation.ts";
import { frameOf, RawSocket } from "./raw-socket.ts";
import { until } from "./rest-app.ts";
import { RpcClient, withEnd } from "./rpc-client.ts";

const FULL = "Too many connections that have not signed in";

class SomeSocket implements Guest {
  closed: readonly [number, string] | undefined;

  close(code: number, reason: string): void {
    this.closed = [code, reason];
  }
}

function openLobby() {
  const lobby = new Lobby({ monotonic: () => 0 });
  const all: SomeSocket[] = [];
  const enter = (address: string | null): SomeSocket => {
    const socket = new SomeSocket();
    all.push(socket);
    lobby.enter(socket, address);
    return socket;
  };
  return {
    lobby,
    enter,
    open: () => all.filter(({ closed }) => !closed).length,
    leave: () => {
      for (const one of all) lobby.leave(one);
    },
  };
}

test("a network has so many places; one more takes that of its oldest, and of no other", () => {
  const { lobby, enter, open, leave } = openLobby();
  const other = enter("192.0.2.1");
  const first = enter("2001:db8::1");
  const second = enter("2001:db8::2");
  for (let at = 2; at < NETWORK_SOCKETS_MAX; at++) enter(`2001:db8::1:${at}`);
  expect(first.closed).toBeUndefined();
  enter("2001:db8::ffff");
  expect(first.closed).toEqual([1013, FULL]);
  expect([second.closed, other.closed]).toEqual([undefined, undefined]);
  lobby.leave(second);
  enter("2001:db8::3");
  expect(open()).toBe(NETWORK_SOCKETS_MAX + 2);
  leave();
});

test("where all places are taken, the oldest of the network that has most gives way", () => {
  const { enter, leave } = openLobby();
  const alone = enter("192.0.2.1");
  const [one, two] = [enter("192.0.2.2"), enter("192.0.2.2")];
  const crowd: SomeSocket[] = [];
  for (let network = 0; crowd.length < SOCKETS_MAX - 3; network++)
    for (let at = 0; at < NETWORK_SOCKETS_MAX && crowd.length < SOCKETS_MAX - 3; at++)
      crowd.push(enter(`10.0.0.${network}`));
  const late = Array.from({ length: 100 }, (_, at) => enter(`203.0.113.${at}`));
  expect([alone, one, two, ...late].map(({ closed }) => closed)).toEqual(Array(103).fill(undefined));
  expect(crowd.filter(({ closed }) => closed)).toHaveLength(100);
  expect(crowd[0]!.closed).toEqual([1013, FULL]);
  leave();
});

test("a thousand networks with one each: the very oldest gives way", () => {
  const { enter, open, leave } = openLobby();
  const first = enter("192.0.2.1");
  for (let at = 1; at < SOCKETS_MAX; at++) enter(`10.0.${at >> 8}.${at & 255}`);
  expect(first.closed).toBeUndefined();
  enter("203.0.113.1");
  expect(first.closed).toEqual([1013, FULL]);
  expect(open()).toBe(SOCKETS_MAX);
  leave();
});

test("on a unix socket only the sum counts", () => {
  const { enter, open, leave } = openLobby();
  for (let at = 0; at < 200; at++) enter(null);
  expect(open()).toBe(200);
  leave();
});

/** A server behind a proxy on this machine, which says where its clients come from. */
const PROXIED = { trustedProxy: ["127.0.0.1"] };
const from = (address: string) => ({ headers: { "X-Forwarded-For": address, "X-Forwarded-Proto": "https" } });

test("at a real server a thousand silent sockets of twenty networks shut nobody out", async () => {
  await using folder = await makeInstallation();
  const server = await folder.serve(PROXIED);
  const url = server.urls[0]!;
  await server.app.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
  const key = (await server.app.keys.create(SYSTEM, { name: "root", username: "root" })).secret.text;
  const silent: RpcClient[] = [];
  for (let network = 0; network < SOCKETS_MAX / NETWORK_SOCKETS_MAX; network++)
    silent.push(
      ...(await Promise.all(
        Array.from({ length: NETWORK_SOCKETS_MAX }, () =>
          RpcClient.connect(url, from(`198.51.100.${network}`)),
        ),
      )),
    );
  const late = await Promise.all(
    Array.from({ length: 10 }, (_, at) => RpcClient.connect(url, from(`203.0.113.${at}`))),
  );
  for (const rpc of late) await rpc.signIn("root", key);
  for (const rpc of late) expect((await rpc.call("core.ping")).result).toBe("pong");
  const gaveWay: unknown[] = [];
  for (const rpc of silent) void rpc.closed.then((why) => gaveWay.push(why)).catch(() => {});
  await until(() => gaveWay.length >= 10);
  expect(gaveWay).toEqual(Array(10).fill([1013, FULL]));
  // Having signed in, they hold no place: as many again get in without anybody's giving way.
  const again = await Promise.all(
    Array.from({ length: 10 }, (_, at) => RpcClient.connect(url, from(`203.0.113.${at + 100}`))),
  );
  for (const rpc of again) expect((await rpc.call("core.ping")).result).toBe("pong");
  expect(gaveWay).toHaveLength(10);
  for (const rpc of [...silent, ...late, ...again]) rpc.close();
});

test("a socket that signs out has a place again, and takes the oldest's where there is none", async () => {
  await using folder = await makeInstallation();
  const server = await folder.serve();
  const url = server.urls[0]!;
  await server.app.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
  const key = (await server.app.keys.create(SYSTEM, { name: "root", username: "root" })).secret.text;
  const rpc = await RpcClient.connect(url);
  await rpc.signIn("root", key);
  const others: RpcClient[] = [];
  for (let at = 0; at < NETWORK_SOCKETS_MAX; at++) others.push(await RpcClient.connect(url));
  expect(await rpc.result("auth.logout")).toBe(true);
  expect(await others[0]!.closed).toEqual([1013, FULL]);
  expect((await rpc.call("core.ping")).result).toBe("pong");
  expect((await others[1]!.call("core.ping")).result).toBe("pong");
});

test("a socket that has not signed in and is silent for 120 seconds is closed; one that pings in any way stays", async () => {
  await using folder = await makeInstallation();
  const clock = movedClock();
  const server = await folder.serve({}, { clock });
  const url = server.urls[0]!;
  await server.app.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
  const key = (await server.app.keys.create(SYSTEM, { name: "root", username: "root" })).secret.text;
  const [silent, caller, signedIn] = await Promise.all([0, 1, 2].map(() => RpcClient.connect(url)));
  const pinger = await RawSocket.open(url);
  await signedIn!.signIn("root", key);
  await silent!.call("core.ping");
  clock.advance(SILENT_MS_MAX - 1_000);
  await caller!.call("core.set_options", {});
  pinger.socket.write(frameOf("", 9));
  // Its answer to the ping says that the server has heard it.
  await pinger.until((text) => text.includes("\x8a\x00"));
  clock.advance(2_000);
  expect(await silent!.closed).toEqual([1008, "Not signed in, and silent for 120 seconds"]);
  for (const rpc of [caller!, signedIn!]) expect((await rpc.call("core.ping")).result).toBe("pong");
  let isGone = false;
  void pinger.gone.then(() => {
    isGone = true;
  });
  clock.advance(SILENT_MS_MAX);
  await withEnd(pinger.gone, "the socket that pinged long ago is still open");
  expect(isGone).toBe(true);
  // Whoever signed in may be silent for as long as they like.
  expect((await signedIn!.call("core.ping")).result).toBe("pong");
});
