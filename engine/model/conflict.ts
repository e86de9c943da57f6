import type { Lsn } from './position.ts';
import type { ConflictCode } from './system-columns.ts';
import type { Row } from './types.ts';

/** Who wrote the row that stands in the way. */
export interface RowWriter {
  readonly lsn: Lsn;
  /** Null: written outside tick order. */
  readonly tick: number | null;
  /** Index of the action in its tick; null: the tick itself. */
  readonly action: number | null;
}

export interface ConflictReport {
  /** Index of the action; 2^32 - 1 (`tickItself`) for the tick's own effects. */
  readonly action: number;
  readonly code: ConflictCode;
  /** Index of the effect within its action (or among the tick's own), in order of application. */
  readonly effect: number;
  readonly table: string;
  /** The key columns, `sessionId` included where it is one. */
  readonly key: Row;
  readonly expectedVersion: number | null;
  readonly actualVersion: number | null;
  readonly lastWriter: RowWriter | null;
  readonly message: string;
}
