import {
  actionTable,
  count,
  countDistinct,
  defineTitle,
  eventTable,
  max,
  onTables,
  stateTable,
  sum,
  sumLength,
  t,
} from '../../engine/manifest/index.ts';

/** Kinds of actions that are no order to units; the last kinds of `actionLog`. */
const otherKinds = ['TOGGLE', 'RETARGET', 'COUNT', 'DEQUEUE', 'CALLBACK'] as const;

const tables = {
  actionLog: actionTable({
    playerId: t.u32(),
    // The order types of Supreme Commander in the order of their numbers, then the rest.
    kind: t.enum(
      'NONE',
      'STOP',
      'MOVE',
      'DIVE',
      'FORM_MOVE',
      'BUILD_SILO_TACTICAL',
      'BUILD_SILO_NUKE',
      'BUILD_FACTORY',
      'BUILD_MOBILE',
      'BUILD_ASSIST',
      'ATTACK',
      'FORM_ATTACK',
      'NUKE',
      'TACTICAL',
      'TELEPORT',
      'GUARD',
      'PATROL',
      'FERRY',
      'FORM_PATROL',
      'RECLAIM',
      'REPAIR',
      'CAPTURE',
      'TRANSPORT_LOAD',
      'TRANSPORT_REVERSE_LOAD',
      'TRANSPORT_UNLOAD',
      'TRANSPORT_UNLOAD_SPECIFIC',
      'DETACH_FROM_TRANSPORT',
      'UPGRADE',
      'SCRIPT',
      'ASSIST_COMMANDER',
      'KILL_SELF',
      'DESTROY_SELF',
      'SACRIFICE',
      'PAUSE',
      'OVER_CHARGE',
      'AGGRESSIVE_MOVE',
      'FORM_AGGRESSIVE_MOVE',
      'ASSIST_MOVE',
      'SPECIAL_ACTION',
      'DOCK',
      ...otherKinds,
    ),
    unitIds: t.list(t.u32()),
    targetUnitId: t.u32().optional(),
    x: t.f32().optional(),
    y: t.f32().optional(),
    payload: t.json().optional(),
  }),
  unitState: stateTable(
    {
      unitId: t.u32(),
      ownerId: t.u32(),
      blueprint: t.string().optional(),
      orderKind: t.string().optional(),
      x: t.f32().optional(),
      y: t.f32().optional(),
      targetUnitId: t.u32().optional(),
      health: t.f32().optional(),
    },
    { key: ['sessionId', 'unitId'], indexes: { byOwner: ['sessionId', 'ownerId'] } },
  ),
  playerWallet: stateTable(
    { playerId: t.u32(), resource: t.enum('MASS', 'ENERGY'), balance: t.f64() },
    { key: ['sessionId', 'playerId', 'resource'] },
  ),
  playerProfile: stateTable(
    { playerId: t.u32(), rating: t.f64(), matchesPlayed: t.u32(), suspended: t.bool() },
    { key: ['playerId'] },
  ),
  resourceLedger: eventTable({
    playerId: t.u32(),
    resource: t.enum('MASS', 'ENERGY'),
    amount: t.f64(),
    reason: t.string().optional(),
  }),
  stateSnapshot: eventTable({
    source: t.string(),
    checksum: t.string(),
    data: t.json().optional(),
  }),
  matchMetrics: eventTable({ name: t.string(), value: t.f64() }),
} as const;

const everyTable = [
  'actionLog',
  'unitState',
  'playerWallet',
  'playerProfile',
  'resourceLedger',
  'stateSnapshot',
  'matchMetrics',
] as const;

/** The reference title: a large real-time strategy game, and what its studio needs of a backend. */
export const ashfall = defineTitle({
  title: 'ashfall',
  version: 1,
  tables,
  views: {
    matchPulse: {
      kind: 'group',
      from: 'actionLog',
      groupBy: ['sessionId'],
      columns: {
        actions: count(),
        accepted: count({ where: { accepted: { eq: true } } }),
        rejected: count({ where: { accepted: { eq: false } } }),
        lastTick: max('tick'),
        players: countDistinct('playerId'),
      },
    },
    playerActivity: {
      kind: 'group',
      from: 'actionLog',
      groupBy: ['sessionId', 'playerId'],
      tickWindow: 600,
      columns: {
        actions: count(),
        orders: count({ where: { not: { kind: { in: otherKinds } } } }),
        unitsCommanded: sumLength('unitIds'),
      },
    },
    orderMix: {
      kind: 'group',
      from: 'actionLog',
      groupBy: ['sessionId', 'kind'],
      columns: { count: count() },
    },
    resourceBalance: {
      kind: 'group',
      from: 'resourceLedger',
      groupBy: ['sessionId', 'playerId', 'resource'],
      columns: { balance: sum('amount') },
    },
    // A top view draws from a group view, and playerActivity splits a match into windows.
    playerTotals: {
      kind: 'group',
      from: 'actionLog',
      groupBy: ['sessionId', 'playerId'],
      columns: { actions: count() },
    },
    busiestPlayers: {
      kind: 'top',
      from: 'playerTotals',
      partitionBy: ['sessionId'],
      orderBy: 'actions',
      limit: 10,
    },
  },
  roles: {
    // The simulator. It reads what it must compare and replay, and asks the column store nothing.
    'game-server': {
      class: 'GAMEPLAY',
      capabilities: ['session', 'commit'],
      tables: onTables(everyTable, ['read', 'write']),
    },
    // Watches and intervenes, but does not read the rows behind the figures: players' profiles
    // and payloads are no business of a dashboard.
    liveops: {
      class: 'OPERATOR',
      capabilities: ['explain', 'kill', 'audit'],
      tables: onTables(everyTable, ['aggregate']),
      views: [
        'matchPulse',
        'playerActivity',
        'orderMix',
        'resourceBalance',
        'playerTotals',
        'busiestPlayers',
      ],
    },
    // Works on history. Lists of the log's rows show no more than an export of them; live rows are
    // the simulator's, and their history is there through aggregates, SQL and exports.
    analyst: {
      class: 'ARCHIVAL',
      capabilities: ['sql', 'export'],
      tables: {
        ...onTables(everyTable, ['aggregate']),
        ...onTables(
          ['actionLog', 'resourceLedger', 'stateSnapshot', 'matchMetrics'],
          ['read', 'aggregate'],
        ),
      },
    },
    // OPERATOR, not GAMEPLAY: players must not compete with the ticks of their match.
    player: {
      class: 'OPERATOR',
      limits: {
        requestsPerSecond: 20,
        burst: 100,
        bytesPerSecond: 1024 * 1024,
        rowsReadPerMinute: 100_000,
        subscriptions: 20,
      },
      tables: {
        unitState: { access: ['read'], onlyWhere: { column: 'ownerId', claim: 'player_id' } },
      },
    },
    // Runs the title and sees none of its data.
    admin: { class: 'OPERATOR', capabilities: ['manifest', 'roles', 'backup'] },
  },
});
