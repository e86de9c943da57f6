import type { ContentionReport } from '../../engine/index.ts';
import { limits } from '../../engine/model/limits.ts';
import { formatPosition } from '../../engine/model/position.ts';
import type { FinishedWork } from './finished-work.ts';
import type { OperationStatistics } from './operation-statistics.ts';
import type { RecentDurations, TitleHealth } from './title-health.ts';

export type InsightKind =
  | 'CONTENTION'
  | 'HEAVY_OPERATION'
  | 'SLOW_OPERATION'
  | 'SCANNING_OPERATION'
  | 'FAILING_OPERATION'
  | 'COLUMNS_DOWN'
  | 'COLUMNS_BEHIND'
  | 'SLOW_DISK'
  | 'SLOW_VIEW'
  | 'MEMORY_FILLS'
  | 'AUDIT_BEHIND';

export type InsightSeverity = 'CRITICAL' | 'WARNING' | 'NOTE';

/** Something an operator should know now. */
export interface Insight {
  readonly kind: InsightKind;
  readonly severity: InsightSeverity;
  /** The row, session, operation or part it is about. */
  readonly about: string;
  /** What happens, and why that is told. */
  readonly cause: string;
  /** The figures that it rests on. */
  readonly evidence: Readonly<Record<string, unknown>>;
  /** What to do about it. */
  readonly mend: string;
}

export interface InsightSources {
  readonly health: TitleHealth;
  readonly contention: ContentionReport;
  readonly work: FinishedWork;
}

/** From where on something is worth telling. `docs/insights.md` states them for operators. */
export const insightBounds = {
  /** Syncs of the log, at the 99th percentile. */
  slowSyncMs: 100,
  /** From a commit to the frame that shows it, at the 99th percentile. */
  staleViewMs: 1_000,
  /** Applied ticks that the column store lacks. */
  columnsBehindTicks: 10_000,
  /** Share of the memory of rows, views and answers. */
  memoryShare: 0.8,
  /** Share of all time that operations took, and how long that is at least. */
  heavyShare: 0.25,
  heavyMs: 10_000,
  /** Rows that one run reads. */
  scanRows: 1_000_000,
  /** Runs before the share of failed ones, and the 99th percentile, say anything. */
  runsMin: 20,
  failedShare: 0.1,
} as const;

/** The gravest first; within one severity in the order of `InsightKind`. At most `insightsMax`. */
export function insights(sources: InsightSources): readonly Insight[] {
  const found = [
    ...ofColumns(sources.health),
    ...ofParts(sources.health),
    ...ofContention(sources.contention),
    ...ofOperations(sources.work),
  ];
  const rank: Readonly<Record<InsightSeverity, number>> = { CRITICAL: 0, WARNING: 1, NOTE: 2 };
  return found.sort((a, b) => rank[a.severity] - rank[b.severity]).slice(0, limits.insightsMax);
}

function* ofColumns({
  appliedLsn,
  columnsCoveredLsn,
  columnsTrouble,
}: TitleHealth): Generator<Insight> {
  const behind = Math.max(0, appliedLsn - columnsCoveredLsn);
  const evidence = {
    appliedPosition: formatPosition(appliedLsn),
    coveredPosition: formatPosition(columnsCoveredLsn),
    ticksBehind: behind,
  };
  if (columnsTrouble !== null) {
    yield {
      kind: 'COLUMNS_DOWN',
      severity: 'CRITICAL',
      about: 'the column store',
      cause: `ClickHouse does not answer: ${columnsTrouble}. Ticks, live rows and views go on; lists, groups, SQL and exports that need it answer UNAVAILABLE.`,
      evidence,
      mend: 'The server starts an embedded ClickHouse again by itself, and what it lacks is kept in the log. If this stays, look for "columns" in the log of the server, and at free memory and disk.',
    };
  } else if (behind >= insightBounds.columnsBehindTicks) {
    yield {
      kind: 'COLUMNS_BEHIND',
      severity: 'WARNING',
      about: 'the column store',
      cause: `It lacks the newest ${behind} ticks, so that answers from it are older than they should be.`,
      evidence,
      mend: 'After a burst it catches up by itself. If the number grows, commits come faster than ClickHouse takes them: give the machine a processor more, a faster disk, or larger ticks in place of many small ones.',
    };
  }
}

