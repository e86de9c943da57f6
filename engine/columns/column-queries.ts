import type { SeenTables } from '../access/seen-tables.ts';
import type { Ticket } from '../govern/ticket.ts';
import type { Lsn } from '../model/position.ts';
import type { ColumnMask, Row, Value } from '../model/types.ts';
import type { Condition } from '../query/condition.ts';
import type { OrderBy, RowPage } from '../state/state-reader.ts';

/** What one query may use, from its class; the store enforces it. Its time is the ticket's. */
export interface QueryBounds {
  readonly memoryBytesMax: number;
  readonly rowsReadMax: number;
  readonly threadsMax: number;
}

export interface QueryStatistics {
  readonly queryId: string;
  readonly elapsedMs: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly memoryPeakBytes: number | null;
}

export interface ColumnListRequest {
  readonly table: string;
  readonly where: Condition | null;
  readonly orderBy: readonly OrderBy[];
  readonly first: number;
  readonly after: string | null;
  /** The rows exactly as of this position, once it is covered; null or left out: of now. */
  readonly asOf?: Lsn | null;
  readonly bounds: QueryBounds;
}

/**
 * An aggregate of one column to compute. Stddev: of a sample, null of fewer than two values. First and
 * last: the value present in the row that was committed first, or last. Quantile: `q` in 0…1.
 */
export type GroupAggregate =
  | {
      readonly op: 'countDistinct' | 'sum' | 'avg' | 'stddev' | 'min' | 'max' | 'first' | 'last';
      readonly column: string;
    }
  | { readonly op: 'quantile'; readonly column: string; readonly q: number };

export interface GroupsRequest {
  readonly table: string;
  readonly where: Condition | null;
  /** Columns, system columns included. */
  readonly by: readonly string[];
  /** Width of a bucket in ticks; the key then has `tickBucket`, the bucket's first tick. */
  readonly tickBucket: number | null;
  /** Width of a bucket of `committedAt`; the key then has `timeBucket`, its first millisecond. */
  readonly timeBucketMs?: number | null;
  readonly aggregates: readonly GroupAggregate[];
  /** Aggregates that `orderBy` and `having` name beside those. */
  readonly compared?: readonly GroupAggregate[];
  /** Which groups: a condition on `count` and on aggregates by their `aggregateName`. */
  readonly having?: Condition | null;
  /** `column` is a key column, `tickBucket`, `timeBucket`, `count`, or the `aggregateName` of an aggregate. */
  readonly orderBy: readonly OrderBy[];
  readonly first: number;
  /** A cursor of the page before: this one is as of the same position. */
  readonly after?: string | null;
  /** The groups of this page are to be gone on behind: it must be exactly as of a position, too. */
  readonly isPaged?: boolean;
  /** As in `ColumnListRequest`. */
  readonly asOf?: Lsn | null;
  readonly bounds: QueryBounds;
}

export interface Group {
  readonly key: Row;
  readonly count: bigint;
  /** In the order of `request.aggregates`. Sums of integers are bigint, of floats number. */
  readonly values: readonly Value[];
}

export interface GroupsResult {
  readonly groups: readonly Group[];
  /** There are more than `first`. */
  readonly truncated: boolean;
  /** What to give as `after` to go on behind `groups[index]`. */
  cursorAt(index: number): string;
  /** Everything up to here is in the answer. */
  readonly coveredLsn: Lsn;
  readonly statistics: QueryStatistics;
}

export interface SqlResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[];
  readonly truncated: boolean;
  readonly coveredLsn: Lsn;
  readonly statistics: QueryStatistics;
}

export type ExportSource =
  | {
      readonly kind: 'table';
      readonly table: string;
      readonly where: Condition | null;
      readonly columns: readonly string[] | null;
      /** Columns of which something else is exported; none where it is left out. */
      readonly masked?: readonly ColumnMask[];
    }
  | {
      readonly kind: 'sql';
      readonly query: string;
      readonly parameters: Readonly<Record<string, Value>>;
      /** What of the title it sees. */
      readonly seen: SeenTables;
    };

export interface ExportRequest {
  readonly source: ExportSource;
  readonly format: 'ARROW_STREAM' | 'ARROW_FILE' | 'PARQUET';
  readonly compression: 'NONE' | 'LZ4' | 'ZSTD';
  /** Only rows committed after this; of a state table also those that are gone since, marked `deleted`. */
  readonly sinceLsn: Lsn | null;
  /** The rows as of this position: nothing later is in the export, however late it is read. */
  readonly asOfLsn: Lsn;
}

export interface RunningColumnQuery {
  readonly queryId: string;
  /** The query's SQL. */
  readonly query: string;
  readonly elapsedMs: number;
  readonly memoryBytes: number | null;
}

/**
 * What answers questions: every action, event and version of a row of one title, in ClickHouse,
 * behind one adapter (`@clickhouse/client`) for the embedded store and a cluster alike. It can
 * change nothing. What its ticket no longer waits for ends in ClickHouse, too.
 */
export interface ColumnQueries {
  /** Every change set up to here can be queried. */
  readonly coveredLsn: Lsn;
  /**
   * Ships at once what is needed and resolves when `coveredLsn >= lsn`; `NOT_CAUGHT_UP` at the
   * ticket's deadline.
   */
  waitForCovered(ticket: Ticket, lsn: Lsn): Promise<void>;
  /**
   * Rows of a table, newest definition: of an event or action table ordered by `orderBy`, then
   * session, tick, seq, and complete up to `coveredLsn`; of a state table by `orderBy`, then key, and
   * exactly as of `coveredLsn`. In class GAMEPLAY a read of a large table that does not fix the first
   * column of that order is refused (`SCAN_REFUSED`), and so it is with groups.
   */
  list(
    ticket: Ticket,
    request: ColumnListRequest,
  ): Promise<RowPage & { readonly coveredLsn: Lsn; readonly statistics: QueryStatistics }>;
  groups(ticket: Ticket, request: GroupsRequest): Promise<GroupsResult>;
  /**
   * The newest position whose rows were committed at or before `timeMs`; 0 where none was. Everything
   * applied when it was asked is looked at.
   */
  positionAt(ticket: Ticket, timeMs: number): Promise<Lsn>;
  /**
   * The position of exactly this tick of a session, by the actions and events it left; null: it left
   * none.
   */
  positionOfTick(ticket: Ticket, sessionId: string, tick: number): Promise<Lsn | null>;
  /**
   * Whether texts can be shown as pseudonyms here; where not, SQL does not have those columns, and no
   * export may name one.
   */
  readonly makesPseudonyms: boolean;
  /**
   * Read-only SQL over what is seen of the title's tables, by their manifest names; parameters as
   * `{name:Type}`.
   */
  sql(
    ticket: Ticket,
    query: string,
    parameters: Readonly<Record<string, Value>>,
    first: number,
    bounds: QueryBounds,
    seen: SeenTables,
  ): Promise<SqlResult>;
  /** Throws what `sql` would throw of the text and its parameters themselves; nothing of it runs. */
  checkSql(
    ticket: Ticket,
    query: string,
    parameters: Readonly<Record<string, Value>>,
    bounds: QueryBounds,
    seen: SeenTables,
  ): Promise<void>;
  /** One valid stream or file in the format, in constant memory. */
  export(ticket: Ticket, request: ExportRequest): Promise<AsyncIterable<Uint8Array>>;
  /** The queries that run in ClickHouse for this store, inserts included. */
  running(ticket: Ticket): Promise<readonly RunningColumnQuery[]>;
  /** True when such a query ran and was told to stop. */
  kill(ticket: Ticket, queryId: string): Promise<boolean>;
}
