/** Alone because the one who takes a backup and the thread that reads it need the same types. */

/** What is known of the databases as a whole. */
export interface SnapshotFacts {
  readonly schema: { readonly main: number; readonly activity: number };
  /** Number of the newest change. */
  readonly change: number;
  readonly users: number;
  readonly keys: number;
  /** What the database says of itself. */
  readonly meta: Readonly<Record<string, string>>;
  /** The highest numbers that were given, by table: none is ever given again. */
  readonly numbers: Readonly<Record<string, number>>;
}

export interface Snapshot {
  readonly facts: SnapshotFacts;
  /** Parts of one gzip file of JSON Lines (`snapshot-worker.ts`). Read once. */
  parts(): AsyncGenerator<Uint8Array>;
  close(): Promise<void>;
}

export interface SnapshotFiles {
  readonly main: string;
  /** undefined: it cannot be read, and is left out. */
  readonly activity: string | undefined;
}
