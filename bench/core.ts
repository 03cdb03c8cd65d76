/** Sign-in, lists, making keys, and the start of a large installation, each beside its yardstick. */
import { pbkdf2Sync } from "node:crypto";
import { fill, install } from "./installation.ts";
import { connectRpc, dropFolder, makeFolder, type Node, type RpcConnection, startNode } from "./node.ts";
import { figure, median, quantile, table } from "./results.ts";

const SOCKETS = 16;
const SIGN_IN_MS = 5_000;
const LIST_RUNS = 200;
const SEARCH_RUNS = 20;
const LISTED_KEYS = 100_000;
const MANY_KEYS = 1_000_000;
const INDEXED = ["id", "name", "username", "created_at", "expires_at"];

type Row = readonly [what: string, measured: string, aim: string, yardstick: string];

/** @returns a table for RESULTS.md */
export async function run(): Promise<string> {
  const rows: Row[] = [];
  const folder = makeFolder();
  try {
    const key = await install(folder);
    await fill(folder, LISTED_KEYS);
    const node = await startNode(folder);
    try {
      rows.push(...(await signIns(node, key)), ...(await lists(node, key)), ...(await making(node, key)));
    } finally {
      await node.stop();
    }
  } finally {
    dropFolder(folder);
  }
  rows.push(...(await largeStart()));
  return table(["what", "measured", "aim", "beside it"], rows);
}

async function signIns(node: Node, key: string): Promise<Row[]> {
  const login = { mechanism: "API_KEY_PLAIN", username: "root", api_key: key };
  const clients = await Promise.all(Array.from({ length: SOCKETS }, () => connectRpc(node.url)));
  const until = performance.now() + SIGN_IN_MS;
  const began = performance.now();
  const counts = await Promise.all(
    clients.map(async (client) => {
      let count = 0;
      for (; performance.now() < until; count++) {
        const result = (await client.call("auth.login_ex", [login])) as { response_type: string };
        if (result.response_type !== "SUCCESS") throw new Error(JSON.stringify(result));
      }
      return count;
    }),
  );
  const perSecond = counts.reduce((sum, count) => sum + count, 0) / ((performance.now() - began) / 1000);
  for (const client of clients) client.close();
  const rounds = Array.from({ length: 5 }, () =>
    timed(() => pbkdf2Sync("x".repeat(64), "salt".repeat(4), 500_000, 64, "sha512")),
  );
  const yardstick = `one PBKDF2-SHA-512 of 500 000 rounds, ${figure(median(rounds), "ms")}: ${figure(1000 / median(rounds), "/s")}, ratio ${figure(perSecond / (1000 / median(rounds)), "x")}`;
  return [["sign-in by PLAIN key, audited, 16 open sockets", figure(perSecond, "/s"), "2 000 /s", yardstick]];
}

async function signedIn(node: Node, key: string): Promise<RpcConnection> {
  const client = await connectRpc(node.url);
  await client.call("auth.login_ex", [{ mechanism: "API_KEY_PLAIN", username: "root", api_key: key }]);
  return client;
}

async function lists(node: Node, key: string): Promise<Row[]> {
  const client = await signedIn(node, key);
  const pings = await times(LIST_RUNS, () => client.call("core.ping", []));
  const beside = `core.ping on the same socket, ${figure(median(pings), "ms")}`;
  const rows: Row[] = [];
  const page = async (
    what: string,
    filters: unknown[],
    order: string,
    aim = "median 5 ms, p99 20 ms",
  ): Promise<void> => {
    let turn = 0;
    const query = () =>
      client.call("api_key.query", [filters, { limit: 50, offset: (turn++ % 20) * 50, order_by: [order] }]);
    rows.push([`page of 50 of 100 000 keys, ${what}`, spread(await times(LIST_RUNS, query)), aim, beside]);
  };
  for (const field of INDEXED) {
    await page(`ordered by ${field}`, [], field);
    await page(`ordered by -${field}`, [], `-${field}`);
  }
  await page("one owner, by name", [["username", "=", "owner-7"]], "name");
  await page("names that begin with ci-", [["name", "^", "ci-"]], "name");
  const search = (pattern: string) => () =>
    client.call("api_key.query", [
      [
        [
          "OR",
          [
            ["name", "~", pattern],
            ["username", "~", pattern],
          ],
        ],
      ],
      { limit: 50 },
    ]);
  for (const pattern of ["(?i).*ff00.*", "(?i).*never-there.*"]) {
    rows.push([
      `search by ~ ${pattern}`,
      spread(await times(SEARCH_RUNS, search(pattern))),
      "200 ms",
      beside,
    ]);
  }
  client.close();
  return rows;
}

async function making(node: Node, key: string): Promise<Row[]> {
  const [maker, checker] = await Promise.all([signedIn(node, key), connectRpc(node.url)]);
  const login = { mechanism: "API_KEY_PLAIN", username: "root", api_key: key };
  const check = () => checker.call("auth.login_ex", [login]);
  const alone = await times(LIST_RUNS, check);
  let isDone = false;
  const made = times(100, (run) =>
    maker.call("api_key.create", [{ name: `made-${run}`, username: "maker" }]),
  ).finally(() => {
    isDone = true;
  });
  const beside: number[] = [];
  while (!isDone) beside.push(...(await times(1, check)));
  const rounds = Array.from({ length: 9 }, () =>
    timed(() => pbkdf2Sync("x".repeat(64), "salt".repeat(4), 50_000, 64, "sha512")),
  );
  maker.close();
  checker.close();
  return [
    [
      "making a key",
      spread(await made),
      "one PBKDF2 of 50 000 rounds",
      `that PBKDF2, ${figure(median(rounds), "ms")}`,
    ],
    [
      "a check while keys are made",
      spread(beside),
      "keeps its p99",
      `the same check alone, ${spread(alone)}`,
    ],
  ];
}

async function largeStart(): Promise<Row[]> {
  const folder = makeFolder();
  try {
    await install(folder);
    const empty = await startNode(folder);
    const emptyBytes = empty.residentBytes();
    await empty.stop();
    await fill(folder, MANY_KEYS);
    const starts: number[] = [];
    const sizes: number[] = [];
    for (let run = 0; run < 5; run++) {
      const node = await startNode(folder);
      starts.push(node.readyMs);
      sizes.push(node.residentBytes());
      await node.stop();
    }
    const mebibytes = (bytes: number): string => figure(bytes / 2 ** 20, "MiB");
    return [
      [
        "start with 1 000 000 keys until ready",
        figure(median(starts), "ms"),
        "1 s",
        `with one key, ${figure(empty.readyMs, "ms")}`,
      ],
      ["resident then", mebibytes(median(sizes)), "150 MB", `with one key, ${mebibytes(emptyBytes)}`],
    ];
  } finally {
    dropFolder(folder);
  }
}

function spread(values: readonly number[]): string {
  return `median ${figure(median(values), "ms")}, p99 ${figure(quantile(values, 0.99), "ms")}`;
}

async function times(count: number, work: (run: number) => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  for (let run = 0; run < count; run++) {
    const began = performance.now();
    await work(run);
    taken.push(performance.now() - began);
  }
  return taken;
}

function timed(work: () => void): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}
