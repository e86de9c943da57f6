import { describe, expect, it } from 'vitest';
import type { EffectInput, TickInput } from '../../engine/intake/rows/row-input.ts';
import { diffReplay, type ReplayDifference } from '../../engine/recover/diff-replay.ts';
import { actionTick, fiveTicks, healthTick, PlayedLog, upsertUnit } from './played-log.ts';

/** Three ticks that are the same for both, then these. */
async function difference(
  left: (session: string) => readonly TickInput[],
  right: (session: string) => readonly TickInput[],
): Promise<ReplayDifference | null> {
  const log = await PlayedLog.create();
  const before = (session: string) => fiveTicks(session).slice(0, 3);
  await log.play({
    one: [...before('one'), ...left('one')],
    two: [...before('two'), ...right('two')],
  });
  return diffReplay({ ...log.replay, left: 'one', right: 'two' });
}

const append = (amount: number): EffectInput => ({
  op: 'append',
  table: 'resourceLedger',
  row: { playerId: 1, resource: 'MASS', amount },
});

describe('the difference of two sessions', () => {
  it('is none where their ticks are the same, and of a session and itself', async () => {
    const ticks = (session: string) => [healthTick(session, 4, 4)];
    expect(await difference(ticks, ticks)).toBeNull();
    const log = await PlayedLog.create();
    await log.play({ one: fiveTicks('one') });
    expect(await diffReplay({ ...log.replay, left: 'one', right: 'one' })).toBeNull();
  });

  it('is the first tick, and in it the row and the action whose effect on it differs', async () => {
    const ticks = (health: number) => (session: string) => [
      healthTick(session, 4, health),
      // Later ones differ too.
      healthTick(session, 5, health + 1),
    ];
    const found = await difference(ticks(4), ticks(99));
    expect(found).toMatchObject({
      ticks: [4, 4],
      what: 'row',
      action: { index: 0, actionId: '4' },
      place: 'unitState (unitId 7)',
      left: { unitId: 7, health: 4, version: 4, deleted: false },
      right: { unitId: 7, health: 99, version: 4, deleted: false },
    });
  });

  it('names of several actions on a row the first that differs', async () => {
    const ticks = (x: number) => (session: string) => {
      const tick = actionTick(session, 4, [upsertUnit({ health: 1 })]);
      const [first] = tick.actions;
      if (!first) throw new RangeError('no action');
      const second = { ...first, actionId: 'second', effects: [upsertUnit({ x })] };
      const third = { ...first, actionId: 'third', effects: [upsertUnit({ y: x })] };
      return [{ ...tick, actions: [first, second, third] }];
    };
    expect(await difference(ticks(1), ticks(2))).toMatchObject({
      what: 'row',
      action: { index: 1, actionId: 'second' },
      left: { x: 1, y: 1, version: 6 },
      right: { x: 2, y: 2, version: 6 },
    });
  });

  it('is a row that one side alone has', async () => {
    const left = (session: string) => [actionTick(session, 4, [])];
    const right = (session: string) => [healthTick(session, 4, 8)];
    expect(await difference(left, right)).toMatchObject({
      ticks: [4, 4],
      what: 'row',
      action: { index: 0, actionId: '4' },
      place: 'unitState (unitId 7)',
      left: null,
      right: { health: 8 },
    });
  });

  it('is a row that one side deletes', async () => {
    const effect: EffectInput = {
      op: 'delete',
      table: 'unitState',
      key: { unitId: 7 },
      expectedVersion: null,
      require: null,
    };
    const left = (session: string) => [actionTick(session, 4, [effect])];
    const right = (session: string) => [healthTick(session, 4, 3)];
    expect(await difference(left, right)).toMatchObject({
      place: 'unitState (unitId 7)',
      left: { version: 4, deleted: true },
      right: { version: 4, deleted: false },
    });
  });

  it('is a row of an event table, by its number in the tick', async () => {
    const ticks = (amount: number) => (session: string) => [
      actionTick(session, 4, [append(1), append(amount)]),
    ];
    expect(await difference(ticks(2), ticks(3))).toMatchObject({
      ticks: [4, 4],
      what: 'row',
      action: { index: 0, actionId: '4' },
      place: 'resourceLedger (seq 1)',
      left: { amount: 2 },
      right: { amount: 3 },
    });
  });

  it('is a row that the tick itself writes, and no action then', async () => {
    const ticks = (health: number) => (session: string) => [
      { ...actionTick(session, 4, []), effects: [upsertUnit({ health })] },
    ];
    expect(await difference(ticks(1), ticks(2))).toMatchObject({
      what: 'row',
      action: null,
      place: 'unitState (unitId 7)',
    });
  });

  it('is an action that is another, before the rows that follow from it', async () => {
    const ticks = (unitId: number) => (session: string) => [
      actionTick(session, 4, [upsertUnit({ health: unitId })], [unitId]),
    ];
    expect(await difference(ticks(7), ticks(8))).toMatchObject({
      ticks: [4, 4],
      what: 'action',
      action: { index: 0, actionId: '4' },
      place: 'action 0 (4)',
      left: { actionId: '4', kind: 'MOVE', unitIds: [7] },
      right: { actionId: '4', kind: 'MOVE', unitIds: [8] },
    });
  });

  it('is an action that one side alone has', async () => {
    const left = (session: string) => [{ ...healthTick(session, 4, 4), actions: [] }];
    const right = (session: string) => [healthTick(session, 4, 4)];
    expect(await difference(left, right)).toMatchObject({
      what: 'action',
      action: { index: 0, actionId: '4' },
      left: null,
      right: { actionId: '4' },
    });
  });

  it('is the verdict on an action, with both', async () => {
    const ticks = (expectedVersion: number) => (session: string) => [
      actionTick(session, 4, [
        {
          op: 'compareAndSet',
          table: 'unitState',
          key: { unitId: 7 },
          expectedVersion,
          set: { health: 50 },
          require: null,
        },
      ]),
    ];
    expect(await difference(ticks(3), ticks(2))).toEqual({
      ticks: [4, 4],
      what: 'verdict',
      action: { index: 0, actionId: '4' },
      place: 'action 0 (4)',
      left: 'ACCEPTED',
      right: 'VERSION_MISMATCH',
    });
  });

  it('is the content where a guard differs and changes nothing', async () => {
    const ticks = (gt: number) => (session: string) => [
      actionTick(session, 4, [
        { ...upsertUnit({ health: 4 }), require: { health: { gt } } } as EffectInput,
      ]),
    ];
    const found = await difference(ticks(0), ticks(1));
    expect(found).toMatchObject({ ticks: [4, 4], what: 'content', action: null });
  });

  it('is the tick where one session goes on and the other has ended', async () => {
    const goesOn = (session: string) => [healthTick(session, 4, 4)];
    const ends = () => [];
    const shared = { what: 'tick', action: null, place: 'number 4 in order' };
    expect(await difference(goesOn, ends)).toEqual({
      ...shared,
      ticks: [4, null],
      left: 4,
      right: null,
    });
    expect(await difference(ends, goesOn)).toEqual({
      ...shared,
      ticks: [null, 4],
      left: null,
      right: 4,
    });
  });

  it('is the tick where their numbers part', async () => {
    const at = (tick: number) => (session: string) => [healthTick(session, tick, 4)];
    expect(await difference(at(4), at(6))).toMatchObject({ ticks: [4, 6], what: 'tick' });
  });

  it('is refused for a session that the log does not have', async () => {
    const log = await PlayedLog.create();
    await log.play({ one: fiveTicks('one') });
    const diff = diffReplay({ ...log.replay, left: 'one', right: 'three' });
    await expect(diff).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
