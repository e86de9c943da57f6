import { describe, expect, it } from 'vitest';
import { adjust, append, insert, RulesTitle, remove, swap, upsert } from './rules-title.ts';

const nan = Number.NaN;
const never = { count: { gt: 200 } };

describe('an action', () => {
  it('is done as a whole or not at all', () => {
    const title = new RulesTitle();
    title.commit({ effects: [insert(1)] });
    expect(title.verdict(upsert(1, { count: 9 }), insert(2), append(5), insert(1))).toBe(
      'ROW_EXISTS',
    );
    expect(title.row(1)).toMatchObject({ count: 1, version: 1 });
    expect(title.row(2)).toBeNull();
  });

  it('runs its effects in the order they are written, each on what the one before left', () => {
    const title = new RulesTitle();
    const effects = [
      insert(1, { count: 1 }),
      adjust(1, { count: 4 }, { count: { eq: 5 } }),
      swap(1, 2, { label: 'x' }, { count: { eq: 5 } }),
      remove(1, 3, { label: { eq: 'x' } }),
      insert(1, { count: 7 }),
      upsert(1, { spare: 2 }, { count: { eq: 7 } }),
    ];
    expect(title.verdict(...effects)).toBeNull();
    expect(title.row(1)).toMatchObject({ count: 7, spare: 2, label: null, version: 2 });
  });

  it('sees what accepted actions before it wrote, and nothing of rejected ones', () => {
    const title = new RulesTitle();
    const { conflicts } = title.commit({
      actions: [
        [insert(1)],
        [adjust(1, { count: 1 }), insert(1)],
        [adjust(1, { count: 5 }, { count: { eq: 6 } })],
      ],
    });
    expect(conflicts.map(({ action, code }) => [action, code])).toEqual([[1, 'ROW_EXISTS']]);
    expect(title.row(1)).toMatchObject({ count: 6, version: 2 });
  });

  it('is logged with its verdict when it is rejected, without the rows it would have appended', () => {
    const title = new RulesTitle();
    const { changes } = title.commit({
      actions: [[append(1)], [append(2), remove(9)], [append(3)]],
      effects: [append(4)],
    });
    expect(changes?.actions).toMatchObject({ accepted: 2, rows: { length: 3 } });
    expect([...(changes?.actions?.verdicts ?? [])]).toEqual([0, 1, 0]);
    const [ledger] = changes?.events ?? [];
    expect([...(ledger?.seq ?? [])]).toEqual([0, 1, 2]);
    const amounts = ledger?.rows.vectors[0];
    expect(amounts?.layout === 'fixed' && [...amounts.values]).toEqual([1, 3, 4]);
  });

  it('may have no effects, and is accepted', () => {
    expect(new RulesTitle().verdict()).toBeNull();
  });
});

describe('the tick’s own effects', () => {
  it('run after all actions, and a conflict of theirs aborts the tick', () => {
    const title = new RulesTitle();
    title.commit({ actions: [[insert(1)]], effects: [adjust(1, { count: 1 })] });
    expect(title.row(1)).toMatchObject({ count: 2 });
    const aborted = title.commit({ actions: [[insert(2)]], effects: [insert(1)] });
    expect(aborted).toMatchObject({
      aborted: true,
      accepted: 0,
      tickConflict: { code: 'ROW_EXISTS', effect: 0 },
      changes: null,
    });
    expect(title.row(2)).toBeNull();
  });
});

describe('a conflict', () => {
  it('rejects its action alone under REJECT_ACTION, and takes back everything under ABORT_TICK', () => {
    const title = new RulesTitle();
    const actions = [[insert(1)], [insert(1)], [insert(2)]];
    const aborted = title.commit({ actions, onConflict: 'ABORT_TICK' });
    expect(aborted).toMatchObject({ aborted: true, accepted: 0, rejected: 1, changes: null });
    expect(title.row(1)).toBeNull();
    const rejected = title.commit({ actions, onConflict: 'REJECT_ACTION' });
    expect(rejected).toMatchObject({ aborted: false, accepted: 2, rejected: 1 });
    expect(title.row(2)).toMatchObject({ version: 1 });
  });

  it('is the first of the precedence, where several hold for one effect', () => {
    const title = new RulesTitle();
    title.commit({ effects: [insert(1, { count: 5 })] });
    expect(title.verdict(swap(9, 1, { real: nan }, never))).toBe('ROW_NOT_FOUND');
    expect(title.verdict(insert(1, { real: nan }))).toBe('ROW_EXISTS');
    expect(title.verdict(swap(1, 7, { real: nan }, never))).toBe('VERSION_MISMATCH');
    expect(title.verdict(swap(1, 1, { real: nan }, never))).toBe('GUARD_FAILED');
    expect(title.verdict(swap(1, 1, { real: nan }))).toBe('OUT_OF_RANGE');
    expect(title.verdict(remove(1, 7, never))).toBe('VERSION_MISMATCH');
    expect(title.verdict(remove(1, 1, never))).toBe('GUARD_FAILED');
    expect(title.row(1)).toMatchObject({ count: 5, version: 1 });
  });

  it('is that of the first effect that fails, whatever its code', () => {
    const title = new RulesTitle();
    title.commit({ effects: [insert(1)] });
    const { conflicts } = title.commit({
      actions: [[upsert(1, { label: 'x' }), upsert(1, { real: nan }), remove(9)]],
    });
    expect(conflicts).toMatchObject([{ code: 'OUT_OF_RANGE', effect: 1 }]);
  });

  it('names row, versions and the last writer', () => {
    const title = new RulesTitle();
    title.commit({ effects: [insert(1)] });
    const { conflicts } = title.commit({
      actions: [[upsert(1, { count: 2 })], [swap(1, 1, { count: 3 })]],
    });
    expect(conflicts[0]).toMatchObject({
      action: 1,
      effect: 0,
      table: 'thing',
      key: { sessionId: 's', id: 1 },
      expectedVersion: 1,
      actualVersion: 2,
      lastWriter: { lsn: 3, tick: 2, action: 0 },
      message: 'thing (sessionId s, id 1) is at version 2, not 1',
    });
  });
});

