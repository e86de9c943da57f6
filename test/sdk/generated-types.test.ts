import type { ActionVerdict, ConflictCode, Session, TickOutcome } from '@tickloom/sdk';
import { expect, expectTypeOf, it } from 'vitest';
import { AshfallClient, type AshfallTick } from '../../examples/ashfall/tickloom.ts';

const client = new AshfallClient({ url: 'http://127.0.0.1:1', token: 'none' });

it('offers a property a table and view', () => {
  expect(Object.keys(client).sort()).toEqual(
    [
      'actionLog',
      'busiestPlayers',
      'matchMetrics',
      'matchPulse',
      'orderMix',
      'playerActivity',
      'playerProfile',
      'playerTotals',
      'playerWallet',
      'resourceBalance',
      'resourceLedger',
      'stateSnapshot',
      'unitState',
    ].sort(),
  );
});

/** Never called: the compiler is the test. Each marked line is a mistake it must find. */
async function typesHold(session: Session<AshfallTick>) {
  const outcome = await session.commit(1, (tick) => {
    const action = tick.action({ actionId: 'a', playerId: 1, kind: 'MOVE', unitIds: [1], x: null });
    action.unitState
      .upsert({ unitId: 1 }, { ownerId: 1 }, { require: { ownerId: { eq: 1 } } })
      .resourceLedger.append({ playerId: 1, resource: 'MASS', amount: 1 })
      .playerProfile.adjust({ playerId: 1 }, { rating: 0.5 });
    // @ts-expect-error an action needs its player
    tick.action({ actionId: 'a', kind: 'MOVE', unitIds: [1] });
    // @ts-expect-error there is no such kind of action
    tick.action({ actionId: 'a', playerId: 1, kind: 'DANCE', unitIds: [1] });
    // @ts-expect-error the server writes the verdict
    tick.action({ actionId: 'a', playerId: 1, kind: 'MOVE', unitIds: [1], accepted: true });
    // @ts-expect-error a u32 is a number
    tick.action({ actionId: 'a', playerId: '1', kind: 'MOVE', unitIds: [1] });
    // @ts-expect-error an owner is never null
    action.unitState.upsert({ unitId: 1 }, { ownerId: null });
    // @ts-expect-error the key cannot be set
    action.unitState.upsert({ unitId: 1 }, { unitId: 2 });
    // @ts-expect-error the tick has the session
    action.unitState.upsert({ sessionId: 'm1', unitId: 1 }, { ownerId: 1 });
    // @ts-expect-error the key of a wallet has a resource
    action.playerWallet.upsert({ playerId: 1 }, { balance: 1 });
    // @ts-expect-error only numbers can be added to
    action.unitState.adjust({ unitId: 1 }, { blueprint: 'x' });
    // @ts-expect-error a row needs all that may not be null
    action.unitState.insert({ unitId: 1 });
    // @ts-expect-error versions are no condition: that is compareAndSet
    action.unitState.upsert({ unitId: 1 }, {}, { require: { version: { eq: 1 } } });
    // @ts-expect-error events are appended, not changed
    action.resourceLedger.upsert({ playerId: 1 }, { amount: 2 });
    // @ts-expect-error actions are not nested
    action.action({ actionId: 'b', playerId: 1, kind: 'MOVE', unitIds: [] });
    // @ts-expect-error the action table takes no effects
    action.actionLog.append({ playerId: 1 });
  });
  expectTypeOf(outcome).toEqualTypeOf<TickOutcome>();

  const verdict = await session.submit(
    { actionId: 'a', playerId: 1, kind: 'MOVE', unitIds: [1] },
    (action) => action.unitState.upsert({ unitId: 1 }, { ownerId: 1 }),
  );
  expectTypeOf(verdict).toEqualTypeOf<ActionVerdict>();
  if (!verdict.accepted) expectTypeOf(verdict.conflict.code).toEqualTypeOf<ConflictCode>();
  // @ts-expect-error an accepted action has no conflict
  verdict.accepted && verdict.conflict.code;
  // @ts-expect-error an action has an id, by which it happens once
  await client.transaction({ playerId: 1, kind: 'MOVE', unitIds: [] });
  await client.transaction({ actionId: 'a', playerId: 1, kind: 'MOVE', unitIds: [] }, (action) =>
    // @ts-expect-error a rating is a number
    action.playerProfile.adjust({ playerId: 1 }, { rating: '1' }),
  );

  const unit = await client.unitState.get({ sessionId: 'm1', unitId: 1 });
  expectTypeOf(unit?.x).toEqualTypeOf<number | null | undefined>();
  expectTypeOf(unit?.committedAt).toEqualTypeOf<Date | undefined>();
  // @ts-expect-error a whole key
  await client.unitState.get({ unitId: 1 });
  // @ts-expect-error a title-wide row has no session
  await client.playerProfile.get({ sessionId: 'm1', playerId: 1 });

  const page = await client.actionLog.list({ columns: ['tick', 'kind'] });
  expectTypeOf(page.rows[0]).toEqualTypeOf<
    Pick<import('../../examples/ashfall/tickloom.ts').ActionLog, 'tick' | 'kind'> | undefined
  >();
  // @ts-expect-error there is no such column
  await client.actionLog.list({ columns: ['ticks'] });
  // @ts-expect-error a pattern is for text
  await client.actionLog.list({ where: { tick: { like: '1%' } } });
  // @ts-expect-error enums have no order
  await client.actionLog.list({ where: { kind: { lt: 'MOVE' } } });
  // @ts-expect-error lists are not compared
  await client.actionLog.list({ where: { unitIds: { eq: [1] } } });
  // @ts-expect-error a value of the enum
  await client.actionLog.list({ where: { or: [{ kind: { in: ['DANCE'] } }] } });
  // @ts-expect-error lists have no order
  await client.actionLog.list({ orderBy: [{ column: 'unitIds' }] });

  const { groups } = await client.actionLog.groups({
    by: ['kind'],
    tickBucket: 600,
    sum: ['playerId', 'x'],
    max: ['committedAt'],
    quantiles: { p99: { q: 0.99, of: ['x'] } },
  });
  const group = groups[0];
  if (group) {
    expectTypeOf(group.key).branded.toEqualTypeOf<{
      readonly kind: import('../../examples/ashfall/tickloom.ts').ActionKind;
      readonly tickBucket: number;
    }>();
    expectTypeOf(group.count).toEqualTypeOf<number>();
    expectTypeOf(group.sum.playerId).toEqualTypeOf<bigint | null>();
    expectTypeOf(group.sum.x).toEqualTypeOf<number | null>();
    expectTypeOf(group.max.committedAt).toEqualTypeOf<Date | null>();
    expectTypeOf(group.quantiles.p99.x).toEqualTypeOf<number | null>();
    // @ts-expect-error nobody asked for it
    void group.avg;
    // @ts-expect-error nobody asked for its sum
    void group.sum.y;
    // @ts-expect-error not grouped by it
    void group.key.playerId;
  }
  // @ts-expect-error text has no sum
  await client.actionLog.groups({ sum: ['actionId'] });
  // @ts-expect-error live rows have no ticks to make buckets of
  await client.unitState.groups({ tickBucket: 600 });

  for await (const frame of client.orderMix.changes({ where: { kind: { eq: 'MOVE' } } })) {
    expectTypeOf(frame.rows[0]?.count).toEqualTypeOf<number | undefined>();
    expectTypeOf(frame.removed[0]).branded.toEqualTypeOf<
      import('../../examples/ashfall/tickloom.ts').OrderMixKey | undefined
    >();
  }

  await client.createExport({ table: 'actionLog', where: { tick: { lt: 5 } }, columns: ['tick'] });
  // @ts-expect-error a column of another table
  await client.createExport({ table: 'actionLog', columns: ['balance'] });
  // @ts-expect-error SQL says its filter itself
  await client.createExport({ sql: 'SELECT 1', where: {} });
  // @ts-expect-error a view is not exported
  await client.createExport({ table: 'matchPulse' });
}
void typesHold;
