import {
  actionTable,
  count,
  defineTitle,
  eventTable,
  max,
  stateTable,
  t,
} from '../../engine/manifest/index.ts';

/** A title that describes every part that can be described. */
export const describedTitle = defineTitle({
  title: 'described',
  version: 1,
  tables: {
    orders: actionTable(
      {
        playerId: t.u32().describe('Who gives the order.'),
        kind: t.enum('MOVE', 'ATTACK').describe('What is ordered.'),
        unitIds: t.list(t.u32()).describe('The units that obey.'),
      },
      { description: 'What players order.' },
    ),
    ledger: eventTable(
      { amount: t.f64().describe('Credits; negative when spent.') },
      { description: 'Every credit that moved.\nIts comment would end here: */' },
    ),
    units: stateTable(
      {
        unitId: t.u32(),
        health: t.f32().optional().describe('From 0 to 1.'),
        shield: t.f32().describe('Absorbs damage first.').optional(),
      },
      { key: ['sessionId', 'unitId'], description: 'Units on the field.' },
    ),
  },
  views: {
    mix: {
      kind: 'group',
      description: 'How a match is played.',
      from: 'orders',
      groupBy: ['sessionId', 'kind'],
      columns: {
        orders: count({ description: 'Orders given, obeyed or not.' }),
        lastTick: max('tick', { where: { accepted: { eq: true } } }),
      },
    },
    favourites: {
      kind: 'top',
      description: 'The three most given kinds.',
      from: 'mix',
      partitionBy: ['sessionId'],
      orderBy: 'orders',
      limit: 3,
    },
  },
  roles: { liveops: { description: 'Watches.', class: 'OPERATOR', views: ['mix'] } },
});
