import type { EngineError } from '../model/errors.ts';
import type { Lsn } from '../model/position.ts';

/** What an acknowledgement promises; see `docs/durability.md`. */
export type Durability =
  | { readonly mode: 'strict' }
  | { readonly mode: 'interval'; readonly syncEveryMs: number }
  | { readonly mode: 'none' };

/** What a log answers to `append`; the room's README tells what moves it from one state to another. */
export type LogState =
  | { readonly name: 'open' | 'closing' | 'closed' }
  /** `error`: what appends answer; in `full` until there is room again, in `failed` for good. */
  | { readonly name: 'full' | 'failed'; readonly error: EngineError };

/** One record as read back: the payload is the bytes that were appended. */
export interface LogRecord {
  readonly lsn: Lsn;
  readonly payload: Uint8Array;
}

export interface DroppedSegments {
  readonly segments: number;
  readonly bytes: number;
}

/** Told what became of appended records, in order, never from within `append`. */
export interface CommitLogListener {
  /** Every record up to `upTo`, the new `durableLsn`, is durable. Called once a group commit. */
  onDurable(upTo: Lsn): void;
  /**
   * For lack of room the appended records from `from` on never happened: nothing of them is in the
   * log, their LSNs will be given again. What was durable stays. Until `onRoom`, `append` throws
   * `UNAVAILABLE`, and the log is `full`.
   */
  onRejected(from: Lsn, error: EngineError): void;
  /** There is room again: `append` works as before. */
  onRoom?(): void;
  /**
   * The log stopped for good; called once. Of the records that were not yet durable nobody knows
   * which ones a restart will find: they must be answered `UNAVAILABLE`, and not be applied.
   */
  onFailure(error: EngineError): void;
}

/**
 * The commit log of one shard: an ordered, gapless, durable sequence of records.
 *
 * Promises: LSNs rise by one from `firstLsn`; a record handed to `onDurable` survives a crash in
 * the way `durability` says; after a failed sync, a write that failed for anything but lack of room,
 * or once its files are no longer where they were opened, nothing is ever acknowledged again (the
 * log has `failed`, and every pending and later append rejects with `UNAVAILABLE`). Callers must call `append` in the order they want, `listen` before
 * the first `append`, and no `append` after `close`.
 */
export interface CommitLog {
  readonly durability: Durability;
  /** The first record still held. */
  readonly firstLsn: Lsn;
  /** The last record that is durable in the sense of `durability`. */
  readonly durableLsn: Lsn;
  /** The last record that survives a power failure, whatever `durability` says. */
  readonly syncedLsn: Lsn;
  /** Bytes and records appended and not yet durable. */
  readonly pending: { readonly records: number; readonly bytes: number };
  readonly state: LogState;

  /**
   * Queues a record and returns its LSN at once. `parts` are concatenated and must not be changed
   * until the record is durable. Throws `UNAVAILABLE` when failed or out of room, `OVERLOADED` when
   * the pending bound (`limits.logPendingBytesMax`) is exceeded, `LIMIT_EXCEEDED` for more than
   * `limits.logRecordBytesMax`.
   */
  append(parts: readonly Uint8Array[]): Lsn;

  /** Sets the one listener. */
  listen(listener: CommitLogListener): void;

  /**
   * Syncs what `durability` has left unsynced up to a durable record, without holding up what is
   * appended meanwhile. Rejects with the state's error once the log has failed.
   */
  syncTo(lsn: Lsn): Promise<void>;

  /**
   * Reads durable records from `from` on, in order, as of the call. Payloads are valid until the
   * next step, and begin at a multiple of eight in memory. Throws `NOT_FOUND` for a record that is
   * no longer held.
   */
  read(from: Lsn): AsyncIterable<LogRecord>;

  /**
   * Drops whole segments, the oldest first, whose records are all before `lsn`, while what is left
   * has at least `keepBytes`. Tells what was dropped.
   */
  truncateBefore(lsn: Lsn, keepBytes: number): Promise<DroppedSegments>;

  /** Looks whether the log is still where it was opened: the log stops where it is not. */
  checkPresence(): Promise<void>;

  /** Waits for everything pending, syncs, closes. */
  close(): Promise<void>;
}
