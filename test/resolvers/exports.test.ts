import { expect, test } from 'vitest';
import { openTitleApi, type TitleApi } from './title-api.ts';

const create = `mutation ($input: CreateExportInput!) {
  createExport(input: $input) { id url expiresAt state position rows bytes format }
}`;

async function withOnePosition(): Promise<TitleApi> {
  const api = await openTitleApi();
  await api
    .as('game-server')
    .data('mutation { openSession(input: { sessionId: "m1" }) { fence } }');
  return api;
}

test('an export of a table is ordered as of now', async () => {
  const api = await withOnePosition();
  const { createExport } = await api.as('analyst').data(create, {
    input: {
      table: 'actionLog',
      where: { kind: { eq: 'MOVE' }, tick: { between: [1, 9] } },
      columns: ['tick', 'actionId'],
      format: 'PARQUET',
      compression: 'ZSTD',
      sincePosition: '0:0',
    },
  });
  expect(createExport).toEqual({
    id: 'e1',
    url: 'http://127.0.0.1/exports/e1',
    expiresAt: '2026-01-31T00:00:00.000Z',
    state: 'READY',
    position: '0:1',
    rows: null,
    bytes: null,
    format: 'PARQUET',
  });
  expect(api.exports.created).toEqual([
    {
      source: {
        kind: 'table',
        table: 'actionLog',
        where: {
          kind: 'and',
          all: [
            { kind: 'compare', column: 'kind', op: 'eq', value: 'MOVE' },
            { kind: 'between', column: 'tick', low: 1, high: 9 },
          ],
        },
        columns: ['tick', 'actionId'],
      },
      format: 'PARQUET',
      compression: 'ZSTD',
      sinceLsn: 0,
      asOfLsn: 1,
    },
  ]);
});

test('an export of a table may be of an earlier moment', async () => {
  const api = await withOnePosition();
  await api.as('analyst').data(create, {
    input: { table: 'actionLog', asOf: { position: '0:0' } },
  });
  expect(api.exports.created[0]).toMatchObject({ source: { kind: 'table' }, asOfLsn: 0 });
});

test('an export of SQL carries its parameters', async () => {
  const api = await withOnePosition();
  await api.as('analyst').data(create, {
    input: {
      sql: 'SELECT {a:UInt8}',
      parameters: { a: 1 },
    },
  });
  expect(api.exports.created[0]).toMatchObject({
    source: { kind: 'sql', query: 'SELECT {a:UInt8}', parameters: { a: 1 } },
    format: 'ARROW_STREAM',
    compression: 'NONE',
    asOfLsn: 1,
  });
});

test('an export that is not well ordered is refused', async () => {
  const api = await withOnePosition();
  const analyst = api.as('analyst');
  for (const input of [
    {},
    { table: 'actionLog', sql: 'SELECT 1' },
    { table: 'nothing' },
    { table: 'actionLog', columns: ['nothing'] },
    { table: 'actionLog', columns: [] },
    { table: 'actionLog', where: { nothing: { eq: 1 } } },
    { table: 'actionLog', sincePosition: '7' },
    { table: 'actionLog', columns: ['tick', 'tick'] },
    { sql: 'SELECT 1', where: {} },
    { sql: 'SELECT 1', asOf: { position: '0:0' } },
    { sql: 'SELECT 1', sincePosition: '0:0' },
  ]) {
    expect((await analyst.refusal(create, { input })).code).toBe('BAD_USER_INPUT');
  }
  expect(api.exports.created).toEqual([]);
});

test('an export is seen by who ordered it alone', async () => {
  const api = await withOnePosition();
  await api.as('analyst', { subject: 'ann' }).data(create, { input: { table: 'actionLog' } });
  const read = '{ export(id: "e1") { id state } }';
  const own = await api.as('analyst', { subject: 'ann' }).data(read);
  expect(own).toEqual({ export: { id: 'e1', state: 'READY' } });
  expect(await api.as('analyst', { subject: 'bob' }).data(read)).toEqual({ export: null });
});

test('parameters are for SQL, and refused beside a table', async () => {
  const api = await withOnePosition();
  const refused = await api
    .as('analyst')
    .refusal(create, { input: { table: 'actionLog', parameters: { a: 1 } } });
  expect(refused).toMatchObject({ code: 'BAD_USER_INPUT', details: { path: 'input.parameters' } });
  expect(api.exports.created).toEqual([]);
});
