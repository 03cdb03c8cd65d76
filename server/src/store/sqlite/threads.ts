/**
 * The worker threads as seen from the main thread: promises, one queue for transactions, and Kysely's dialect over them.
 */
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { AppError } from "../../domain/errors.ts";
import { othersFirst } from "../../domain/slices.ts";
import { GONE_PLACES, goneAt } from "./gone-places.ts";
import type { DatabaseName, ThreadRole, WorkerReply, WorkerRequest, WorkerResult } from "./worker.ts";

/** Longest wait for the turn to write. */
const TURN_MS_MAX = 10_000;

const CLOSE_MS_MAX = 2_000;

export interface Thread {
  /** @param gone ends when nobody waits for the answer any more: a search that has not ended gives up */
  ask(request: WorkerRequest, gone?: AbortSignal): Promise<WorkerResult>;
  close(): Promise<void>;
}

export interface ThreadFiles {
  readonly main: string;
  readonly activity: string;
  readonly notes?: Extract<WorkerRequest, { kind: "open" }>["notes"];
  /** Told why a change could not be noted outside the data folder. */
  readonly notNoted?: (reason: string) => void;
  /** Told whether the space inside the keys' database is whole, where it was looked at. */
  readonly looked?: (isWhole: boolean) => void;
  /** Told whether the keys' database is another than it was, where it was looked at. */
  readonly compared?: (isOther: boolean) => void;
}

/** As Bun has it: one that is not referenced does not keep the process alive. */
type BunWorker = Worker & { ref(): void; unref(): void };

/** Starts at its first use: a command that only checks a key pays for no thread. */
export function openThread(role: ThreadRole, { main, activity, notes, ...told }: ThreadFiles): Thread {
  const ending = new Int32Array(new SharedArrayBuffer((1 + GONE_PLACES) * Int32Array.BYTES_PER_ELEMENT));
  let worker: BunWorker | undefined;
  let next = 1;
  let isClosed = false;
  const waiting = new Map<number, { resolve(result: WorkerResult): void; reject(error: Error): void }>();
  const fail = (message: string): void => {
    worker = undefined;
    for (const { reject } of waiting.values()) reject(new AppError("unavailable", message));
    waiting.clear();
  };
  const tell = ({ notNoted, isWhole, isOther }: WorkerResult): void => {
    if (notNoted !== undefined) told.notNoted?.(notNoted);
    if (isWhole !== undefined) told.looked?.(isWhole);
    if (isOther !== undefined) told.compared?.(isOther);
  };
  const start = (): BunWorker => {
    const started = new Worker(new URL("./worker.ts", import.meta.url).href) as BunWorker;
    started.onmessage = ({ data }: MessageEvent<WorkerReply>) => {
      const asked = waiting.get(data.id);
      waiting.delete(data.id);
      if (waiting.size === 0) started.unref();
      if ("result" in data) tell(data.result);
      if ("result" in data) asked?.resolve(data.result);
      else asked?.reject(translated(data.failure));
    };
    started.onerror = ({ message }) => fail(`The ${role} thread failed: ${message}`);
    worker = started;
    post(started, { kind: "open", role, main, activity, notes, ending }).catch(() => {});
    return started;
  };
  const post = async (to: BunWorker, request: WorkerRequest, gone?: AbortSignal): Promise<WorkerResult> => {
    const { promise, resolve, reject } = Promise.withResolvers<WorkerResult>();
    const id = next++;
    const giveUp = (): void => void Atomics.store(ending, goneAt(id), id);
    waiting.set(id, { resolve, reject });
    to.ref();
    to.postMessage({ id, request });
    gone?.addEventListener("abort", giveUp);
    try {
      return await promise;
    } finally {
      gone?.removeEventListener("abort", giveUp);
    }
  };
  return {
    ask: async (request, gone) => {
      // What waited for its turn has it when the others are told that it is over.
      if (isClosed) throw new AppError("unavailable", "The store is closed");
      if (gone?.aborted) throw new AppError("unavailable", "Nobody waits for it any more");
      const to = worker ?? start();
      const first = await post(to, request, gone);
      const parts = [first.rows];
      for (let { more } = first; more !== undefined; ) {
        await othersFirst();
        if (worker !== to) throw new AppError("unavailable", "The store is closed");
        const part = await post(to, { kind: "more", of: more });
        parts.push(part.rows);
        more = part.more;
      }
      return parts.length === 1 ? first : { ...first, rows: parts.flat() };
    },
    close: async () => {
      isClosed = true;
      if (!worker) return;
      const closing = worker;
      Atomics.store(ending, 0, 1);
      await Promise.race([post(closing, { kind: "close" }).catch(() => undefined), Bun.sleep(CLOSE_MS_MAX)]);
      closing.terminate();
      fail("The store is closed");
    },
  };
}

