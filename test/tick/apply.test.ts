import { describe, expect, it } from 'vitest';
import { finish } from '../../engine/govern/work.ts';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { ActionInput, EffectInput } from '../../engine/intake/rows/row-input.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { Lsn } from '../../engine/model/position.ts';
import { LiveState } from '../../engine/state/live-state.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import { Projection } from '../../engine/tick/projection.ts';
import { decodeHeader, decodeTick, digestOf, encodeTick } from '../../engine/tick/tick-record.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';

const catalog = new Catalog(ashfall);

function harness() {
  const state = new TitleState(catalog);
  const projection = new Projection(state);
  const live = new LiveState(state);
  let lsn = 0;
  projection.settleSession(++lsn as Lsn, {
    type: 'session',
    at: 1,
    session: 's',
    verb: 'open',
    fence: null,
  });
  const tick = (
    number: number,
    actions: readonly ActionInput[],
    effects: readonly EffectInput[] = [],
    onConflict: 'REJECT_ACTION' | 'ABORT_TICK' = 'REJECT_ACTION',
  ) => {
    const batch = buildTickBatch(catalog, {
      header: {
        sessionId: 's',
        tick: number,
        fence: null,
        idempotencyKey: null,
        onConflict,
        afterTick: null,
      },
      actions,
      effects,
    });
    const { record, digest } = encodeTick(batch);
    const parts = record(1000 + number, null);
    // What is applied is what a replay would read: the record's bytes.
    const payload = new Uint8Array(Buffer.concat(parts));
    const { header, end } = decodeHeader(payload);
    if (header.type !== 'tick') throw new Error('a tick');
    const decoded = decodeTick(catalog, header, payload, end);
    expect(Buffer.from(digestOf(decoded)).equals(Buffer.from(digest))).toBe(true);
    return projection.settle({
      lsn: ++lsn as Lsn,
      committedAtMs: header.at,
      digest,
      batch: decoded.batch,
    });
  };
  const unit = (unitId: number) => live.get('unitState', { sessionId: 's', unitId });
  return { tick, unit, live, state };
}

function action(actionId: string, effects: readonly EffectInput[]): ActionInput {
  return { actionId, row: { playerId: 1, kind: 'MOVE', unitIds: [1, 2] }, effects };
}

function insert(unitId: number, row: object = {}): EffectInput {
  return { op: 'insert', table: 'unitState', row: { unitId, ownerId: 1, ...row } };
}

