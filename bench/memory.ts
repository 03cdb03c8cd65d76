/** What long lists cost in memory: of 10 000 audit records, five and ten at once, by sockets of one auditor, beside an idle server. */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { install } from "./installation.ts";
import { connectRpc, dropFolder, makeFolder, type RpcConnection, startNode } from "./node.ts";
import { figure, table } from "./results.ts";

const RECORDS = 10_000;
/** As a refused call with a long parameter is recorded. */
const PARAM_CHARS = 2_000;
const AT_ONCE = [5, 10];
const LOOK_EVERY_MS = 10;
const FILL = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${RECORDS})
  INSERT INTO records (id, at, event, action, description, door, details, success)
  SELECT printf('%08d-0000-4000-8000-000000000000', i), ?, 'METHOD_CALL', 'bench', 'bench', 'rest',
    json_object('call', json_object('method', 'bench', 'params', json_array(hex(zeroblob(${PARAM_CHARS / 2}))))), 1 FROM n`;

export async function run(): Promise<string> {
  const rows: string[][] = [];
  for (const atOnce of AT_ONCE) {
    const { idle, most } = await measure(atOnce);
    rows.push([
      `audit.query of ${figure(RECORDS, "records")}, ${atOnce} at once, most resident`,
      figure(most / 2 ** 20, "MiB"),
      "no more for twice as many",
      `idle with the sockets open, ${figure(idle / 2 ** 20, "MiB")}`,
    ]);
  }
  return table(["what", "measured", "aim", "beside it"], rows);
}

async function measure(atOnce: number): Promise<{ idle: number; most: number }> {
  const folder = makeFolder();
  try {
    const key = await install(folder);
    {
      using database = new Database(join(folder, "activity.db"));
      database.run(FILL, [Date.now()]);
    }
    const node = await startNode(folder);
    try {
      const clients = await Promise.all(Array.from({ length: atOnce }, () => signedIn(node.url, key)));
      const idle = node.residentBytes();
      let most = idle;
      const look = setInterval(() => {
        most = Math.max(most, node.residentBytes());
      }, LOOK_EVERY_MS);
      const lists = await Promise.all(clients.map((client) => client.call("audit.query", [{}])));
      clearInterval(look);
      const entries = lists.map((list) => (list as unknown[]).length);
      if (entries.some((count) => count !== RECORDS))
        throw new Error(`not all records: ${entries.join(", ")}`);
      for (const client of clients) client.close();
      return { idle, most };
    } finally {
      await node.stop();
    }
  } finally {
    dropFolder(folder);
  }
}

async function signedIn(url: string, key: string): Promise<RpcConnection> {
  const client = await connectRpc(url);
  await client.call("auth.login_with_api_key", [key]);
  return client;
}