/** What SQLite says, in our codes. */
function translated({ code, message }: { code: string; message: string }): AppError {
  const cause = new Error(`${code}: ${message}`);
  if (code.startsWith("SQLITE_FULL")) return new AppError("storage_full", "The disk is full", { cause });
  if (code === "SQLITE_CONSTRAINT_UNIQUE") return new AppError("name_taken", "The name is taken", { cause });
  if (code === "SEARCH_TIME" || code === "LIST_SIZE")
    return new AppError("limit_reached", message, { cause });
  if (code === "SEARCH_GONE") return new AppError("unavailable", message, { cause });
  if (code.startsWith("SQLITE_BUSY")) return new AppError("unavailable", "The database is busy", { cause });
  if (/^SQLITE_(IOERR|CANTOPEN|READONLY|CORRUPT|NOTADB)/.test(code)) {
    const full = /disk is full|ENOSPC/i.test(message) || code === "SQLITE_IOERR_WRITE";
    return new AppError(full ? "storage_full" : "unavailable", "The database cannot be reached", { cause });
  }
  return new AppError("internal", "The database refused a statement", { cause });
}

/** Kysely over one thread's connection. Transactions take turns and begin IMMEDIATE. */
export function overThread<Tables>(thread: Pick<Thread, "ask">, database: DatabaseName): Kysely<Tables> {
  const dialect: Dialect = {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new ThreadDriver(thread, database),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
  return new Kysely<Tables>({ dialect });
}

class ThreadDriver implements Driver {
  readonly #connection: DatabaseConnection;
  #turn: Promise<void> = Promise.resolve();
  #endTurn: () => void = () => {};

  constructor(thread: Pick<Thread, "ask">, database: DatabaseName) {
    this.#connection = {
      executeQuery: async <Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> => {
        const { rows, changed, insertId } = await thread.ask({
          kind: "run",
          database,
          sql,
          params: parameters,
        });
        return { rows: rows as Row[], numAffectedRows: BigInt(changed), insertId: BigInt(insertId) };
      },
      streamQuery: () => {
        throw new Error("Rows are not streamed between threads");
      },
    };
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#turn;
    let end = (): void => {};
    this.#turn = new Promise((resolve) => {
      end = resolve;
    });
    let late: Timer | undefined;
    const tooLong = new Promise<"late">((resolve) => {
      late = setTimeout(() => resolve("late"), TURN_MS_MAX);
    });
    const first = await Promise.race([before, tooLong]);
    clearTimeout(late);
    if (first === "late") {
      before.then(end);
      throw new AppError("unavailable", "The database is busy");
    }
    this.#endTurn = end;
    return this.#connection;
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("BEGIN IMMEDIATE"));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("COMMIT"));
  }

  /** SQLite has rolled back by itself after some errors (disk full): then there is nothing left to roll back. */
  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await connection.executeQuery(CompiledQuery.raw("ROLLBACK"));
    } catch (error) {
      if (!/no transaction is active/.test(String((error as AppError).cause))) throw error;
    }
  }

  async releaseConnection(): Promise<void> {
    this.#endTurn();
  }

  async destroy(): Promise<void> {}
}