describe('applying a tick', () => {
  it('inserts, swaps by version, and names a version mismatch with its writer', () => {
    const { tick, unit } = harness();
    const first = tick(1, [action('a', [insert(7, { health: 10, blueprint: 'tank' })])]);
    expect(first).toMatchObject({ kind: 'applied', accepted: 1, rejected: 0 });
    expect(unit(7)).toMatchObject({ health: 10, blueprint: 'tank', version: 1, x: null });
    const swap = (expectedVersion: number, health: number): EffectInput => ({
      op: 'compareAndSet',
      table: 'unitState',
      key: { unitId: 7 },
      expectedVersion,
      set: { health },
      require: null,
    });
    const second = tick(2, [action('b', [swap(1, 5)]), action('c', [swap(1, 3)])]);
    expect(second).toMatchObject({ accepted: 1, rejected: 1 });
    if (second.kind !== 'applied') throw new Error('applied');
    expect(second.conflicts[0]).toMatchObject({
      action: 1,
      code: 'VERSION_MISMATCH',
      expectedVersion: 1,
      actualVersion: 2,
      key: { sessionId: 's', unitId: 7 },
      lastWriter: { tick: 2, action: 0 },
    });
    expect(unit(7)).toMatchObject({ health: 5, version: 2 });
  });

  it('takes back every effect of an action whose later effect conflicts', () => {
    const { tick, unit, state } = harness();
    tick(1, [action('a', [insert(1), insert(2)])]);
    const before = state.pool.size;
    const result = tick(2, [
      action('b', [
        insert(3, { blueprint: 'only here' }),
        {
          op: 'upsert',
          table: 'unitState',
          key: { unitId: 1 },
          set: { ownerId: 9, blueprint: 'changed' },
          require: null,
        },
        {
          op: 'delete',
          table: 'unitState',
          key: { unitId: 2 },
          expectedVersion: null,
          require: null,
        },
        insert(1),
      ]),
    ]);
    expect(result).toMatchObject({ accepted: 0, rejected: 1 });
    expect(unit(1)).toMatchObject({ ownerId: 1, blueprint: null, version: 1 });
    expect(unit(2)).toMatchObject({ version: 1 });
    expect(unit(3)).toBeNull();
    tick(3, [action('c', [])]);
    expect(state.pool.size).toBe(before);
    expect(state.tables.get('unitState')?.rowCount).toBe(2);
  });

  it('applies nothing of an aborted tick', () => {
    const { tick, unit } = harness();
    tick(1, [action('a', [insert(1)])]);
    const aborted = tick(2, [action('b', [insert(2)]), action('c', [insert(1)])], [], 'ABORT_TICK');
    expect(aborted).toMatchObject({ kind: 'applied', aborted: true, accepted: 0, rejected: 1 });
    expect(unit(2)).toBeNull();
    const again = tick(2, [action('b', [insert(2)])]);
    expect(again).toMatchObject({ kind: 'applied', aborted: false, accepted: 1 });
  });

  it('keeps one change for a row that is deleted and inserted again in a tick', () => {
    const { tick, unit } = harness();
    tick(1, [action('a', [insert(1, { blueprint: 'old', health: 3 })])]);
    const result = tick(2, [
      action('b', [
        {
          op: 'delete',
          table: 'unitState',
          key: { unitId: 1 },
          expectedVersion: null,
          require: null,
        },
        insert(1, { blueprint: 'new' }),
        insert(2),
        {
          op: 'delete',
          table: 'unitState',
          key: { unitId: 2 },
          expectedVersion: null,
          require: null,
        },
      ]),
    ]);
    if (result.kind !== 'applied') throw new Error('applied');
    const [changes] = result.changes?.states ?? [];
    expect(changes?.length).toBe(1);
    expect([...(changes?.kinds ?? [])]).toEqual([2]);
    expect(unit(1)).toMatchObject({ blueprint: 'new', health: null, version: 1 });
    expect(unit(2)).toBeNull();
  });

  it('answers a repeated tick as before and refuses other content under its key', () => {
    const { tick } = harness();
    const first = tick(1, [action('a', [insert(1)]), action('b', [insert(1)])]);
    const again = tick(1, [action('a', [insert(1)]), action('b', [insert(1)])]);
    if (first.kind !== 'applied' || again.kind !== 'duplicate') throw new Error('a duplicate');
    expect(again.conflicts).toEqual(first.conflicts);
    expect(again.lsn).toBe(first.lsn);
    expect(tick(1, [])).toMatchObject({ kind: 'refused', code: 'IDEMPOTENCY_MISMATCH' });
    tick(5, []);
    expect(tick(3, [])).toMatchObject({ kind: 'refused', code: 'TICK_OUT_OF_ORDER' });
  });

  it('adjusts within range and checks require on the result', () => {
    const { tick, live } = harness();
    const wallet = { playerId: 1, resource: 'MASS' };
    const adjust = (balance: number): EffectInput => ({
      op: 'adjust',
      table: 'playerWallet',
      key: wallet,
      add: { balance },
      require: { balance: { gte: 0 } },
    });
    tick(1, [], [{ op: 'insert', table: 'playerWallet', row: { ...wallet, balance: 10 } }]);
    const spent = tick(2, [
      action('a', [adjust(-7)]),
      action('b', [adjust(-7)]),
      action('c', [adjust(-3)]),
    ]);
    expect(spent).toMatchObject({ accepted: 2, rejected: 1 });
    if (spent.kind !== 'applied') throw new Error('applied');
    expect(spent.conflicts[0]).toMatchObject({ action: 1, code: 'GUARD_FAILED' });
    expect(live.get('playerWallet', { sessionId: 's', ...wallet })).toMatchObject({
      balance: 0,
      version: 3,
    });
  });

  it('serves lists by key and index and refuses scans with advice', () => {
    const { tick, live } = harness();
    tick(1, [action('a', [insert(1), insert(2, { ownerId: 2 }), insert(3)])]);
    const where = {
      kind: 'and' as const,
      all: [
        { kind: 'compare' as const, column: 'sessionId', op: 'eq' as const, value: 's' },
        { kind: 'compare' as const, column: 'ownerId', op: 'eq' as const, value: 1 },
      ],
    };
    const request = { where, orderBy: [], first: 1, after: null, scan: 'refuse' as const };
    const page = finish(live.list('unitState', request));
    expect(page).toMatchObject({ rowsRead: 2, hasNextPage: true });
    expect(page.rows.map((row) => row.unitId)).toEqual([1]);
    const next = finish(live.list('unitState', { ...request, after: page.endCursor }));
    expect(next.rows.map((row) => row.unitId)).toEqual([3]);
    expect(() => finish(live.list('unitState', { ...request, where: null }))).toThrow(
      /no key or index/,
    );
  });
});
