import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ContentionRecorder, paneMs } from '../../engine/govern/contention-recorder.ts';
import type { ContentionRow } from '../../engine/govern/contention-report.ts';
import { heatMarks } from '../../engine/govern/heat.ts';
import type { ConflictReport } from '../../engine/model/conflict.ts';
import { EngineError } from '../../engine/model/errors.ts';
import { limits } from '../../engine/model/limits.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { ConflictCode } from '../../engine/model/system-columns.ts';
import type { Row } from '../../engine/model/types.ts';

/** A recorder under a clock that stands still unless told. */
function recording(startMs = 0) {
  let nowMs = startMs;
  let lsn = 0;
  const recorder = new ContentionRecorder(() => nowMs);
  return {
    recorder,
    pass(ms: number) {
      nowMs += ms;
    },
    tick(sessionId: string, accepted: number, conflicts: readonly ConflictReport[] = []) {
      lsn++;
      const rejected = conflicts.length;
      const tick = { lsn: asLsn(lsn), accepted, rejected, conflicts, tickConflict: null };
      recorder.applied(sessionId, tick, 0.001);
    },
    sessions: (sessionId: string | null = null) => ofKind(recorder, 'SESSION', sessionId),
    keys: (sessionId: string | null = null) => ofKind(recorder, 'KEY', sessionId),
  };
}

function ofKind(
  recorder: ContentionRecorder,
  kind: ContentionRow['kind'],
  sessionId: string | null,
): readonly ContentionRow[] {
  return recorder.report(sessionId).rows.filter((row) => row.kind === kind);
}

function conflict(key: Row, code: ConflictCode = 'GUARD_FAILED', table = 'wallet'): ConflictReport {
  return {
    action: 0,
    code,
    effect: 0,
    table,
    key,
    expectedVersion: null,
    actualVersion: null,
    lastWriter: null,
    message: '',
  };
}

const times = (count: number, report: ConflictReport) =>
  Array.from({ length: count }, () => report);

describe('what is counted', () => {
  it('names the session and the row of each conflict, by code', () => {
    const { tick, sessions, keys } = recording();
    const first = { sessionId: 's1', playerId: 1 };
    tick('s1', 8, [conflict(first), conflict(first, 'VERSION_MISMATCH')]);
    tick('s1', 0, [conflict({ sessionId: 's1', playerId: 2 })]);
    tick('s2', 9);
    expect(sessions()).toEqual([
      expect.objectContaining({
        sessionId: 's1',
        commits: 2,
        actions: 11,
        conflicts: 3,
        byCode: { GUARD_FAILED: 2, VERSION_MISMATCH: 1 },
        shareOfActions: 0.55,
        applySeconds: 0.002,
        lastLsn: 2,
        hot: false,
      }),
    ]);
    expect(keys()).toEqual([
      expect.objectContaining({
        sessionId: 's1',
        sessions: 1,
        table: 'wallet',
        key: first,
        conflicts: 2,
        byCode: { GUARD_FAILED: 1, VERSION_MISMATCH: 1 },
        lastLsn: 1,
      }),
      expect.objectContaining({ key: { sessionId: 's1', playerId: 2 }, conflicts: 1, lastLsn: 2 }),
    ]);
  });

  it('makes one line of a title-wide row that several sessions want', () => {
    const { tick, keys } = recording();
    tick('s1', 0, times(2, conflict({ playerId: 7 })));
    tick('s2', 0, [conflict({ playerId: 7 })]);
    tick('', 0, [conflict({ playerId: 7 })]);
    expect(keys()).toEqual([
      expect.objectContaining({ sessionId: null, sessions: 2, key: { playerId: 7 }, conflicts: 4 }),
    ]);
    expect(keys()[0]?.advice).toContain('2 sessions meet on this title-wide row');
    expect(keys('s2')).toEqual(keys());
    expect(keys('s3')).toEqual([]);
  });

  it('keeps apart keys whose parts read alike when joined', () => {
    const { tick, keys } = recording();
    tick('s', 0, [conflict({ a: '1', b: '11' }), conflict({ a: '11', b: '1' })]);
    expect(keys().map(({ key }) => key)).toHaveLength(2);
  });

  it('tells of a session asked for by name even where all is well, and of no other', () => {
    const { tick, recorder, sessions } = recording();
    tick('s1', 1);
    tick('s2', 1);
    expect(recorder.report(null).rows).toEqual([]);
    expect(sessions('s2')).toEqual([
      expect.objectContaining({ sessionId: 's2', commits: 1, hot: false }),
    ]);
    expect(recorder.report('s3').rows).toEqual([]);
  });

  it('counts refusals that writers cause, and no failures of the server or of requests', () => {
    const { recorder, sessions } = recording();
    for (const code of ['FENCED', 'TICK_OUT_OF_ORDER', 'OVERLOADED'] as const) {
      recorder.refused('s', new EngineError(code, ''));
    }
    for (const code of ['UNAVAILABLE', 'NOT_FOUND', 'QUOTA_EXCEEDED'] as const) {
      recorder.refused('s', new EngineError(code, ''));
    }
    recorder.refused('s', new Error('a bug'));
    expect(sessions()[0]?.refusals).toEqual({ FENCED: 1, TICK_OUT_OF_ORDER: 1, OVERLOADED: 1 });
  });
});

