import type { Work } from '../govern/work.ts';
import type { Row } from '../model/types.ts';
import type { Condition } from '../query/condition.ts';
import type { ColumnBatch } from '../vectors/column-vector.ts';

export interface OrderBy {
  readonly column: string;
  readonly direction: 'ASC' | 'DESC';
}

export interface StateListRequest {
  readonly where: Condition | null;
  readonly orderBy: readonly OrderBy[];
  readonly first: number;
  /** The `endCursor` of the page before; null: from the start. */
  readonly after: string | null;
  /** Requests refuse (`SCAN_REFUSED`, naming the index that would serve) where no key or index helps and the table is large. */
  readonly scan: 'refuse' | 'allow';
}

export interface RowPage {
  readonly rows: readonly Row[];
  readonly endCursor: string | null;
  readonly hasNextPage: boolean;
  /** Rows looked at. */
  readonly rowsRead: number;
  /** Where to resume after `rows[index]`; that of the last row is `endCursor`. */
  cursorAt(index: number): string;
}

/**
 * The engine's own view of live rows (`StateQueries` is that of requests), as objects: declared columns, then `version`, `position`, `committedAt`.
 * Reads see exactly the applied prefix of the log.
 */
export interface StateReader {
  /** The row under a full key (all key columns, `sessionId` included where it is one), or null. */
  get(table: string, key: Row): Row | null;
  /**
   * A page ordered by `orderBy`, then by key; true of the position at which it ends, however many
   * turns of the event loop it takes.
   */
  list(table: string, request: StateListRequest): Work<RowPage>;
  /** Rows of a state table that match, in no order, as of the position at which it ends. */
  select(table: string, where: Condition | null): Work<Row[]>;
  /** Whether a key or an index leads to the rows that match. */
  isServed(table: string, where: Condition | null): boolean;
  /** How the where would be found by a key or an index, in words; where it takes a scan. */
  adviceFor(table: string, where: Condition | null): string;
  /** All rows of a state table, their declared columns; a batch is read before the next is asked for. */
  columns(table: string): Iterable<ColumnBatch>;
  rowCount(table: string): number;
}
