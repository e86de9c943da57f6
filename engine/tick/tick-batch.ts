import type { TableDefinition } from '../model/types.ts';
import type { StreamCondition } from '../query/condition-form.ts';
import type { ColumnBatch } from '../vectors/column-vector.ts';

export type ConflictPolicy = 'REJECT_ACTION' | 'ABORT_TICK';

export const effectOps = [
  'append',
  'insert',
  'upsert',
  'compareAndSet',
  'adjust',
  'delete',
] as const;
export type EffectOp = (typeof effectOps)[number];

/** `EffectStream.action` of an effect that belongs to the tick itself. */
export const tickItself = 0xffff_ffff;

/** What comes with a batch beside its rows. */
export interface TickHeader {
  /** Empty only for a direct write to title-wide rows. */
  readonly sessionId: string;
  /** Null: a direct write, outside tick order (`compareAndSet…` fields). */
  readonly tick: number | null;
  /** Null: not fenced; accepted only while nobody took the session over with a fence. */
  readonly fence: number | null;
  /** Null: session and tick (a direct write: none, it is not deduplicated). */
  readonly idempotencyKey: string | null;
  readonly onConflict: ConflictPolicy;
  /**
   * The tick that must be the session's last when this one is applied; an early arrival waits for
   * it. Lets a client keep several ticks in flight over unordered connections. Null: no such wish.
   */
  readonly afterTick: number | null;
  /**
   * Each action is answered once, by its id: one that was settled before, by any tick of the title
   * that says so too, does nothing and is answered its first verdict. Absent: actions are settled
   * whenever they come.
   */
  readonly once?: boolean | undefined;
}

/**
 * All actions and effects of one simulation step, in columns. Immutable once built. Order of
 * effects within an action: by stream, then by row. Rows of a stream are in order of `action`,
 * the tick's own (`tickItself`) last.
 */
export interface TickBatch {
  readonly header: TickHeader;
  /** `actionId`, then the action table's declared columns in manifest order. */
  readonly actions: ColumnBatch;
  readonly streams: readonly EffectStream[];
}

/** Effects of one kind on one table, one a row. */
export interface EffectStream {
  readonly table: TableDefinition;
  readonly op: EffectOp;
  readonly length: number;
  /** Index into `actions`, or `tickItself`. */
  readonly action: Uint32Array;
  /**
   * Key columns (all but `sessionId` in a tick), then the columns to append, set or add, in
   * manifest order. Columns that are not named stay as they are (upsert of a new row: null).
   */
  readonly rows: ColumnBatch;
  /** For compareAndSet, and delete where given. */
  readonly expectedVersions: Uint32Array | null;
  readonly require: StreamCondition | null;
}
