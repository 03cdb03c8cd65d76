/** Honest people beside an attack, from networks of their own: checks all the time, and one after the other what else they do. */
import type { Credentials } from "./target.ts";

const CHECK_EVERY_MS = 10;
/** Nobody waits longer than this: then they were shut out. */
const WAIT_MS = 15_000;

export interface BystanderCounts {
  /** Milliseconds of each check at `/auth`. */
  readonly checks: number[];
  readonly allowed: number;
  /** What was refused, and how. */
  readonly refused: string[];
}

type Deed = (at: Credentials) => Promise<unknown>;

const DEEDS: Readonly<Record<string, Deed>> = {
  "sign in by password": async (at) => {
    const answer = await fetch(`${at.url}/api/v1/session`, {
      method: "POST",
      headers: { ...HOME, "Content-Type": "application/json" },
      body: JSON.stringify({ username: "honest", password: at.password }),
      signal: AbortSignal.timeout(WAIT_MS),
    });
    return expectOk(answer);
  },
  "list one's keys": async (at) =>
    expectOk(
      await fetch(`${at.url}/api/v1/keys`, { headers: withKey(at), signal: AbortSignal.timeout(WAIT_MS) }),
    ),
  "sign in by JSON-RPC and list": async (at) => {
    const options = { headers: HOME };
    const socket = new WebSocket(
      `${at.url.replace("http", "ws")}/api/current`,
      options as unknown as string[],
    );
    try {
      await new Promise<void>((resolve, reject) => {
        const late = setTimeout(() => reject(new Error("no answer")), WAIT_MS);
        const steps = [
          { id: 1, method: "core.ping", params: [] },
          { id: 2, method: "auth.login_with_api_key", params: [at.key] },
          { id: 3, method: "api_key.query", params: [[], { limit: 10 }] },
        ];
        const next = (): void => {
          const step = steps.shift();
          if (step) socket.send(JSON.stringify({ jsonrpc: "2.0", ...step }));
          else {
            clearTimeout(late);
            resolve();
          }
        };
        socket.onopen = next;
        socket.onmessage = ({ data }) => {
          const { error, result } = JSON.parse(String(data));
          if (error || result === false) reject(new Error(error?.data?.reason ?? "not signed in"));
          else next();
        };
        socket.onclose = ({ reason }) => reject(new Error(`closed: ${reason}`));
        socket.onerror = () => reject(new Error("refused"));
      });
    } finally {
      socket.close();
    }
  },
};

const HOME = { "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https" };

function withKey({ key }: Credentials): Record<string, string> {
  return { ...HOME, Authorization: `Bearer ${key}` };
}

async function expectOk(answer: Response): Promise<void> {
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status} ${text.slice(0, 200)}`);
}

/** Each deed at least once, and for at least so long. */
export async function watch(at: Credentials, ms: number): Promise<BystanderCounts> {
  const seen = { checks: [] as number[], allowed: 0, refused: [] as string[] };
  const note = async (name: string, deed: Deed): Promise<void> => {
    try {
      await deed(at);
      seen.allowed++;
    } catch (error) {
      seen.refused.push(`${name}: ${(error as Error).message}`);
    }
  };
  let isOver = false;
  const waiting = new Set<Promise<void>>();
  const check: Deed = async () => {
    const began = performance.now();
    const signal = AbortSignal.timeout(WAIT_MS);
    await expectOk(await fetch(`${at.url}/auth`, { headers: withKey(at), signal }));
    seen.checks.push(performance.now() - began);
  };
  const checks = async (): Promise<void> => {
    for (; !isOver; await Bun.sleep(CHECK_EVERY_MS)) {
      const one = note("check", check).finally(() => waiting.delete(one));
      waiting.add(one);
    }
  };
  const checking = checks();
  const until = performance.now() + ms;
  do for (const [name, deed] of Object.entries(DEEDS)) await note(name, deed);
  while (performance.now() < until);
  isOver = true;
  await checking;
  await Promise.all(waiting);
  return seen;
}
