import type { Lsn } from '../model/position.ts';
import type { ConflictCode } from '../model/system-columns.ts';
import type { TableDefinition } from '../model/types.ts';
import type { ColumnBatch } from '../vectors/column-vector.ts';
import type { CommitFacts } from './commit-facts.ts';

/**
 * What one applied tick changed, in columns: the only input of views, feeds and the column store.
 * Deterministic: replaying the log gives equal change sets. A batch may be read until the next
 * turn of the event loop only, unless its reader copies it: vectors can be views of shared memory.
 */
export interface ChangeSet {
  readonly lsn: Lsn;
  /** Empty for a write to title-wide rows outside any session. */
  readonly sessionId: string;
  /** Null for a write outside tick order (compareAndSet…) and for session records. */
  readonly tick: number | null;
  /** Milliseconds since 1970, as stamped into the log record. */
  readonly committedAtMs: number;
  readonly actions: ActionChanges | null;
  /** In order of first appearance in the tick. */
  readonly events: readonly EventChanges[];
  /** One entry a state table touched. */
  readonly states: readonly StateChanges[];
  /** Absent, or null, where the record is no commit, or repeats one. */
  readonly commit?: CommitFacts | null;
}

/** Rows of the action table, rejected ones included. `seq` of row i is i. */
export interface ActionChanges {
  readonly table: TableDefinition;
  /** `actionId`, then the table's declared columns in manifest order. */
  readonly rows: ColumnBatch;
  /** Byte i: 0 accepted, else 1 + the conflict's index in `conflictCodes`. */
  readonly verdicts: Uint8Array;
  readonly accepted: number;
}

/** Rows appended to one event table by accepted effects. */
export interface EventChanges {
  readonly table: TableDefinition;
  /** The declared columns in manifest order. */
  readonly rows: ColumnBatch;
  /** Order in the tick, rising over the tick's event rows of this table from 0. */
  readonly seq: Uint32Array;
}

/**
 * Rows of one state table whose content at the end of the tick differs from its begin, in order of
 * their first change. A row inserted and deleted within the tick does not appear.
 */
export interface StateChanges {
  readonly table: TableDefinition;
  readonly length: number;
  /** 1 inserted, 2 updated, 3 deleted. */
  readonly kinds: Uint8Array;
  /** Declared columns in manifest order after the tick; of a deleted row: as before the tick. */
  readonly after: ColumnBatch;
  /** Versions after the tick; of a deleted row: the last version plus one. */
  readonly versions: Uint32Array;
  /** The declared columns as they were before the tick; of an inserted row: zeros and nulls. Computed when asked, in the same turn of the event loop. */
  before(): ColumnBatch;
}

export function verdictCode(verdict: number, codes: readonly ConflictCode[]): ConflictCode | null {
  return verdict === 0 ? null : (codes[verdict - 1] as ConflictCode);
}

/** The changes of a record that changes no row. */
export function emptyChanges(lsn: Lsn, sessionId: string, committedAtMs: number): ChangeSet {
  return { lsn, sessionId, tick: null, committedAtMs, actions: null, events: [], states: [] };
}
