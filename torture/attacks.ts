/**
 * What is done to the server. Each attack goes on until it is told to stop, at a rate that one machine of a stranger manages and
 * this machine can make beside the server; addresses of many networks come by the header of a proxy that is trusted.
 */
import type { Credentials } from "./target.ts";

export type Attack = (at: Credentials, stop: AbortSignal) => Promise<void>;

const TICK_MS = 20;
const LONG_NAME = "n".repeat(3_500);
const UNICODE = `(?i)${"\\pL".repeat(30)}`;
const REPEATED = "x{1000}".repeat(36);

export const ATTACKS: Readonly<Record<string, Attack>> = {
  "patterns of strangers on older versions": (at, stop) => {
    const versions = ["v25.04.0", "v25.10.0", "v26.0.0"];
    const heavy = Array.from({ length: 30 }, () => ["name", "~", UNICODE]);
    const sent = [{ filters: heavy }, { filters: [["name", "~", REPEATED]] }];
    return flood(at, stop, {
      sockets: 10,
      perSecond: 100,
      version: (socket) => versions[socket % versions.length]!,
      frame: (turn) => ["api_key.query", [sent[turn % 2]!.filters]],
    });
  },
  "calls of strangers by JSON-RPC": (at, stop) =>
    flood(at, stop, {
      sockets: 10,
      perSecond: 2_000,
      frame: (turn) => ["api_key.create", [{ name: `${turn}${LONG_NAME}`, username: "honest" }]],
    }),
  "credentials of strangers at REST": (at, stop) =>
    repeat(stop, 300, (turn) =>
      fetch(`${at.url}/api/v1/keys`, { headers: { ...from(turn), Authorization: "Bearer x" }, signal: stop }),
    ),
  "counters of 112 networks": (at, stop) =>
    flood(at, stop, {
      sockets: 112,
      perSecond: 500,
      frame: (turn) => [turn % 2 === 0 ? "core.ping" : "auth.mechanism_choices", []],
    }),
  "1 000 idle sockets": async (at, stop) => {
    const sockets = await openSockets(at, 1_000, { networks: 20 });
    await ended(stop);
    for (const socket of sockets) socket.close();
  },
  "guesses at a password": (at, stop) =>
    repeat(stop, 20, (turn) =>
      fetch(`${at.url}/api/v1/session`, {
        method: "POST",
        headers: { ...from(turn), "Content-Type": "application/json" },
        body: JSON.stringify({ username: "honest", password: `a wrong guess ${turn}` }),
        signal: stop,
      }),
    ),
  "searches of one user": (at, stop) =>
    crowd(stop, 10, (turn) => {
      const filter = encodeURIComponent(JSON.stringify([["description", "~", `.*(a|b|c)+ never ${turn}$`]]));
      return fetch(`${at.url}/api/v1/audit?filter=${filter}`, { headers: insider(at), signal: stop });
    }),
  "JSON of 6 000 members": (at, stop) => {
    const body = JSON.stringify(Object.fromEntries(Array.from({ length: 6_000 }, (_, i) => [`m${i}`, 0])));
    const headers = { ...insider(at), "Content-Type": "application/json" };
    return repeat(stop, 300, () =>
      fetch(`${at.url}/api/v1/keys`, { method: "POST", headers, body, signal: stop }),
    );
  },
  "derivations of one user": (at, stop) => {
    const headers = { ...insider(at), "Content-Type": "application/json" };
    return repeat(stop, 45, () =>
      fetch(`${at.url}/api/v1/keys/scram`, {
        method: "POST",
        headers,
        body: JSON.stringify({ key: at.insiderKey }),
        signal: stop,
      }),
    );
  },
  "the whole audit log, ten at a time": async (at, stop) => {
    const sockets = await openSockets(at, 10, { networks: 1 });
    await Promise.all(sockets.map((socket) => ask(socket, "auth.login_with_api_key", [at.insiderKey])));
    const again = async (socket: WebSocket): Promise<void> => {
      while (!stop.aborted) await Promise.race([ask(socket, "audit.query", [{}]), ended(stop)]);
    };
    await Promise.all(sockets.map(again));
    for (const socket of sockets) socket.close();
  },
};

