import type { Ticket } from '../govern/ticket.ts';
import type { EngineError } from '../model/errors.ts';
import type { Lsn } from '../model/position.ts';
import type { ChangeSet } from '../state/change-set.ts';
import type { FoundBacklog, KeptBacklog } from './shipping/kept-backlog.ts';

/** What follows the log: takes every change set in order and makes it something that can be asked. */
export interface ColumnFollower {
  /** Every change set up to here can be queried. */
  readonly coveredLsn: Lsn;
  /** The first change set it still needs: replay must offer everything from here on. */
  readonly neededFromLsn: Lsn;
  /** The last position that any of its tables may have rows of. */
  readonly heldLsn: Lsn;
  /** Why nothing more may be offered until there is room again; null while there is. */
  readonly outOfRoom: EngineError | null;
  /**
   * Deletes what it has of positions after `lsn`. A power failure can take the end of a log that is
   * not synced strictly, and `--truncate-at` cuts it; what the column store got of it is then no
   * longer true. Nothing after `lsn` may have been offered.
   */
  rewind(lsn: Lsn): Promise<void>;
  /**
   * Goes on from a checkpoint at `lsn`: ships what was kept beside it, and needs nothing up to there
   * again. Null when that is done; else why ClickHouse and what was kept do not join up, and nothing
   * was taken: an older checkpoint must be tried. Nothing kept at 0 always fits, and replay must
   * then offer everything from `neededFromLsn` on. Call it until it is done, before `offer`.
   */
  resume(lsn: Lsn, backlog: FoundBacklog): Promise<string | null>;
  /**
   * What ClickHouse lacks of everything offered so far; `keep` makes as much of it durable as
   * ClickHouse lacks even then, for a checkpoint that is ahead of it.
   */
  cutBacklog(): { keep(): Promise<KeptBacklog> };
  /**
   * Takes a change set for shipping; copies what it keeps. Never blocks: a backlog beyond memory
   * goes to disk. Change sets it already holds are ignored, so a replay may offer anything.
   */
  offer(changes: ChangeSet): void;
  /** Tells that everything up to `lsn` has been offered (records without changes included). */
  advance(lsn: Lsn): void;
  /**
   * The log held records up to `lsn` at start, and all of them have been offered. Once they are
   * covered, or a minute has passed, shipping and queries make way for commits.
   */
  recovered(lsn: Lsn): void;
  /**
   * Ships at once what is needed and resolves when `coveredLsn >= lsn`; `NOT_CAUGHT_UP` at the
   * ticket's deadline.
   */
  waitForCovered(ticket: Ticket, lsn: Lsn): Promise<void>;
  /** Waits for running inserts, stops the child. What was not shipped comes again from the log. */
  close(): Promise<void>;
}
