import { expect, test } from 'vitest';
import { openTitleApi } from './title-api.ts';

const query = `query ($sql: String!, $parameters: JSON) {
  sql(query: $sql, parameters: $parameters, first: 3) {
    columns { name type } rows truncated coveredPosition
  }
}`;

test('SQL runs within its class and is audited', async () => {
  const api = await openTitleApi();
  const sql = 'SELECT count() n, {who:String} name FROM actionLog';
  const answer = await api
    .as('analyst')
    .data(query, { sql, parameters: { who: 'x', ids: [1, 2] } });
  expect(answer.sql).toEqual({
    columns: [
      { name: 'n', type: 'UInt64' },
      { name: 'name', type: 'String' },
    ],
    rows: [['18446744073709551615', 'x']],
    truncated: false,
    coveredPosition: '0:0',
  });
  expect(api.columns.queries[0]).toMatchObject({
    query: sql,
    parameters: { who: 'x', ids: [1, 2] },
    first: 3,
    bounds: { timeoutMs: 60_000 },
  });
  expect(api.audit).toEqual([
    expect.objectContaining({ action: 'query.sql', outcome: 'done', details: { sql } }),
  ]);
});

test('parameters that are no scalars are refused', async () => {
  const api = await openTitleApi();
  for (const parameters of [[1], 'x', { who: { deep: 1 } }]) {
    const refused = await api.as('analyst').refusal(query, { sql: 'SELECT 1', parameters });
    expect(refused.code).toBe('BAD_USER_INPUT');
  }
  expect(api.columns.queries).toEqual([]);
});

test('a running query is seen and killed by an operator', async () => {
  const api = await openTitleApi();
  const started = new Promise<void>((resolve) => {
    api.columns.hangs = resolve;
  });
  const refused = api.as('analyst', { subject: 'ann' }).refusal(query, { sql: 'SELECT sleep(9)' });
  await started;
  const liveops = api.as('liveops');
  const { runningQueries } = await liveops.data(
    '{ runningQueries { id field subject role class sql startedAt } }',
  );
  expect(runningQueries).toEqual([
    expect.objectContaining({
      field: 'sql',
      subject: 'ann',
      role: 'analyst',
      class: 'ARCHIVAL',
      sql: 'SELECT sleep(9)',
    }),
  ]);
  const kill = 'mutation ($id: ID!) { killQuery(id: $id) }';
  expect(await liveops.data(kill, { id: runningQueries[0].id })).toEqual({ killQuery: true });
  expect(await refused).toMatchObject({ code: 'QUERY_KILLED', category: 'overload' });
  expect(await liveops.data('{ runningQueries { id } }')).toEqual({ runningQueries: [] });
  expect(await liveops.data(kill, { id: runningQueries[0].id })).toEqual({ killQuery: false });
});

test('an id the API does not know is looked for in the column store', async () => {
  const api = await openTitleApi();
  expect(await api.as('liveops').data('mutation { killQuery(id: "in-store") }')).toEqual({
    killQuery: true,
  });
});

test('a query whose client has left is stopped and is no fault of the server', async () => {
  const api = await openTitleApi();
  const started = new Promise<void>((resolve) => {
    api.columns.hangs = resolve;
  });
  const abort = new AbortController();
  const left = api.as('analyst', { signal: abort.signal }).refusal(query, { sql: 'SELECT 1' });
  await started;
  abort.abort();
  expect(await left).toMatchObject({ code: 'UNAVAILABLE' });
  expect(api.running.list()).toEqual([]);
  expect(api.logged).toEqual([]);
});