/** Of a network for each turn. */
function from(turn: number): Record<string, string> {
  return { "X-Forwarded-For": `10.${(turn >> 8) & 255}.${turn & 255}.7`, "X-Forwarded-Proto": "https" };
}

function insider({ insiderKey }: Credentials): Record<string, string> {
  return { ...from(65_535), Authorization: `Bearer ${insiderKey}` };
}

interface Flood {
  readonly sockets: number;
  readonly perSecond: number;
  readonly version?: (socket: number) => string;
  frame(turn: number): readonly [string, readonly unknown[]];
}

/** Answers are not waited for. Sockets that were closed are opened again. */
async function flood(at: Credentials, stop: AbortSignal, wanted: Flood): Promise<void> {
  const open = (place: number) => openSocket(at, place, wanted.version?.(place));
  const sockets = await Promise.all(Array.from({ length: wanted.sockets }, (_, place) => open(place)));
  await paced(stop, wanted.perSecond, (turn) => {
    const place = turn % sockets.length;
    const socket = sockets[place];
    const [method, params] = wanted.frame(turn);
    if (socket?.readyState === WebSocket.OPEN)
      socket.send(JSON.stringify({ jsonrpc: "2.0", id: turn, method, params }));
    else if (socket) {
      sockets[place] = undefined;
      void open(place).then((opened) => {
        sockets[place] = opened;
      });
    }
  });
  for (const socket of sockets) socket?.close();
}

async function openSockets(
  at: Credentials,
  count: number,
  { networks }: { readonly networks: number },
): Promise<WebSocket[]> {
  const opened: WebSocket[] = [];
  for (let place = 0; place < count; place += 50) {
    const some = Array.from({ length: Math.min(50, count - place) }, (_, more) =>
      openSocket(at, (place + more) % networks),
    );
    for (const socket of await Promise.all(some)) if (socket) opened.push(socket);
  }
  return opened;
}

/** undefined: it was refused. */
function openSocket(at: Credentials, network: number, version = "current"): Promise<WebSocket | undefined> {
  const options = { headers: from(network) };
  const socket = new WebSocket(
    `${at.url.replace("http", "ws")}/api/${version}`,
    options as unknown as string[],
  );
  return new Promise((resolve) => {
    socket.onopen = () => resolve(socket);
    socket.onerror = () => resolve(undefined);
    socket.onclose = () => resolve(undefined);
  });
}

function ask(socket: WebSocket, method: string, params: readonly unknown[]): Promise<void> {
  return new Promise((resolve) => {
    socket.onmessage = () => resolve();
    socket.onclose = () => resolve();
    if (socket.readyState !== WebSocket.OPEN) resolve();
    else socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
  });
}

/** So often, whatever becomes of it. */
async function repeat(
  stop: AbortSignal,
  perSecond: number,
  one: (turn: number) => Promise<Response>,
): Promise<void> {
  await paced(stop, perSecond, (turn) => {
    void one(turn)
      .then((answer) => answer.arrayBuffer())
      .catch(() => {});
  });
}

/** So many at once, each again as soon as it is answered. */
async function crowd(
  stop: AbortSignal,
  count: number,
  one: (turn: number) => Promise<Response>,
): Promise<void> {
  const again = async (place: number): Promise<void> => {
    for (let turn = place; !stop.aborted; turn += count)
      await one(turn)
        .then((answer) => answer.arrayBuffer())
        .catch(() => {});
  };
  await Promise.all(Array.from({ length: count }, (_, place) => again(place)));
}

async function paced(stop: AbortSignal, perSecond: number, act: (turn: number) => void): Promise<void> {
  const began = performance.now();
  for (let turn = 0; !stop.aborted; await Bun.sleep(TICK_MS)) {
    const due = Math.floor(((performance.now() - began) * perSecond) / 1_000);
    // What is missed is not made up for in one go.
    turn = Math.max(turn, due - perSecond / 5);
    for (; turn < due; turn++) act(Math.floor(turn));
  }
}

function ended(stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener("abort", () => resolve());
  });
}