describe('time', () => {
  it('fades what is older than two panes and keeps what is younger than one', () => {
    const { recorder, tick, pass, keys } = recording();
    tick('s', 0, [conflict({ id: 1 })]);
    pass(paneMs);
    tick('s', 0, [conflict({ id: 1 })]);
    expect(keys()[0]?.conflicts).toBe(2);
    expect(recorder.report(null).windowSeconds).toBe(paneMs / 1000);
    pass(paneMs - 1);
    expect(keys()[0]?.conflicts).toBe(2);
    pass(1);
    expect(keys()[0]?.conflicts).toBe(1);
    pass(paneMs);
    expect(recorder.report(null)).toEqual({
      windowSeconds: paneMs / 1000,
      rows: [],
      truncated: false,
    });
  });

  it('forgets all after a silence of two panes', () => {
    const { recorder, tick, pass } = recording(1e12 + 17);
    tick('s', 0, [conflict({ id: 1 })]);
    pass(3 * paneMs);
    expect(recorder.report('s').rows).toEqual([]);
  });

  it('says how far back it counts: from the start, then between one and two panes', () => {
    const { recorder, pass } = recording(2.5 * paneMs);
    pass(1_500);
    expect(recorder.report(null).windowSeconds).toBe(1.5);
    for (let i = 0; i < 50; i++) {
      pass(paneMs / 7);
      const { windowSeconds } = recorder.report(null);
      if (i > 14) expect(windowSeconds).toBeGreaterThanOrEqual(paneMs / 1000);
      expect(windowSeconds).toBeLessThan((2 * paneMs) / 1000);
    }
  });
});

describe('hot', () => {
  it('is a row from its thirtieth conflict on, and its advice fits its most frequent code', () => {
    const { tick, keys } = recording();
    tick('s', 0, times(heatMarks.keyConflicts - 1, conflict({ id: 1 }, 'VERSION_MISMATCH')));
    expect(keys()[0]?.hot).toBe(false);
    tick('s', 0, [conflict({ id: 1 })]);
    expect(keys()[0]).toMatchObject({ hot: true });
    expect(keys()[0]?.advice).toMatch(/adjust.*retryOnConflict/);
  });

  it('is a session with a large part of the work while others run', () => {
    const { tick, sessions } = recording();
    for (let i = 0; i < 9; i++) tick(`cold-${i}`, 2_700);
    tick('busy', 10_700);
    expect(sessions('busy')[0]?.hot).toBe(false);
    tick('busy', 100);
    expect(sessions('busy')[0]).toMatchObject({ hot: true });
    expect(sessions('busy')[0]?.advice).toContain('hot partition');
    expect(sessions('cold-1')[0]).toMatchObject({ hot: false, advice: 'Not hot: nothing to do.' });
  });

  it('is no session for being alone, or one of a few that are alike', () => {
    const { tick, sessions } = recording();
    tick('a', 300_000);
    expect(sessions('a')[0]?.hot).toBe(false);
    tick('b', 90_000);
    tick('c', 90_000);
    expect(sessions()).toEqual([]);
  });

  it('is a session whose ticks hold the thread, however few its actions', () => {
    const { recorder, pass, sessions } = recording();
    const tick = { lsn: asLsn(1), accepted: 1, rejected: 0, conflicts: [], tickConflict: null };
    pass(10_000);
    recorder.applied('s', tick, 1.9);
    expect(sessions()).toEqual([]);
    recorder.applied('s', tick, 0.2);
    expect(sessions()[0]).toMatchObject({ hot: true });
  });

  it('is a session of which more than one in twenty is rejected', () => {
    const { tick, sessions } = recording();
    tick('rare', 900, times(30, conflict({ id: 1 })));
    tick('often', 500, times(30, conflict({ id: 2 })));
    expect(sessions().map((row) => [row.sessionId, row.hot])).toEqual([
      ['often', true],
      ['rare', false],
    ]);
  });

  it('is a session whose ticks wait long, or whose writers fight over it', () => {
    const { recorder, sessions } = recording();
    for (let i = 0; i < 10; i++) {
      recorder.waited('late', 0.2);
      recorder.waited('reordered', 0.002);
    }
    for (let i = 0; i < 3; i++) recorder.refused('torn', new EngineError('FENCED', ''));
    const hot = new Map(sessions().map((row) => [row.sessionId, row]));
    expect(hot.get('late')).toMatchObject({ hot: true, waits: 10 });
    expect(hot.get('late')?.waitSeconds).toBeCloseTo(2);
    expect(hot.get('late')?.advice).toContain('wait for the one before');
    expect(hot.get('reordered')?.hot).toBe(false);
    expect(hot.get('torn')).toMatchObject({ hot: true });
    expect(hot.get('torn')?.advice).toContain('two simulators');
  });
});

