import { expect, it } from 'vitest';
import type { Engine } from '../../engine/ports/engine.ts';
import { testTicket } from '../ticket.ts';
import { commit, contentOf, insertUnit, TestTitle } from './test-title.ts';

const bounds = {
  memoryBytesMax: 500_000_000,
  rowsReadMax: 10_000_000,
  threadsMax: 1,
};

async function counts(engine: Engine) {
  await engine.columns.waitForCovered(testTicket.within(30_000), engine.appliedLsn);
  const { groups, coveredLsn } = await engine.columns.groups(testTicket, {
    table: 'actionLog',
    where: null,
    by: ['accepted'],
    tickBucket: null,
    aggregates: [],
    orderBy: [{ column: 'accepted', direction: 'ASC' }],
    first: 10,
    bounds,
  });
  expect(coveredLsn).toBeGreaterThanOrEqual(engine.appliedLsn);
  return groups.map(({ key, count }) => [key.accepted, Number(count)]);
}

it('a title with its embedded column store has rows, views and columns alike after a restart', async () => {
  const title = await TestTitle.create();
  const engine = await title.open({ columns: 'embedded' });
  await engine.openSession(testTicket, 's', false);
  for (let tick = 1; tick <= 10; tick++) {
    await commit(engine, tick, { actions: [[insertUnit(tick)], [insertUnit(1)], []] });
  }
  const expected = [
    [false, 10],
    [true, 20],
  ];
  expect(await counts(engine)).toEqual(expected);
  const content = contentOf(engine);
  await title.close(engine);
  const again = await title.open({ columns: 'embedded' });
  expect(contentOf(again)).toEqual(content);
  expect(await counts(again)).toEqual(expected);
  expect(
    await commit(again, 10, { actions: [[insertUnit(10)], [insertUnit(1)], []] }),
  ).toMatchObject({ duplicate: true });
  await commit(again, 11, { actions: [[insertUnit(11)]] });
  expect(await counts(again)).toEqual([
    [false, 10],
    [true, 21],
  ]);
});
