import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { Local } from "../src/app.ts";
import { readStates } from "../src/store/sqlite/state-file.ts";
import { type Folder, makeInstallation, SYSTEM } from "./installation.ts";

const ROUNDS = Number(process.env.CHATELAINE_TEST_ROUNDS ?? 20);
const WRITER = new URL("./crash-writer.ts", import.meta.url).pathname;

interface Note {
  readonly id: number;
  readonly state: "active" | "revoked" | "gone";
  readonly text: string;
  readonly dead?: string;
}

/** Lets eight writers write, and kills them at a moment that nobody chose. @returns what they had acknowledged */
async function writeUntilKilled({ path, state }: Folder): Promise<Map<number, Note>> {
  const child = Bun.spawn([process.execPath, WRITER, path, state], { stdout: "pipe", stderr: "inherit" });
  const notes = new Map<number, Note>();
  let rest = "";
  let isTimed = false;
  for await (const chunk of child.stdout) {
    const lines = (rest + new TextDecoder().decode(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines.filter((one) => one.startsWith("{"))) {
      const note = JSON.parse(line) as Note;
      notes.set(note.id, note);
    }
    if (!isTimed && notes.size > 0) {
      isTimed = true;
      setTimeout(() => child.kill("SIGKILL"), 150 + Math.random() * 250);
    }
  }
  await child.exited;
  return notes;
}

async function say(app: Local, text: string): Promise<string> {
  const verdict = await app.verify.verify(text, { origin: null });
  return verdict.ok ? "active" : verdict.reason === "unknown" ? "gone" : verdict.reason;
}

/** Ids of keys without the record of their making, and the reverse. */
function unmatched(folder: string): unknown[] {
  const database = new Database(join(folder, "chatelaine.db"), { readonly: true });
  try {
    const { integrity_check: integrity } = database.query("PRAGMA integrity_check").get() as {
      integrity_check: string;
    };
    expect(integrity).toBe("ok");
    return database
      .query(
        `SELECT id FROM keys WHERE id NOT IN (SELECT target_id FROM audit WHERE action = 'key.create')
         UNION ALL SELECT target_id FROM audit WHERE action = 'key.create' AND target_id NOT IN (SELECT id FROM keys)
           AND target_id NOT IN (SELECT target_id FROM audit WHERE action = 'key.delete')
         UNION ALL SELECT id FROM keys WHERE id NOT IN (SELECT key_id FROM secrets)
         UNION ALL SELECT key_id FROM secrets WHERE key_id NOT IN (SELECT id FROM keys)`,
      )
      .all();
  } finally {
    database.close();
  }
}

/** What was known outside the folder when the process died, and what was committed in it. */
function lastChanges({ path, state }: Folder): { inDatabase: number; inState: number } {
  const database = new Database(join(path, "chatelaine.db"), { readonly: true });
  try {
    const { seq } = database.query("SELECT max(seq) AS seq FROM changes").get() as { seq: number };
    return { inDatabase: seq, inState: readStates(state)[0]!.seq };
  } finally {
    database.close();
  }
}

test(
  "an acknowledged change survives kill -9, and one that was not is there whole or not at all",
  async () => {
    await using folder = await makeInstallation();
    const first = await folder.open();
    await first.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
    let acknowledged = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const notes = await writeUntilKilled(folder);
      acknowledged += notes.size;
      expect(unmatched(folder.path)).toEqual([]);
      const { inDatabase, inState } = lastChanges(folder);
      expect(inState).toBeLessThanOrEqual(inDatabase);
      expect(inDatabase - inState).toBeLessThanOrEqual(1);
      const app = await folder.open();
      expect(app.store.quarantine()).toBeUndefined();
      for (const { id, state, text, dead } of notes.values()) {
        const said = await say(app, text);
        // The step after the last acknowledged one may have been committed.
        const next = state === "active" ? ["active", "revoked", "gone"] : [state];
        expect({ id, said: next.includes(said) ? state : said }).toEqual({ id, said: state });
        if (dead) expect(await say(app, dead)).toBe("gone");
      }
      await app.keys.list(SYSTEM, { limit: 1 });
    }
    expect(acknowledged).toBeGreaterThan(ROUNDS);
  },
  { timeout: 300_000 },
);
