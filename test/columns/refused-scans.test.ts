import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenColumnStore } from '../../engine/columns/open-column-store.ts';
import { parseWhere } from '../../engine/query/parse-where.ts';
import { testTicket } from '../ticket.ts';
import { catalog, fabricate } from './fabricate.ts';
import { bounds, openEmbedded, ship, temporaryDirectory } from './stores.ts';

const directory = temporaryDirectory();
const gameplay = testTicket.inNameOf(testTicket.principal, 'GAMEPLAY');
let store: OpenColumnStore;

beforeAll(async () => {
  store = await openEmbedded(directory.path, { scanRowsMax: 2 });
  const changes = [];
  for (let lsn = 1; lsn <= 3; lsn++) {
    const row = { sessionId: 's', unitId: lsn, ownerId: 1, health: null };
    const states = { units: [{ change: 'inserted' as const, version: 1, row }] };
    changes.push(fabricate({ lsn, sessionId: 's', states }));
  }
  await ship(store, changes);
});
afterAll(async () => {
  await store.close();
  directory.remove();
});

const reads = {
  list: (where: object) => {
    const condition = parseWhere(catalog.columnsOf(catalog.table('units')), where, 'where');
    const request = {
      table: 'units',
      where: condition,
      orderBy: [],
      first: 9,
      after: null,
      bounds,
    };
    return store.list(gameplay, request).then(({ rows }) => rows.length);
  },
  groups: (where: object) => {
    const condition = parseWhere(catalog.columnsOf(catalog.table('units')), where, 'where');
    const request = { table: 'units', where: condition, by: [], tickBucket: null, aggregates: [] };
    const asked = { ...request, orderBy: [], first: 9, bounds };
    return store.groups(gameplay, asked).then(({ groups }) => Number(groups[0]?.count));
  },
};

describe.each(Object.entries(reads))('a %s in class GAMEPLAY', (_, read) => {
  it('of a large table must fix the first column of its order, which it is told', async () => {
    await expect(read({ ownerId: { eq: 1 } })).rejects.toMatchObject({
      code: 'SCAN_REFUSED',
      details: { table: 'units', advice: 'give sessionId by eq or in', max: 2 },
    });
    expect(await read({ sessionId: { eq: 's' }, ownerId: { eq: 1 } })).toBe(3);
  });
});
