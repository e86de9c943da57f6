import type { Lsn } from '../../engine/model/position.ts';

/** Durations of the last minutes. */
export interface RecentDurations {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** How the parts of a title are, as its server measures them. */
export interface TitleHealth {
  readonly windowSeconds: number;
  /** Writes and syncs of the log; null: there was none. */
  readonly logSync: RecentDurations | null;
  /** From a commit to the frame that shows it, by view or table. */
  readonly staleness: ReadonlyMap<string, RecentDurations>;
  readonly appliedLsn: Lsn;
  readonly columnsCoveredLsn: Lsn;
  /** Why the column store does not answer; null while it does. */
  readonly columnsTrouble: string | null;
  /** Live rows, views and answers kept for retries, in bytes. */
  readonly memoryUsedBytes: number;
  readonly memoryBytesMax: number;
  /** `ok`, or how the audit log lags behind. */
  readonly audit: 'ok' | 'waiting' | 'refusing';
}
