import { describe, expect, test } from 'vitest';
import { limits } from '../../engine/model/limits.ts';
import type { QueryClass } from '../../engine/model/types.ts';
import type { FinishedOperation } from '../../resolvers/insight/finished-operation.ts';
import { FinishedWork } from '../../resolvers/insight/finished-work.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { RecentDurationsRecorder } from '../../src/telemetry/recent-durations.ts';
import { SlowLog } from '../../src/telemetry/slow-log.ts';
import { seededRandom } from '../fault/seeded-random.ts';

const slowMs = { GAMEPLAY: 100, OPERATOR: 1_000, ARCHIVAL: 30_000 };

function operation(more: Partial<FinishedOperation> = {}, fingerprint = 'f'): FinishedOperation {
  return {
    kind: 'QUERY',
    shape: { fingerprint, name: null, text: '{ __typename }' },
    subject: 's',
    role: 'liveops',
    queryClass: 'OPERATOR',
    requestId: 'r',
    endedAtMs: 0,
    elapsedMs: 1,
    waitMs: 0,
    rowsRead: 0,
    bytesRead: 0,
    memoryPeakBytes: null,
    code: null,
    ...more,
  };
}

function recorder(tellSlow: (operation: FinishedOperation) => void = () => {}): FinishedWork {
  return new FinishedWork(slowMs, tellSlow);
}

describe('what finished', () => {
  test('is summed up by shape: counts, rows, failures, and durations to within a sixteenth', () => {
    const work = recorder();
    const random = seededRandom(7);
    const durations: number[] = [];
    for (let i = 0; i < 5_000; i++) {
      const elapsedMs = 0.01 * 1.002 ** (i + random() * 100);
      durations.push(elapsedMs);
      const code = i % 50 === 0 ? 'QUERY_TIMEOUT' : null;
      work.record(operation({ elapsedMs, rowsRead: 2, waitMs: 0.5, code }));
    }
    durations.sort((a, b) => a - b);
    const [statistics, ...others] = work.operations('TOTAL_TIME', 10);
    expect(others).toEqual([]);
    expect(statistics).toMatchObject({
      count: 5_000,
      failed: 100,
      rowsRead: 10_000,
      waitMs: 2_500,
    });
    expect(statistics?.lastCode).toBe('QUERY_TIMEOUT');
    for (const percent of [50, 99]) {
      const exact = durations[Math.ceil((percent / 100) * durations.length) - 1] ?? 0;
      const told = statistics?.percentileMs(percent) ?? 0;
      expect(Math.abs(told - exact) / exact).toBeLessThan(1 / 15);
    }
    expect(statistics?.maxMs).toBe(durations.at(-1));
  });

  test('is listed in the order that is asked for', () => {
    const work = recorder();
    work.record(operation({ elapsedMs: 900, rowsRead: 1 }, 'long'));
    for (let i = 0; i < 3; i++) work.record(operation({ elapsedMs: 10 }, 'often'));
    work.record(operation({ rowsRead: 1_000 }, 'wide'));
    work.record(operation({ code: 'INTERNAL' }, 'failing'));
    const firstBy = (order: Parameters<FinishedWork['operations']>[0]) =>
      work.operations(order, 1)[0]?.shape.fingerprint;
    expect(firstBy('TOTAL_TIME')).toBe('long');
    expect(firstBy('P99')).toBe('long');
    expect(firstBy('COUNT')).toBe('often');
    expect(firstBy('ROWS_READ')).toBe('wide');
    expect(firstBy('FAILED')).toBe('failing');
  });

  test('is kept for so many shapes and roles, and the one not seen for longest is forgotten for one more', () => {
    const work = recorder();
    const { operationsKeptMax: max } = limits;
    for (let i = 0; i < max; i++) work.record(operation({}, `f${i}`));
    expect(work.operations('COUNT', max + 1)).toHaveLength(max);
    expect(work.forgotten).toBe(0);
    work.record(operation({}, 'f0'));
    work.record(operation({}, 'one more'));
    const kept = work.operations('COUNT', max + 1).map(({ shape }) => shape.fingerprint);
    expect(kept).toHaveLength(max);
    expect(kept).toContain('f0');
    expect(kept).not.toContain('f1');
    expect(work.forgotten).toBe(1);

    const { operationRolesMax } = limits;
    for (let i = 0; i <= operationRolesMax; i++) work.record(operation({ role: `r${i}` }, 'roles'));
    const [ofRoles] = work.operations('COUNT', 1);
    expect(ofRoles?.roles.size).toBe(operationRolesMax);
    expect(ofRoles?.count).toBe(operationRolesMax + 1);
  });

  test('counts as slow from the threshold of its class on, and the last so many are kept', () => {
    const told: FinishedOperation[] = [];
    const work = recorder((slow) => told.push(slow));
    for (const [queryClass, ms] of Object.entries(slowMs) as [QueryClass, number][]) {
      work.record(operation({ queryClass, elapsedMs: ms - 0.001 }));
      work.record(operation({ queryClass, elapsedMs: ms }));
    }
    expect(told.map(({ elapsedMs }) => elapsedMs)).toEqual([100, 1_000, 30_000]);
    expect(work.slow(2).map(({ elapsedMs }) => elapsedMs)).toEqual([30_000, 1_000]);
    const { slowOperationsKeptMax: max } = limits;
    for (let i = 0; i < max; i++) work.record(operation({ elapsedMs: 2_000 + i }));
    expect(work.slow(max + 1)).toHaveLength(max);
    expect(work.slow(max)[max - 1]?.elapsedMs).toBe(2_000);
  });
});

describe('the slow log', () => {
  test('writes so many lines a second, and then how many it left out', () => {
    const lines: Record<string, unknown>[] = [];
    const logger = createLogger('silent');
    logger.info = ((line: Record<string, unknown>) => lines.push(line)) as typeof logger.info;
    const log = new SlowLog(logger, new Metrics());
    const { slowOperationsLoggedPerSecondMax: max } = limits;
    for (let i = 0; i < max + 5; i++) log.tell(operation({ endedAtMs: 1_000 + i }));
    expect(lines).toHaveLength(max);
    log.tell(operation({ endedAtMs: 2_500, elapsedMs: 1234.5678 }));
    expect(lines).toHaveLength(max + 1);
    expect(lines.at(-1)).toMatchObject({ slowLeftOut: 5, slow: { elapsedMs: 1234.568 } });
    log.tell(operation({ endedAtMs: 2_501 }));
    expect(lines.at(-1)).not.toHaveProperty('slowLeftOut');
  });
});

describe('durations of the last minutes', () => {
  test('are those of one pane to two, and none once two have passed', () => {
    let nowMs = 0;
    const recorder = new RecentDurationsRecorder(() => nowMs);
    expect(recorder.read()).toBeNull();
    recorder.record(1_000);
    nowMs = 60_000;
    recorder.record(10);
    expect(recorder.read()?.count).toBe(2);
    expect(recorder.read()?.p99Ms).toBeGreaterThan(900);
    nowMs = 120_000;
    expect(recorder.read()?.count).toBe(1);
    expect(recorder.read()?.p99Ms).toBeLessThan(11);
    nowMs = 300_000;
    expect(recorder.read()).toBeNull();
  });
});
