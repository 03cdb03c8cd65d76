/**
 * The life of a key: who may make, see, edit, reset, pause, revoke and delete it, and what then happens.
 *
 * Every change is decided, made and audited in one transaction, and is guarded by the version it was decided on: of two
 * callers one wins, the other gets `conflict`. Nobody hands out rights that he lacks. A secret leaves in exactly two
 * operations, create and reset, and only after their commit.
 */
import type { Caller } from "../domain/caller.ts";
import type { Key, KeyFields, KeySecret, ScramVerifier } from "../domain/key.ts";
import type { ListQuery, Page } from "../store/store.ts";

export interface Keys {
  /** API_KEY_READ sees all; everybody else who may hold keys sees their own. Members as of Key. */
  list(caller: Caller, query: ListQuery): Promise<Page<Key>>;
  /** Throws not_found, also for keys that the caller may not see. */
  get(caller: Caller, id: number): Promise<Key>;
  /**
   * SCRAM verifiers of keys; undefined unless the caller may see secrets of all users (API_KEY_WRITE), because then they
   * are shown masked.
   */
  verifiers(caller: Caller, ids: readonly number[]): Promise<ReadonlyMap<number, ScramVerifier> | undefined>;
  /** Throws invalid or name_taken with issues, forbidden, limit_reached. */
  create(caller: Caller, input: NewKeyInput): Promise<MadeKey>;
  /** Edits, and with `reset` makes a new secret. Throws not_found, invalid, forbidden, conflict. */
  update(caller: Caller, id: number, change: KeyChange): Promise<{ key: Key; secret: KeySecret | undefined }>;
  /** Does nothing where the key is paused already. */
  pause(caller: Caller, id: number): Promise<Key>;
  /** Does nothing where the key is not paused. */
  resume(caller: Caller, id: number): Promise<Key>;
  /** Until reset. Throws conflict where the key is revoked already. */
  revoke(caller: Caller, id: number, reason: string): Promise<Key>;
  /** The key's text proved itself over a transport that tells it to everybody: whoever holds it may have it revoked. */
  revokeExposed(id: number): Promise<void>;
  remove(caller: Caller, id: number): Promise<Key>;
  /** Says in the feed that keys have expired, once for each. @returns how many */
  sweepExpired(): Promise<number>;
}

export interface NewKeyInput extends KeyFields {
  readonly name: string;
  readonly username: string;
}

export interface KeyChange extends KeyFields {
  readonly reset?: boolean;
  /** The version that the change was decided on; another one is a conflict. Absent: whatever is there. */
  readonly version?: number;
}

export interface MadeKey {
  readonly key: Key;
  readonly secret: KeySecret;
}
