import { actionTable, count, defineTitle, eventTable, max, stateTable, sum, t } from 'tickloom';

/** What the game keeps, who may see it, and what is counted while it is played. */
export default defineTitle({
  title: 'skirmish',
  version: 1,
  tables: {
    orders: actionTable(
      {
        playerId: t.u32().describe('Who gives the order.'),
        kind: t.enum('MOVE', 'HARVEST', 'ATTACK'),
        unitId: t.u32().describe('The unit that obeys.'),
        targetUnitId: t.u32().optional(),
      },
      { description: 'What players order, accepted or not.' },
    ),
    units: stateTable(
      {
        unitId: t.u32(),
        ownerId: t.u32(),
        x: t.f32(),
        y: t.f32(),
        health: t.i32().describe('A unit fights while it is above 0.'),
      },
      {
        key: ['sessionId', 'unitId'],
        indexes: { byOwner: ['sessionId', 'ownerId'] },
        description: 'Units on the field.',
      },
    ),
    wallets: stateTable(
      { playerId: t.u32(), credits: t.i32() },
      { key: ['sessionId', 'playerId'], description: 'What each player can spend.' },
    ),
    ledger: eventTable(
      { playerId: t.u32(), amount: t.i32(), reason: t.enum('HARVEST', 'ATTACK') },
      { description: 'Every credit that a wallet gained or lost.' },
    ),
  },
  views: {
    scoreboard: {
      kind: 'group',
      description: 'What each player has earned and spent in a match.',
      from: 'ledger',
      groupBy: ['sessionId', 'playerId'],
      columns: { balance: sum('amount'), bookings: count() },
    },
    pulse: {
      kind: 'group',
      description: 'How far each match is.',
      from: 'orders',
      groupBy: ['sessionId'],
      columns: {
        orders: count(),
        rejected: count({ where: { accepted: { eq: false } } }),
        lastTick: max('tick'),
      },
    },
  },
  roles: {
    'game-server': {
      description: 'The simulation: the only one that writes.',
      class: 'GAMEPLAY',
      capabilities: ['session', 'commit'],
      tables: {
        orders: ['write'],
        units: ['read', 'write'],
        wallets: ['read', 'write'],
        ledger: ['write'],
      },
    },
    liveops: {
      description: 'Dashboards.',
      class: 'OPERATOR',
      tables: { units: ['read'] },
      views: ['scoreboard', 'pulse'],
    },
    analyst: {
      description: 'Questions about everything that happened.',
      class: 'ARCHIVAL',
      capabilities: ['sql', 'export'],
      tables: { orders: ['aggregate'], ledger: ['aggregate'] },
    },
  },
});