describe('bounds', () => {
  it('finds the hot rows and the hot session among more than it can hold', () => {
    const { tick, recorder } = recording();
    for (let i = 0; i < 2 * limits.contentionSessionsMax; i++) {
      const cold = conflict({ sessionId: `s${i}`, id: i });
      tick(`s${i}`, 1, i % 50 === 0 ? [conflict({ id: 'wide' }), cold] : [cold]);
      if (i % 100 === 0) tick('hot', 500, [conflict({ sessionId: 'hot', id: 'own' })]);
    }
    const { rows } = recorder.report(null);
    expect(rows).toHaveLength(limits.contentionRowsMax);
    const hot = rows.filter((row) => row.hot);
    expect(hot.map((row) => [row.kind, row.sessionId, row.sessions, row.key])).toEqual([
      ['KEY', null, limits.contentionKeySessionsMax, { id: 'wide' }],
      ['SESSION', 'hot', 1, null],
      ['KEY', 'hot', 1, { sessionId: 'hot', id: 'own' }],
    ]);
  });

  it('counts as many sessions and rows apart as it holds, and gives the place of a cold one to one more', () => {
    const { tick, recorder } = recording();
    const counted = (sessionId: string) => recorder.report(sessionId).rows.length;
    for (let i = 0; i < limits.contentionSessionsMax; i++) tick(`s${i}`, i === 0 ? 1 : 2);
    expect(counted('s0')).toBe(1);
    tick('one more', 2);
    expect([counted('s0'), counted('s1'), counted('one more')]).toEqual([0, 1, 1]);
    const rows = recording();
    const met = (id: number) =>
      ofKind(rows.recorder, 'KEY', `s${id}`).map(({ conflicts }) => conflicts);
    const meet = (id: number, count: number) =>
      rows.tick(`s${id}`, 0, times(count, conflict({ sessionId: `s${id}`, id })));
    for (let id = 0; id < limits.contentionKeysMax; id++) meet(id, id === 0 ? 1 : 2);
    expect(met(0)).toEqual([1]);
    meet(limits.contentionKeysMax, 2);
    expect([met(0), met(1), met(limits.contentionKeysMax)]).toEqual([[], [2], [2]]);
  });

  it('counts conflicts on keys too long to keep without their names', () => {
    const { tick, keys } = recording();
    const long = 'x'.repeat(limits.contentionKeyLengthMax);
    tick('s', 0, [conflict({ id: long }), conflict({ id: `${long}y` })]);
    tick('s', 0, [conflict({ id: long.slice(10) })]);
    expect(keys()).toMatchObject([
      { key: null, table: 'wallet', conflicts: 2 },
      { key: { id: long.slice(10) }, conflicts: 1 },
    ]);
  });
});

it('the marks that users read of are those that hold', async () => {
  const page = await readFile(new URL('../../docs/contention.md', import.meta.url), 'utf8');
  const told = Array.from(page.matchAll(/^\| `(\w+)`\s+\| ([\d.]+)\s+\|/gm), ([, name, value]) => [
    name,
    Number(value),
  ]);
  expect(Object.fromEntries(told)).toEqual(heatMarks);
});
