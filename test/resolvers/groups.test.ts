import { expect, test } from 'vitest';
import { openTitleApi } from './title-api.ts';

test('groups compute what is selected, once, whatever it is called', async () => {
  const api = await openTitleApi();
  api.columns.groupsAnswer = [
    {
      key: { kind: 'MOVE', tickBucket: 600 },
      count: 2n ** 60n,
      values: [7n, 1.5, Number.NaN, 4, 9, 9_007_199_254_740_993n],
    },
  ];
  const { actionLogGroups } = await api.as('liveops').data(
    `query ($deep: Boolean!) {
      actionLogGroups(
        where: { sessionId: { eq: "m1" } }
        by: [kind]
        tickBucket: 600
        orderBy: [{ column: count, direction: DESC }, { column: kind }]
        first: 20
      ) {
        coveredPosition
        nodes {
          key { kind playerId tickBucket }
          count
          countDistinct { playerId }
          ...Means
          p50: quantile(q: 0.5) { tick }
          p99: quantile(q: 0.99) { tick }
          same: quantile(q: 0.5) { __typename tick }
          max @skip(if: $deep) { x }
          sum { seq }
        }
      }
    }
    fragment Means on ActionLogGroup { avg { x ... @include(if: $deep) { y } } }`,
    { deep: true },
  );
  expect(api.columns.grouped[0]).toMatchObject({
    table: 'actionLog',
    where: { kind: 'compare', column: 'sessionId', op: 'eq', value: 'm1' },
    by: ['kind'],
    tickBucket: 600,
    aggregates: [
      { op: 'countDistinct', column: 'playerId' },
      { op: 'avg', column: 'x' },
      { op: 'avg', column: 'y' },
      { op: 'quantile', column: 'tick', q: 0.5 },
      { op: 'quantile', column: 'tick', q: 0.99 },
      { op: 'sum', column: 'seq' },
    ],
    orderBy: [
      { column: 'count', direction: 'DESC' },
      { column: 'kind', direction: 'ASC' },
    ],
    first: 20,
    bounds: { timeoutMs: 10_000, memoryBytesMax: 1024 ** 3 },
  });
  expect(actionLogGroups).toEqual({
    coveredPosition: '0:0',
    nodes: [
      {
        key: { kind: 'MOVE', playerId: null, tickBucket: 600 },
        count: '1152921504606846976',
        countDistinct: { playerId: 7 },
        avg: { x: 1.5, y: null },
        p50: { tick: 4 },
        p99: { tick: 9 },
        same: { __typename: 'ActionLogQuantile', tick: 4 },
        sum: { seq: '9007199254740993' },
      },
    ],
  });
});

test('without by there is one group, and without aggregates only its count', async () => {
  const api = await openTitleApi();
  api.columns.groupsAnswer = [{ key: {}, count: 12n, values: [] }];
  const { result, report } = await api.as('analyst').run('{ unitStateGroups { nodes { count } } }');
  expect(result.data).toEqual({ unitStateGroups: { nodes: [{ count: 12 }] } });
  expect(api.columns.grouped[0]).toMatchObject({ by: [], tickBucket: null, aggregates: [] });
  expect(report).toMatchObject({ class: 'ARCHIVAL', rowsRead: 10, bytesRead: 100 });
});

test('a share outside 0 to 1 and a bucket of no ticks are refused', async () => {
  const api = await openTitleApi();
  const analyst = api.as('analyst');
  const q = '{ actionLogGroups { nodes { quantile(q: 1.5) { x } } } }';
  expect(await analyst.refusal(q)).toMatchObject({ code: 'BAD_USER_INPUT' });
  const bucket = '{ actionLogGroups(tickBucket: 0) { nodes { count } } }';
  expect(await analyst.refusal(bucket)).toMatchObject({
    code: 'BAD_USER_INPUT',
    details: { path: 'tickBucket' },
  });
  expect(api.columns.grouped).toEqual([]);
});

test('a minimum position is waited for before the store is asked', async () => {
  const api = await openTitleApi();
  const { actionLogGroups } = await api
    .as('liveops')
    .data('{ actionLogGroups(minPosition: "0:41") { coveredPosition } }');
  expect(actionLogGroups.coveredPosition).toBe('0:41');
});