describe('a conflict of an adjust with its require', () => {
  const overdraw = adjust(1, { count: -5 }, { count: { eq: 200 } });

  it('names the row and its last writer as they were before the refused write', () => {
    const title = new RulesTitle();
    title.commit({ effects: [insert(1, { count: 40 })] });
    const { conflicts } = title.commit({ actions: [[overdraw]] });
    expect(conflicts[0]).toMatchObject({
      code: 'GUARD_FAILED',
      actualVersion: 1,
      lastWriter: { lsn: 2, tick: 1, action: null },
    });
    expect(title.row(1)).toMatchObject({ count: 40, version: 1 });
  });

  it('names what earlier effects of its action have left, and takes back all of them', () => {
    const title = new RulesTitle();
    title.commit({ effects: [insert(1, { count: 40 })] });
    const effects = [insert(2), upsert(1, { label: 'x' }), adjust(1, { count: 1 }), overdraw];
    const { conflicts } = title.commit({ actions: [effects] });
    expect(conflicts[0]).toMatchObject({
      code: 'GUARD_FAILED',
      effect: 3,
      actualVersion: 3,
      lastWriter: { lsn: 3, tick: 2, action: 0 },
    });
    expect(title.row(1)).toMatchObject({ count: 40, label: null, version: 1 });
    expect(title.row(2)).toBeNull();
  });

  it('aborts the tick of whose own effects it is, and names the writer before', () => {
    const title = new RulesTitle();
    title.commit({ effects: [insert(1, { count: 40 })] });
    const { aborted, tickConflict } = title.commit({ effects: [overdraw] });
    expect(aborted).toBe(true);
    expect(tickConflict).toMatchObject({ actualVersion: 1, lastWriter: { tick: 1 } });
  });
});

describe('an upsert', () => {
  it('creates a row when it gives every column a row must have, else it finds none', () => {
    const title = new RulesTitle();
    expect(title.verdict(upsert(1, { label: 'x' }))).toBe('ROW_NOT_FOUND');
    expect(title.verdict(upsert(1, { count: 3 }))).toBeNull();
    expect(title.verdict(upsert(1, { label: 'x' }))).toBeNull();
    expect(title.row(1)).toMatchObject({ count: 3, label: 'x', spare: null, version: 2 });
  });

  it('checks its require on a row that is there, and not on one it creates', () => {
    const title = new RulesTitle();
    expect(title.verdict(upsert(1, { count: 3 }, never))).toBeNull();
    expect(title.verdict(upsert(1, { count: 4 }, never))).toBe('GUARD_FAILED');
  });
});

describe('a version', () => {
  it('is 1 when a row is created, rises by one a write, and begins anew after a delete', () => {
    const title = new RulesTitle();
    title.commit({ actions: [[insert(1)], [upsert(1, { count: 2 })], [adjust(1, {})]] });
    expect(title.row(1)).toMatchObject({ version: 3 });
    title.commit({ actions: [[remove(1, 3)], [insert(1)]] });
    expect(title.row(1)).toMatchObject({ version: 1 });
  });
});

