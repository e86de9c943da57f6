import { describe, expect, test } from 'vitest';
import type { ContentionReport, ContentionRow } from '../../engine/index.ts';
import { limits } from '../../engine/model/limits.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { FinishedOperation } from '../../resolvers/insight/finished-operation.ts';
import { FinishedWork } from '../../resolvers/insight/finished-work.ts';
import { insightBounds, insights } from '../../resolvers/insight/insights.ts';
import type { TitleHealth } from '../../resolvers/insight/title-health.ts';

const well: TitleHealth = {
  windowSeconds: 120,
  logSync: { count: 1_000, p50Ms: 1, p99Ms: 5 },
  staleness: new Map([['matchPulse', { count: 10, p50Ms: 1, p99Ms: 20 }]]),
  appliedLsn: asLsn(50_000),
  columnsCoveredLsn: asLsn(49_990),
  columnsTrouble: null,
  memoryUsedBytes: 10,
  memoryBytesMax: 100,
  audit: 'ok',
};
const calm: ContentionReport = { windowSeconds: 60, rows: [], truncated: false };
const slowMs = { GAMEPLAY: 100, OPERATOR: 1_000, ARCHIVAL: 30_000 };

function told(
  health: Partial<TitleHealth> = {},
  work = new FinishedWork(slowMs, () => {}),
  contention = calm,
) {
  return insights({ health: { ...well, ...health }, work, contention });
}

function workOf(runs: number, of: Partial<FinishedOperation>, failing = 0): FinishedWork {
  const work = new FinishedWork(slowMs, () => {});
  for (let i = 0; i < runs; i++) {
    work.record({
      kind: 'QUERY',
      shape: { fingerprint: 'f', name: 'Dashboard', text: '{ x }' },
      subject: 's',
      role: 'liveops',
      queryClass: 'OPERATOR',
      requestId: 'r',
      endedAtMs: i,
      elapsedMs: 1,
      waitMs: 0,
      rowsRead: 0,
      bytesRead: 0,
      memoryPeakBytes: null,
      code: i < failing ? 'OVERLOADED' : null,
      ...of,
    });
  }
  return work;
}

describe('insights', () => {
  test('are none where all is well', () => {
    expect(told()).toEqual([]);
    expect(told({ logSync: null, staleness: new Map() }, workOf(100, {}))).toEqual([]);
  });

  const { slowSyncMs, staleViewMs, columnsBehindTicks, memoryShare } = insightBounds;
  test.each([
    ['COLUMNS_DOWN', { columnsTrouble: 'it hangs' }],
    ['COLUMNS_BEHIND', { columnsCoveredLsn: asLsn(50_000 - columnsBehindTicks) }],
    ['SLOW_DISK', { logSync: { count: 9, p50Ms: 1, p99Ms: slowSyncMs } }],
    [
      'SLOW_VIEW',
      { staleness: new Map([['matchPulse', { count: 9, p50Ms: 1, p99Ms: staleViewMs }]]) },
    ],
    ['MEMORY_FILLS', { memoryUsedBytes: 100 * memoryShare }],
    ['AUDIT_BEHIND', { audit: 'waiting' }],
  ] as const)('tell of %s, with cause, evidence and mend', (kind, health) => {
    const [insight, ...others] = told(health as Partial<TitleHealth>);
    expect(others).toEqual([]);
    expect(insight?.kind).toBe(kind);
    for (const text of [insight?.about, insight?.cause, insight?.mend]) {
      expect(text?.length).toBeGreaterThan(5);
      expect(text).not.toMatch(/undefined|NaN|\[object/);
    }
    expect(Object.values(insight?.evidence ?? {})).not.toContain(undefined);
  });

  test('tell of no more than that one step before a bound', () => {
    expect(
      told({
        columnsCoveredLsn: asLsn(50_001 - columnsBehindTicks),
        logSync: { count: 9, p50Ms: 1, p99Ms: slowSyncMs - 0.1 },
        staleness: new Map([['v', { count: 9, p50Ms: 1, p99Ms: staleViewMs - 0.1 }]]),
        memoryUsedBytes: 100 * memoryShare - 1,
      }),
    ).toEqual([]);
  });

  test('name a heavy, a slow, a scanning and a failing operation', () => {
    const kinds = (work: FinishedWork) => told({}, work).map(({ kind }) => kind);
    expect(kinds(workOf(20, { elapsedMs: 600 }))).toEqual(['HEAVY_OPERATION']);
    expect(kinds(workOf(20, { elapsedMs: 300, queryClass: 'GAMEPLAY' }))).toEqual([
      'SLOW_OPERATION',
    ]);
    expect(kinds(workOf(2, { rowsRead: 1_000_000 }))).toEqual(['SCANNING_OPERATION']);
    expect(kinds(workOf(20, {}, 2))).toEqual(['FAILING_OPERATION']);
    expect(told({}, workOf(20, {}, 2))[0]).toMatchObject({
      about: 'operation Dashboard (f)',
      evidence: { count: 20, failed: 2, roles: ['liveops'] },
    });
    // Ticks are what the server is for: that they take the time is no news.
    expect(kinds(workOf(20, { elapsedMs: 600, kind: 'COMMIT' }))).toEqual([]);
  });

  test('hand on what contention advises, of hot rows and sessions alone', () => {
    const row = { kind: 'KEY', table: 'units', sessions: 3, conflicts: 40, byCode: {}, waits: 0 };
    const rows = [
      { ...row, hot: true, advice: 'Split it.', waitSeconds: 0, sessionId: null },
      { ...row, hot: false, advice: 'Nothing.', waitSeconds: 0, sessionId: null },
    ] as unknown as readonly ContentionRow[];
    const found = told({}, undefined, { ...calm, rows });
    expect(found).toMatchObject([
      { kind: 'CONTENTION', about: 'a row of units', mend: 'Split it.' },
    ]);
  });

  test('come with the gravest first, and so many at most', () => {
    const work = new FinishedWork(slowMs, () => {});
    for (let i = 0; i <= limits.insightsMax; i++) {
      for (const operation of workOf(1, { rowsRead: 2_000_000 }).operations('COUNT', 1)) {
        work.record({
          ...operation,
          shape: { ...operation.shape, fingerprint: `f${i}` },
          subject: 's',
          role: null,
          requestId: 'r',
          endedAtMs: 0,
          elapsedMs: 1,
          code: null,
        });
      }
    }
    const found = told({ audit: 'refusing', memoryUsedBytes: 90 }, work);
    expect(found).toHaveLength(limits.insightsMax);
    expect(found.slice(0, 3).map(({ severity }) => severity)).toEqual([
      'CRITICAL',
      'WARNING',
      'NOTE',
    ]);
  });
});