function* ofParts(health: TitleHealth): Generator<Insight> {
  const { logSync, staleness, memoryUsedBytes, memoryBytesMax, audit, windowSeconds } = health;
  if (logSync !== null && logSync.p99Ms >= insightBounds.slowSyncMs) {
    yield {
      kind: 'SLOW_DISK',
      severity: 'WARNING',
      about: 'the disk of the log',
      cause: `One in a hundred writes of the log took ${rounded(logSync.p99Ms)} ms or longer to be on the disk; no commit is answered before.`,
      evidence: { windowSeconds, ...figures(logSync) },
      mend: 'Give the data directory a disk with power-loss protection, or one that nothing else writes to; --durability interval:<ms> answers before the sync and states what a crash may lose.',
    };
  }
  for (const [view, durations] of staleness) {
    if (durations.p99Ms < insightBounds.staleViewMs) continue;
    yield {
      kind: 'SLOW_VIEW',
      severity: 'WARNING',
      about: view,
      cause: `Subscribers saw one change in a hundred of "${view}" ${rounded(durations.p99Ms)} ms or longer after its commit.`,
      evidence: { windowSeconds, ...figures(durations) },
      mend: 'Ask for less with `where` and `maxRate`, or subscribe to a view that groups instead of the rows themselves; `tickloom_feed_subscribers` tells how many listen.',
    };
  }
  const share = memoryUsedBytes / memoryBytesMax;
  if (share >= insightBounds.memoryShare) {
    yield {
      kind: 'MEMORY_FILLS',
      severity: share >= 1 ? 'CRITICAL' : 'WARNING',
      about: 'live rows and views',
      cause: `They fill ${rounded(share * 100)}% of their memory. From 100% on ticks that may create rows answer QUOTA_EXCEEDED.`,
      evidence: { usedBytes: memoryUsedBytes, maxBytes: memoryBytesMax },
      mend: 'Delete the rows of matches that are over, close their sessions, or raise --row-memory where the machine has more; `tickloom_state_rows` and `tickloom_state_memory_bytes` tell what fills it.',
    };
  }
  if (audit !== 'ok') {
    yield {
      kind: 'AUDIT_BEHIND',
      severity: audit === 'refusing' ? 'CRITICAL' : 'WARNING',
      about: 'the audit log',
      cause:
        audit === 'refusing'
          ? 'Too many of its records wait for the disk: whatever would be recorded is refused.'
          : 'Its records wait for the disk.',
      evidence: { state: audit },
      mend: 'Make room on the disk of the data directory; what waits is written as soon as there is some.',
    };
  }
}

function* ofContention({ rows, windowSeconds }: ContentionReport): Generator<Insight> {
  for (const row of rows) {
    if (!row.hot) continue;
    const { kind, sessionId, table, conflicts, waits, waitSeconds, byCode, advice } = row;
    yield {
      kind: 'CONTENTION',
      severity: 'WARNING',
      about: kind === 'KEY' ? `a row of ${table}` : `session ${sessionId}`,
      cause:
        kind === 'KEY'
          ? `Ticks of ${row.sessions} sessions met ${conflicts} conflicts on one row.`
          : `It met ${conflicts} conflicts and waited ${waits} times, ${rounded(waitSeconds * 1000)} ms together.`,
      evidence: { windowSeconds, sessionId, table, conflicts, byCode, waits, waitSeconds },
      mend: advice,
    };
  }
}

function* ofOperations(work: FinishedWork): Generator<Insight> {
  const { heavyShare, heavyMs, scanRows, runsMin, failedShare } = insightBounds;
  for (const operation of work.operations('TOTAL_TIME', limits.operationsKeptMax)) {
    const { count, totalMs, rowsRead, failed, kind } = operation;
    const told = { about: named(operation), evidence: evidenceOf(operation) };
    const share = totalMs / work.totalMs;
    if (kind !== 'COMMIT' && totalMs >= heavyMs && share >= heavyShare) {
      yield {
        ...told,
        kind: 'HEAVY_OPERATION',
        severity: 'NOTE',
        cause: `It takes ${rounded(share * 100)}% of the time of all operations.`,
        mend: 'Ask for it less often, or make it a materialized view that is kept up to date and only read.',
      };
    }
    const slow = passedThreshold(work, operation);
    if (slow !== null) {
      yield {
        ...told,
        kind: 'SLOW_OPERATION',
        severity: 'NOTE',
        cause: `One run in a hundred takes ${rounded(operation.percentileMs(99))} ms or longer; from ${slow} ms on it counts as slow.`,
        mend: 'Look at `slowQueries` for what its slow runs read and waited for; narrow its `where` by session and tick, or select less.',
      };
    }
    if (rowsRead / count >= scanRows) {
      yield {
        ...told,
        kind: 'SCANNING_OPERATION',
        severity: 'NOTE',
        cause: `A run reads ${Math.round(rowsRead / count)} rows.`,
        mend: 'Tables are ordered by session, then tick: a condition on both reads their part alone. What every run groups anew belongs into a view.',
      };
    }
    if (count >= runsMin && failed / count >= failedShare) {
      yield {
        ...told,
        kind: 'FAILING_OPERATION',
        severity: 'WARNING',
        cause: `${rounded((failed / count) * 100)}% of its runs fail, lately with ${operation.lastCode}.`,
        mend: 'Look at what the code asks of a client (docs/errors.md), and in the log for the request ids of its failures.',
      };
    }
  }
}

/** The threshold of its class, where one run in a hundred passes it; else null. */
function passedThreshold(work: FinishedWork, operation: OperationStatistics): number | null {
  if (operation.count < insightBounds.runsMin) return null;
  const slowMs = work.slowMs[operation.queryClass];
  return operation.percentileMs(99) >= slowMs ? slowMs : null;
}

function named({ shape: { name, fingerprint } }: OperationStatistics): string {
  return name === null ? `operation ${fingerprint}` : `operation ${name} (${fingerprint})`;
}

function evidenceOf(operation: OperationStatistics): Insight['evidence'] {
  const { count, totalMs, rowsRead, failed, roles, maxMs } = operation;
  return {
    count,
    failed,
    totalMs: rounded(totalMs),
    p50Ms: rounded(operation.percentileMs(50)),
    p99Ms: rounded(operation.percentileMs(99)),
    maxMs: rounded(maxMs),
    rowsRead,
    roles: [...roles],
  };
}

function figures({ count, p50Ms, p99Ms }: RecentDurations): Insight['evidence'] {
  return { count, p50Ms: rounded(p50Ms), p99Ms: rounded(p99Ms) };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