describe('numbers', () => {
  it('that are NaN, infinite or too large for an f32 are OUT_OF_RANGE in an effect', () => {
    const title = new RulesTitle();
    title.commit({ effects: [insert(1)] });
    for (const value of [nan, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(title.verdict(upsert(1, { real: value }))).toBe('OUT_OF_RANGE');
      expect(title.verdict(append(value))).toBe('OUT_OF_RANGE');
      expect(title.verdict(adjust(1, { real: value }))).toBe('OUT_OF_RANGE');
    }
    expect(title.verdict(upsert(1, { ratio: 1e300 }))).toBe('OUT_OF_RANGE');
    expect(title.verdict(upsert(1, { ratio: 0.1 }))).toBeNull();
    expect(title.row(1)).toMatchObject({ ratio: Math.fround(0.1), real: null });
  });

  it('that are out of range are told by their columns, in the words of their kinds', () => {
    const title = new RulesTitle();
    title.commit({ effects: [insert(1)] });
    const { conflicts } = title.commit({
      actions: [[upsert(1, { spare: 1, ratio: 1e39, real: nan })], [append(nan)]],
    });
    const f32 = 'ratio is out of the range of f32, which is that of its finite numbers';
    const f64 = 'is out of the range of f64, which is that of its finite numbers';
    expect(conflicts.map(({ message }) => message)).toEqual([
      `thing (sessionId s, id 1) cannot hold what is given: ${f32}; real ${f64}`,
      `ledger cannot hold what is given: amount ${f64}`,
    ]);
  });

  it('that are not finite in the action itself are BAD_USER_INPUT: there is nothing to log', () => {
    const title = new RulesTitle();
    for (const force of [nan, Number.POSITIVE_INFINITY, 1e300]) {
      expect(() => title.commit({ actions: [[]], force })).toThrowError(
        expect.objectContaining({
          code: 'BAD_USER_INPUT',
          message:
            'actions[0].force is out of the range of f32, which is that of its finite numbers',
          details: { path: 'actions[0].force', column: 'force' },
        }),
      );
    }
  });

  it('that are whole and outside their kind are BAD_USER_INPUT wherever they are given', () => {
    const title = new RulesTitle();
    for (const set of [{ count: 256 }, { count: -1 }, { count: 0.5 }, { wide: 2n ** 63n }]) {
      expect(() => title.verdict(upsert(1, { count: 1, ...set }))).toThrowError(
        expect.objectContaining({ code: 'BAD_USER_INPUT' }),
      );
    }
  });

  it('that an adjust brings out of the range of their column are OUT_OF_RANGE, and nothing is changed', () => {
    const title = new RulesTitle();
    const most = 2n ** 63n - 1n;
    title.commit({ effects: [insert(1, { count: 250, wide: most, real: 1.7e308, ratio: 3e38 })] });
    for (const add of [
      { count: 6 },
      { count: -251 },
      { count: 0.5 },
      { wide: 1n },
      { real: 1.7e308 },
      { ratio: 3e38 },
    ]) {
      expect(title.verdict(adjust(1, add))).toBe('OUT_OF_RANGE');
    }
    expect(title.verdict(adjust(1, { count: 5, wide: -1n }))).toBeNull();
    expect(title.row(1)).toMatchObject({ count: 255, wide: most - 1n, version: 2 });
  });
});

describe('an adjust', () => {
  it('counts null as zero, and lets a null addend change nothing', () => {
    const title = new RulesTitle();
    title.commit({ effects: [insert(1)] });
    expect(title.verdict(adjust(1, { spare: -7, real: 0.5, wide: null }))).toBeNull();
    expect(title.row(1)).toMatchObject({ spare: -7, real: 0.5, wide: null, version: 2 });
    expect(title.verdict(adjust(1, { spare: null }))).toBeNull();
    expect(title.row(1)).toMatchObject({ spare: -7, version: 3 });
  });

  it('checks its require on the result, which must exist to be checked', () => {
    const title = new RulesTitle();
    title.commit({ effects: [insert(1, { count: 10 })] });
    expect(title.verdict(adjust(1, { count: -3 }, { count: { lt: 8 } }))).toBeNull();
    expect(title.verdict(adjust(1, { count: -3 }, { count: { gte: 5 } }))).toBe('GUARD_FAILED');
    expect(title.row(1)).toMatchObject({ count: 7, version: 2 });
    expect(title.verdict(adjust(1, { count: -8 }, never))).toBe('OUT_OF_RANGE');
  });
});

describe('null', () => {
  it('is refused for a column that must have a value', () => {
    const title = new RulesTitle();
    for (const effect of [insert(1, { count: null }), upsert(1, { count: null })]) {
      expect(() => title.verdict(effect)).toThrowError(
        expect.objectContaining({ code: 'BAD_USER_INPUT' }),
      );
    }
  });

  it('is set where it is given, and a column that is left out stays as it is', () => {
    const title = new RulesTitle();
    title.commit({ effects: [insert(1, { label: 'a', spare: 1 })] });
    expect(title.verdict(upsert(1, { label: null }))).toBeNull();
    expect(title.row(1)).toMatchObject({ label: null, spare: 1, count: 1 });
  });

  it('satisfies no comparison in a require, not even ne; only isNull sees it', () => {
    const title = new RulesTitle();
    title.commit({ effects: [insert(1)] });
    const guarded = (condition: object) =>
      title.verdict(upsert(1, { count: 2 }, condition as never));
    expect(guarded({ spare: { eq: 0 } })).toBe('GUARD_FAILED');
    expect(guarded({ spare: { ne: 0 } })).toBe('GUARD_FAILED');
    expect(guarded({ label: { ne: 'x' } })).toBe('GUARD_FAILED');
    expect(guarded({ not: { spare: { eq: 0 } } })).toBeNull();
    expect(guarded({ spare: { isNull: true } })).toBeNull();
    expect(guarded({ spare: { isNull: false } })).toBe('GUARD_FAILED');
  });
});
