import type { EngineError } from '../errors.ts';
import type { Row, Value } from '../manifest/types.ts';
import type { Lsn } from '../position.ts';
import type { Filter } from '../query/filter.ts';
import type { OrderBy, RowPage } from '../state/state-reader.ts';
import type { ChangeSet } from '../tick/change-set.ts';
import type { FoundBacklog, KeptBacklog } from './shipping/kept-backlog.ts';

/** Bounds on one query, from its class; the store enforces them. */
export interface QueryBounds {
  readonly timeoutMs: number;
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
  readonly where: Filter | null;
  readonly orderBy: readonly OrderBy[];
  readonly first: number;
  readonly after: string | null;
  readonly bounds: QueryBounds;
  readonly signal?: AbortSignal;
}

/** An aggregate of one column to compute. Quantile: `q` in 0…1. */
export type GroupAggregate =
  | { readonly op: 'countDistinct' | 'sum' | 'avg' | 'min' | 'max'; readonly column: string }
  | { readonly op: 'quantile'; readonly column: string; readonly q: number };

export interface GroupsRequest {
  readonly table: string;
  readonly where: Filter | null;
  /** Columns, system columns included. */
  readonly by: readonly string[];
  /** Width of a bucket in ticks; the key then has `tickBucket`, the bucket's first tick. */
  readonly tickBucket: number | null;
  readonly aggregates: readonly GroupAggregate[];
  /** `column` is a key column, `tickBucket` or `count`. */
  readonly orderBy: readonly OrderBy[];
  readonly first: number;
  readonly bounds: QueryBounds;
  readonly signal?: AbortSignal;
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
      readonly where: Filter | null;
      readonly columns: readonly string[] | null;
    }
  | {
      readonly kind: 'sql';
      readonly query: string;
      readonly parameters: Readonly<Record<string, Value>>;
    };

export interface ExportRequest {
  readonly source: ExportSource;
  readonly format: 'ARROW_STREAM' | 'ARROW_FILE' | 'PARQUET';
  readonly compression: 'NONE' | 'LZ4' | 'ZSTD';
  /** Only rows committed after this. */
  readonly sinceLsn: Lsn | null;
  /** The rows as of this position: nothing later is in the export, however late it is read. */
  readonly asOfLsn: Lsn;
  readonly signal?: AbortSignal;
}

export interface RunningColumnQuery {
  readonly queryId: string;
  /** Its SQL. */
  readonly query: string;
  readonly elapsedMs: number;
  readonly memoryBytes: number | null;
}

/**
 * The analytical projection of one title's log: every action, event and version of a row, in
 * ClickHouse, behind one adapter (`@clickhouse/client`) for the embedded store and a cluster alike.
 */
export interface ColumnStore {
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
  /** Ships at once what is needed and resolves when `coveredLsn >= lsn`; `NOT_CAUGHT_UP` after the timeout. */
  waitForCovered(lsn: Lsn, timeoutMs: number): Promise<void>;
  /** Rows of an event or action table, newest definition, ordered by `orderBy`, then session, tick, seq. */
  list(
    request: ColumnListRequest,
  ): Promise<RowPage & { readonly coveredLsn: Lsn; readonly statistics: QueryStatistics }>;
  groups(request: GroupsRequest): Promise<GroupsResult>;
  /** Read-only SQL over the title's tables by their manifest names; parameters as `{name:Type}`. */
  sql(
    query: string,
    parameters: Readonly<Record<string, Value>>,
    first: number,
    bounds: QueryBounds,
    signal?: AbortSignal,
  ): Promise<SqlResult>;
  /** Throws what `sql` would throw of the text and its parameters themselves; nothing of it runs. */
  checkSql(
    query: string,
    parameters: Readonly<Record<string, Value>>,
    bounds: QueryBounds,
    signal?: AbortSignal,
  ): Promise<void>;
  /** One valid stream or file in the format, in constant memory. */
  export(request: ExportRequest): Promise<AsyncIterable<Uint8Array>>;
  /** The queries that run in ClickHouse for this store, inserts included. */
  running(): Promise<readonly RunningColumnQuery[]>;
  /** True when such a query ran and was told to stop. */
  kill(queryId: string): Promise<boolean>;
  /** Waits for running inserts, stops the child. What was not shipped comes again from the log. */
  close(): Promise<void>;
}
