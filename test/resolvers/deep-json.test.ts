import { expect, test } from 'vitest';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import { limits } from '../../engine/model/limits.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import type { TickBatch } from '../../engine/tick/tick-batch.ts';
import { columnOf } from '../intake/any-column.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { testTicket } from '../ticket.ts';
import { openTitleApi, type TitleApi } from './title-api.ts';

const manifest: TitleManifest = {
  format: 1,
  title: 'notes',
  version: 1,
  tables: [
    { name: 'order', kind: 'action', columns: [columnOf('plan', 'json')], key: [], indexes: [] },
    {
      name: 'note',
      kind: 'state',
      columns: [columnOf('sessionId', 'string'), columnOf('id', 'u32'), columnOf('tree', 'json')],
      key: ['sessionId', 'id'],
      indexes: [],
    },
  ],
  views: [],
  roles: [
    {
      name: 'server',
      class: 'GAMEPLAY',
      capabilities: [],
      tables: [{ table: 'note', read: true, aggregate: false, write: false, rowFilter: null }],
      views: [],
    },
  ],
};

const depth = 100_000;
const deep = '['.repeat(depth) + ']'.repeat(depth);
const shallow = ['['.repeat(limits.jsonDepthMax), ']'.repeat(limits.jsonDepthMax)].join('');

/** A tick as logs from before the bound hold it: its texts get in place of those that were checked. */
function oldTick(api: TitleApi): TickBatch {
  const hole = JSON.stringify('x'.repeat(deep.length - 2));
  const batch = buildTickBatch(api.catalog, {
    header: tickHeader(1, { sessionId: 's' }),
    actions: [{ actionId: 'a', row: { plan: hole }, effects: [] }],
    effects: [
      { op: 'insert', table: 'note', row: { id: 1, tree: hole } },
      { op: 'insert', table: 'note', row: { id: 2, tree: shallow } },
    ],
  });
  const vectors = [batch.actions, ...batch.streams.map(({ rows }) => rows)].flatMap(
    (rows) => rows.vectors,
  );
  for (const vector of vectors) {
    if (vector.layout === 'binary' && vector.column.kind === 'json') {
      Buffer.from(vector.data.buffer, vector.data.byteOffset).write(deep, 0);
    }
  }
  return batch;
}

test('a value of an old log that nests deeper than the bound is answered as its text', async () => {
  const api = await openTitleApi(manifest);
  await api.engine.openSession(testTicket, 's', false);
  const server = api.as('server');
  const frames = await server.subscribe('subscription { noteChanges { rows { id tree } } }');
  await frames.next();
  await api.engine.commit(testTicket, oldTick(api));
  const rows = [
    { id: 1, tree: deep },
    { id: 2, tree: JSON.parse(shallow) },
  ];
  const frame = (await frames.next()).value;
  expect(JSON.parse(JSON.stringify(frame))).toEqual({ data: { noteChanges: { rows } } });
  const list =
    '{ noteList(where: { sessionId: { eq: "s" }, id: { in: [1, 2] } }) { nodes { id tree } } }';
  expect(await server.data(list)).toEqual({ noteList: { nodes: rows } });
  await frames.return?.();
});
