import { expect, test } from 'vitest';
import { finish, type Work } from '../../engine/govern/work.ts';
import type { Row } from '../../engine/model/types.ts';
import { parseWhere } from '../../engine/query/parse-where.ts';
import type { OrderBy } from '../../engine/state/state-reader.ts';
import { openTitleApi, type TitleApi } from '../resolvers/title-api.ts';
import { testTicket } from '../ticket.ts';

const rows = 2_000;

async function withRows(): Promise<{ api: TitleApi; commit(effects: unknown[]): Promise<void> }> {
  const api = await openTitleApi();
  const server = api.as('game-server');
  await server.data('mutation { openSession(input: { sessionId: "s" }) { fence } }');
  let tick = 0;
  const commit = async (effects: unknown[]) => {
    tick += 1;
    await server.data(
      'mutation ($input: CommitTickInput!) { commitTick(input: $input) { accepted } }',
      { input: { sessionId: 's', tick, effects } },
    );
  };
  const all = Array.from({ length: rows }, (_, unitId) => ({
    unitState: {
      insert: { unitId, ownerId: unitId % 2, health: unitId % 97, blueprint: `b${unitId % 7}` },
    },
  }));
  await commit(all);
  return { api, commit };
}

/** A generator of numbers that repeats. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

/** Rows move between owners, leave, come and change while the work goes on. */
async function amid<T>(work: Work<T>, seed: number, commit: (effects: unknown[]) => Promise<void>) {
  const random = numbers(seed);
  let turns = 0;
  for (;;) {
    const step = work.next();
    if (step.done) return { value: step.value, turns };
    turns += 1;
    if (turns > 40) continue;
    const effects = Array.from({ length: 12 }, () => {
      const key = { unitId: random(rows + 20) };
      const set = { ownerId: random(2), health: random(200), blueprint: `b${random(9)}` };
      const upsert = { unitState: { upsert: { key, set } } };
      return random(4) === 0 ? [upsert, { unitState: { delete: { key } } }] : [upsert];
    }).flat();
    await commit(effects);
  }
}

const conditions: [string, unknown, OrderBy[]][] = [
  ['by a scan', { blueprint: { like: 'b_' } }, [{ column: 'health', direction: 'DESC' }]],
  ['through an index', { sessionId: { eq: 's' }, ownerId: { eq: 1 } }, []],
  [
    'by keys',
    {
      sessionId: { eq: 's' },
      unitId: { in: Array.from({ length: rows }, (_, i) => i) },
      health: { lt: 60 },
    },
    [{ column: 'position', direction: 'DESC' }],
  ],
];

test.each(conditions)(
  'a page read %s over many turns is true of the last of them',
  async (_, asked, orderBy) => {
    const { api, commit } = await withRows();
    const { state, catalog } = api.engine;
    const where = parseWhere(catalog.columnsOf(catalog.table('unitState')), asked, 'where');
    const request = { where, orderBy, first: 50, after: null };
    for (let seed = 1; seed <= 3; seed++) {
      const { value, turns } = await amid(
        state.list(testTicket, 'unitState', request),
        seed,
        commit,
      );
      expect(turns).toBeGreaterThan(5);
      expect(value.rows).toEqual(finish(state.list(testTicket, 'unitState', request)).rows);
      const all = await amid(state.select(testTicket, 'unitState', where), seed + 10, commit);
      const byId = (list: readonly Row[]) =>
        [...list].sort((a, b) => Number(a.unitId) - Number(b.unitId));
      expect(byId(all.value)).toEqual(byId(finish(state.select(testTicket, 'unitState', where))));
    }
  },
);
