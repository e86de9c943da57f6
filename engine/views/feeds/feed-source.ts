import type { Work } from '../../govern/work.ts';
import type { Lsn } from '../../model/position.ts';
import type { Row, Value } from '../../model/types.ts';
import type { Condition } from '../../query/condition.ts';
import type { TickRing } from './tick-ring.ts';

/** What happened to one row over a range of ticks. */
export interface RowChange {
  /** Null: the row was not there. */
  readonly before: Row | null;
  readonly after: Row | null;
  /** The newest tick that changed it: its place, its session (null: several changed it) and tick. */
  readonly lsn: Lsn;
  readonly sessionId: string | null;
  readonly tick: number | null;
}

/** The tick that a change set stems from, as feeds remember it. */
export interface TickMark {
  readonly lsn: Lsn;
  readonly sessionId: string;
  readonly tick: number | null;
  readonly committedAtMs: number;
  readonly appliedAtMs: number;
}

/** Rows by key that change with the log, and what a feed needs to tell subscribers of it. */
export interface FeedSource {
  readonly name: string;
  /** Changes with the definition of the rows: cursors of another definition do not hold. */
  readonly fingerprint: string;
  readonly key: readonly string[];
  readonly ticks: TickRing<unknown>;
  /** The rows are those of a state table, which may lie far. */
  readonly isTable: boolean;
  /** A row belongs to the session in its column `sessionId`, and no other session changes it. */
  readonly sessionBound: boolean;
  /** Columns that `RowChange.before` leaves out. */
  readonly unknownBefore: ReadonlySet<string>;
  /** The rows as of the position at which it ends, however many turns of the event loop it takes. */
  snapshot(where: Condition | null): Work<readonly Row[]>;
  /**
   * What changed after `from` up to and including `to`, a row once. `from` is at or after the
   * horizon when it begins; null where the horizon has passed it before it ended. With a session: of
   * it alone; only where the source is session-bound.
   */
  changes(from: Lsn, to: Lsn, sessionId: string | null): Work<readonly RowChange[] | null>;
  /** The columns whose values of changed rows are known without making the rows. */
  readonly readable: ReadonlySet<string>;
  /**
   * The values of a readable column in the rows that a tick changed: before it and after it; repeated
   * where several rows have one. Read as they are asked for, over turns if need be: they end early
   * once the tick is forgotten.
   */
  changedValues(tick: Lsn, column: string): Iterable<Value>;
}
