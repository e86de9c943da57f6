import type { Lsn } from '../position.ts';

/** What an acknowledgement promises; see `docs/durability.md`. */
export type Durability =
  | { readonly mode: 'strict' }
  | { readonly mode: 'interval'; readonly syncEveryMs: number }
  | { readonly mode: 'none' };

/** One record as read back: the payload is the bytes that were appended. */
export interface LogRecord {
  readonly lsn: Lsn;
  readonly payload: Uint8Array;
}

/**
 * The commit log of one shard: an ordered, gapless, durable sequence of records.
 *
 * Promises: LSNs rise by one from `firstLsn`; a record handed to `onDurable` survives a crash in
 * the way `durability` says; after a failed write or sync nothing is ever acknowledged again
 * (`failure` is set, every pending and later append rejects with `UNAVAILABLE`). Callers must call
 * `append` in the order they want and never after `close`.
 */
export interface CommitLog {
  readonly durability: Durability;
  /** The first record still held. */
  readonly firstLsn: Lsn;
  /** The last record that is durable in the sense of `durability`. */
  readonly durableLsn: Lsn;
  /** Bytes and records appended and not yet durable. */
  readonly pending: { readonly records: number; readonly bytes: number };
  /** Why the log stopped acknowledging; null while it works. */
  readonly failure: Error | null;

  /**
   * Queues a record and returns its LSN at once. `parts` are concatenated and must not be changed
   * until the record is durable. Throws `UNAVAILABLE` when failed, `OVERLOADED` when the pending
   * bound (`limits.logPendingBytesMax`) is exceeded.
   */
  append(parts: readonly Uint8Array[]): Lsn;

  /**
   * Sets the one listener told, in order, once a group of records is durable: `upTo` is the new
   * `durableLsn`. Called once a group commit, never re-entrantly from `append`.
   * `onFailure` is told once, with the first failure.
   */
  listen(listener: { onDurable(upTo: Lsn): void; onFailure(error: Error): void }): void;

  /** Reads durable records from `from` on, in order, as of the call. Payloads are valid until the next step. */
  read(from: Lsn): AsyncIterable<LogRecord>;

  /** Drops whole segments whose records are all before `lsn`. */
  truncateBefore(lsn: Lsn): Promise<void>;

  /** Waits for everything pending, syncs, closes. */
  close(): Promise<void>;
}
