import {
  actionTable,
  count,
  countDistinct,
  defineTitle,
  eventTable,
  stateTable,
  t,
} from '../../engine/manifest/index.ts';

/** A title that keeps values of persons in every kind of table. */
export const personalTitle = defineTitle({
  title: 'personal',
  version: 1,
  tables: {
    orders: actionTable({ account: t.string().personal(), plan: t.string().optional() }),
    players: stateTable(
      {
        account: t.string().personal(),
        email: t.string().optional().personal({ subject: 'account' }),
        city: t.string().optional().personal({ subject: 'account' }),
        rating: t.u32().optional(),
      },
      { key: ['account'], indexes: { byEmail: ['email'] } },
    ),
    units: stateTable(
      { unitId: t.u32(), owner: t.string().personal() },
      { key: ['sessionId', 'unitId'], indexes: { byOwner: ['sessionId', 'owner'] } },
    ),
    chat: eventTable({ playerId: t.u32(), words: t.string().personal({ subject: 'playerId' }) }),
  },
  views: {
    orderers: {
      kind: 'group',
      from: 'orders',
      groupBy: ['account'],
      columns: { orders: count() },
    },
    cities: {
      kind: 'group',
      from: 'players',
      groupBy: ['rating'],
      columns: { cities: countDistinct('city') },
    },
  },
  roles: {
    simulator: {
      class: 'GAMEPLAY',
      capabilities: ['session', 'commit', 'personal'],
      tables: {
        orders: ['write'],
        players: ['read', 'write'],
        units: ['read', 'write'],
        chat: ['write'],
      },
    },
    importer: {
      class: 'GAMEPLAY',
      capabilities: ['session', 'commit'],
      tables: { orders: ['write'], players: ['write'] },
    },
    support: {
      class: 'OPERATOR',
      capabilities: ['personal', 'erase', 'sql', 'export', 'audit'],
      tables: {
        orders: ['read', 'aggregate'],
        players: ['read', 'aggregate'],
        units: ['read', 'aggregate'],
        chat: ['read', 'aggregate'],
      },
      views: ['orderers', 'cities'],
    },
    analyst: {
      class: 'ARCHIVAL',
      capabilities: ['sql', 'export'],
      tables: {
        orders: ['read', 'aggregate'],
        players: ['read', 'aggregate'],
        units: ['read', 'aggregate'],
        chat: ['read', 'aggregate'],
      },
      views: ['orderers', 'cities'],
    },
    player: {
      class: 'GAMEPLAY',
      limits: {},
      capabilities: ['personal'],
      tables: {
        units: { access: ['read'], onlyWhere: { column: 'owner', claim: 'player_id' } },
      },
    },
  },
});
