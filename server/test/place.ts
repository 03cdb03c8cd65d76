/** An installation whose folder is moved about, so that nothing stays open between two starts. */
import { Database } from "bun:sqlite";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Local, openLocal } from "../src/app.ts";
import { readConfig } from "../src/config.ts";
import type { Log } from "../src/log.ts";
import { createServer, type Server } from "../src/server.ts";
import type { Shown } from "./doors.ts";
import { PASSWORD, QUIET, SYSTEM } from "./installation.ts";

export interface Line {
  readonly level: "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export class RestoredPlace implements AsyncDisposable {
  readonly base = mkdtempSync(join(tmpdir(), "chatelaine-restored-"));
  data = join(this.base, "data");
  state = join(this.base, "state");
  readonly lines: Line[] = [];
  readonly #open: { close(): Promise<void> }[] = [];

  get #log(): Log {
    const keep =
      (level: Line["level"]) =>
      (message: string, fields = {}) =>
        void this.lines.push({ level, message, fields });
    return { ...QUIET, warn: keep("warn"), error: keep("error") };
  }

  async serve(data = this.data): Promise<Server> {
    const raw = { data, state: this.state, http: "127.0.0.1:0", https: "off", anonymousRate: "0" };
    const server = await createServer(readConfig(raw, {}), { log: this.#log });
    this.#open.push(server);
    return server;
  }

  async local(data = this.data): Promise<Local> {
    const local = await openLocal({ data, state: this.state }, { log: this.#log });
    this.#open.push(local);
    return local;
  }

  /** Ends everything in good order. */
  async stop(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((one) => one.close()));
  }

  copy(name: string): string {
    const to = join(this.base, name);
    cpSync(this.data, to, { recursive: true });
    return to;
  }

  putBack(copy: string): void {
    rmSync(this.data, { recursive: true, force: true });
    cpSync(copy, this.data, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.base, { recursive: true, force: true });
  }

  said(part: RegExp): Line[] {
    return this.lines.filter(({ message }) => part.test(message));
  }
}

/** With an administrator, a key of theirs, and a second key. */
export async function fill(
  server: Server,
): Promise<Shown & { readonly second: { id: number; text: string } }> {
  const { users, keys } = server.app;
  await users.create(SYSTEM, { username: "ada", roles: ["FULL_ADMIN"], password: PASSWORD });
  const { secret } = await keys.create(SYSTEM, { name: "first", username: "ada" });
  const second = await keys.create(SYSTEM, { name: "second", username: "ada" });
  return {
    ...{ username: "ada", password: PASSWORD, key: secret.text },
    second: { id: second.key.id, text: second.secret.text },
  };
}

export async function signIn(url: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/session`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Origin: url },
    body: JSON.stringify({ username: "ada", password: PASSWORD }),
  });
  return response.headers.get("set-cookie")!.split(";")[0]!;
}

export const auth = async (url: string, key: string): Promise<number> =>
  (await fetch(`${url}/auth`, { headers: { Authorization: `Bearer ${key}` } })).status;

/** As SQLite's own backup does it: by one transaction, in the file that others have open. */
export function writeInto(file: string, older: string): void {
  const database = new Database(file);
  try {
    database.run("PRAGMA foreign_keys = OFF");
    database.query("ATTACH DATABASE ? AS older").run(older);
    const names = database.query("SELECT name FROM main.sqlite_schema WHERE type = 'table'").all();
    database
      .transaction(() => {
        // The table of numbers comes last: each row that is put back moves it.
        for (const { name } of [...(names as { name: string }[]), { name: "sqlite_sequence" }]) {
          database.run(`DELETE FROM main."${name}"`);
          database.run(`INSERT INTO main."${name}" SELECT * FROM older."${name}"`);
        }
      })
      .immediate();
  } finally {
    database.close();
  }
}
