// Title "ashfall", version 1.
// Generated; change the manifest instead and run: npx vitest run test/sdk/generate-sdk.test.ts --update

import {
  type ActionInput,
  type ClientOptions,
  type ConflictCode,
  type EventEffects,
  type Export,
  type ExportOf,
  type ExportShape,
  type Json,
  type Position,
  type SqlExport,
  type StateEffects,
  type TickBuilder,
  TitleClient,
  type TitleDescriptor,
} from '@tickloom/sdk';

export type ActionKind =
  | 'NONE'
  | 'STOP'
  | 'MOVE'
  | 'DIVE'
  | 'FORM_MOVE'
  | 'BUILD_SILO_TACTICAL'
  | 'BUILD_SILO_NUKE'
  | 'BUILD_FACTORY'
  | 'BUILD_MOBILE'
  | 'BUILD_ASSIST'
  | 'ATTACK'
  | 'FORM_ATTACK'
  | 'NUKE'
  | 'TACTICAL'
  | 'TELEPORT'
  | 'GUARD'
  | 'PATROL'
  | 'FERRY'
  | 'FORM_PATROL'
  | 'RECLAIM'
  | 'REPAIR'
  | 'CAPTURE'
  | 'TRANSPORT_LOAD'
  | 'TRANSPORT_REVERSE_LOAD'
  | 'TRANSPORT_UNLOAD'
  | 'TRANSPORT_UNLOAD_SPECIFIC'
  | 'DETACH_FROM_TRANSPORT'
  | 'UPGRADE'
  | 'SCRIPT'
  | 'ASSIST_COMMANDER'
  | 'KILL_SELF'
  | 'DESTROY_SELF'
  | 'SACRIFICE'
  | 'PAUSE'
  | 'OVER_CHARGE'
  | 'AGGRESSIVE_MOVE'
  | 'FORM_AGGRESSIVE_MOVE'
  | 'ASSIST_MOVE'
  | 'SPECIAL_ACTION'
  | 'DOCK'
  | 'TOGGLE'
  | 'RETARGET'
  | 'COUNT'
  | 'DEQUEUE'
  | 'CALLBACK';

export type PlayerWalletResource = 'MASS' | 'ENERGY';

export type ResourceLedgerResource = 'MASS' | 'ENERGY';

/** `actionLog`: an action with its verdict. */
export interface ActionLog {
  readonly sessionId: string;
  readonly tick: number;
  readonly seq: number;
  readonly position: Position;
  readonly committedAt: Date;
  readonly actionId: string;
  readonly accepted: boolean;
  readonly conflict: ConflictCode | null;
  readonly playerId: number;
  readonly kind: ActionKind;
  readonly unitIds: readonly number[];
  readonly targetUnitId: number | null;
  readonly x: number | null;
  readonly y: number | null;
  readonly payload: Json | null;
}

/** `unitState`: a live row. */
export interface UnitState {
  readonly sessionId: string;
  readonly unitId: number;
  readonly ownerId: number;
  readonly blueprint: string | null;
  readonly orderKind: string | null;
  readonly x: number | null;
  readonly y: number | null;
  readonly targetUnitId: number | null;
  readonly health: number | null;
  readonly version: number;
  readonly position: Position;
  readonly committedAt: Date;
}
export type UnitStateKey = Pick<UnitState, 'sessionId' | 'unitId'>;

/** `playerWallet`: a live row. */
export interface PlayerWallet {
  readonly sessionId: string;
  readonly playerId: number;
  readonly resource: PlayerWalletResource;
  readonly balance: number;
  readonly version: number;
  readonly position: Position;
  readonly committedAt: Date;
}
export type PlayerWalletKey = Pick<PlayerWallet, 'sessionId' | 'playerId' | 'resource'>;

/** `playerProfile`: a live row. */
export interface PlayerProfile {
  readonly playerId: number;
  readonly rating: number;
  readonly matchesPlayed: number;
  readonly suspended: boolean;
  readonly version: number;
  readonly position: Position;
  readonly committedAt: Date;
}
export type PlayerProfileKey = Pick<PlayerProfile, 'playerId'>;

/** `resourceLedger`: an event. */
export interface ResourceLedger {
  readonly sessionId: string;
  readonly tick: number;
  readonly seq: number;
  readonly position: Position;
  readonly committedAt: Date;
  readonly playerId: number;
  readonly resource: ResourceLedgerResource;
  readonly amount: number;
  readonly reason: string | null;
}

/** `stateSnapshot`: an event. */
export interface StateSnapshot {
  readonly sessionId: string;
  readonly tick: number;
  readonly seq: number;
  readonly position: Position;
  readonly committedAt: Date;
  readonly source: string;
  readonly checksum: string;
  readonly data: Json | null;
}

/** `matchMetrics`: an event. */
export interface MatchMetrics {
  readonly sessionId: string;
  readonly tick: number;
  readonly seq: number;
  readonly position: Position;
  readonly committedAt: Date;
  readonly name: string;
  readonly value: number;
}

/** `matchPulse`: a row of the view. */
export interface MatchPulse {
  readonly sessionId: string;
  readonly actions: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly lastTick: number;
  readonly players: number;
}
export type MatchPulseKey = Pick<MatchPulse, 'sessionId'>;

/** `playerActivity`: a row of the view. */
export interface PlayerActivity {
  readonly sessionId: string;
  readonly playerId: number;
  readonly tickWindow: number;
  readonly actions: number;
  readonly orders: number;
  readonly unitsCommanded: number;
}
export type PlayerActivityKey = Pick<PlayerActivity, 'sessionId' | 'playerId' | 'tickWindow'>;

/** `orderMix`: a row of the view. */
export interface OrderMix {
  readonly sessionId: string;
  readonly kind: ActionKind;
  readonly count: number;
}
export type OrderMixKey = Pick<OrderMix, 'sessionId' | 'kind'>;

/** `resourceBalance`: a row of the view. */
export interface ResourceBalance {
  readonly sessionId: string;
  readonly playerId: number;
  readonly resource: ResourceLedgerResource;
  readonly balance: number;
}
export type ResourceBalanceKey = Pick<ResourceBalance, 'sessionId' | 'playerId' | 'resource'>;

/** `playerTotals`: a row of the view. */
export interface PlayerTotals {
  readonly sessionId: string;
  readonly playerId: number;
  readonly actions: number;
}
export type PlayerTotalsKey = Pick<PlayerTotals, 'sessionId' | 'playerId'>;

/** `busiestPlayers`: a row of the view. */
export interface BusiestPlayers {
  readonly sessionId: string;
  readonly playerId: number;
  readonly actions: number;
}
export type BusiestPlayersKey = Pick<BusiestPlayers, 'sessionId' | 'playerId'>;

/** Effects by table; each returns what it was added to. */
export interface AshfallEffects<Self> {
  readonly unitState: StateEffects<Self, UnitState, keyof UnitStateKey>;
  readonly playerWallet: StateEffects<Self, PlayerWallet, keyof PlayerWalletKey>;
  readonly playerProfile: StateEffects<Self, PlayerProfile, keyof PlayerProfileKey>;
  readonly resourceLedger: EventEffects<Self, ResourceLedger>;
  readonly stateSnapshot: EventEffects<Self, StateSnapshot>;
  readonly matchMetrics: EventEffects<Self, MatchMetrics>;
}
/** One action of a tick: accepted with all its effects, or rejected. */
export interface AshfallAction extends AshfallEffects<AshfallAction> {}
/** A tick under construction. */
export interface AshfallTick
  extends TickBuilder<ActionLog, AshfallAction>,
    AshfallEffects<AshfallTick> {}
export type AshfallActionInput = ActionInput<ActionLog>;

/** What an export may draw from. */
export type AshfallExportSource =
  | ExportOf<'actionLog', ActionLog>
  | ExportOf<'unitState', UnitState>
  | ExportOf<'playerWallet', PlayerWallet>
  | ExportOf<'playerProfile', PlayerProfile>
  | ExportOf<'resourceLedger', ResourceLedger>
  | ExportOf<'stateSnapshot', StateSnapshot>
  | ExportOf<'matchMetrics', MatchMetrics>
  | SqlExport;

export class AshfallClient extends TitleClient<AshfallTick> {
  readonly actionLog = this.historyTable<ActionLog, 'tick' | 'seq' | 'playerId' | 'targetUnitId'>(
    'actionLog',
  );
  readonly unitState = this.stateTable<
    UnitState,
    keyof UnitStateKey,
    'unitId' | 'ownerId' | 'targetUnitId' | 'version'
  >('unitState');
  readonly playerWallet = this.stateTable<
    PlayerWallet,
    keyof PlayerWalletKey,
    'playerId' | 'version'
  >('playerWallet');
  readonly playerProfile = this.stateTable<
    PlayerProfile,
    keyof PlayerProfileKey,
    'playerId' | 'matchesPlayed' | 'version'
  >('playerProfile');
  readonly resourceLedger = this.historyTable<ResourceLedger, 'tick' | 'seq' | 'playerId'>(
    'resourceLedger',
  );
  readonly stateSnapshot = this.historyTable<StateSnapshot, 'tick' | 'seq'>('stateSnapshot');
  readonly matchMetrics = this.historyTable<MatchMetrics, 'tick' | 'seq'>('matchMetrics');
  readonly matchPulse = this.view<MatchPulse, keyof MatchPulseKey>('matchPulse');
  readonly playerActivity = this.view<PlayerActivity, keyof PlayerActivityKey>('playerActivity');
  readonly orderMix = this.view<OrderMix, keyof OrderMixKey>('orderMix');
  readonly resourceBalance = this.view<ResourceBalance, keyof ResourceBalanceKey>(
    'resourceBalance',
  );
  readonly playerTotals = this.view<PlayerTotals, keyof PlayerTotalsKey>('playerTotals');
  readonly busiestPlayers = this.view<BusiestPlayers, keyof BusiestPlayersKey>('busiestPlayers');

  constructor(options: ClientOptions) {
    super(title, options);
  }

  /** A signed link to rows as of one position; opens as an Arrow table or stream. */
  createExport(request: AshfallExportSource & ExportShape): Promise<Export> {
    return this.createExportOf(request);
  }
}

/** Names and kinds, for the runtime. */
const title: TitleDescriptor = {
  title: 'ashfall',
  version: 1,
  tables: {
    actionLog: {
      as: 'ActionLog',
      kind: 'action',
      columns: {
        sessionId: 'string',
        tick: 'u32',
        seq: 'u32',
        position: 'string',
        committedAt: 'timestamp',
        actionId: 'string',
        accepted: 'bool',
        conflict: 'enum?',
        playerId: 'u32',
        kind: 'enum',
        unitIds: 'u32[]',
        targetUnitId: 'u32?',
        x: 'f32?',
        y: 'f32?',
        payload: 'json?',
      },
      values: {
        kind: [
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
          'TOGGLE',
          'RETARGET',
          'COUNT',
          'DEQUEUE',
          'CALLBACK',
        ],
      },
    },
    unitState: {
      as: 'UnitState',
      kind: 'state',
      key: ['sessionId', 'unitId'],
      columns: {
        sessionId: 'string',
        unitId: 'u32',
        ownerId: 'u32',
        blueprint: 'string?',
        orderKind: 'string?',
        x: 'f32?',
        y: 'f32?',
        targetUnitId: 'u32?',
        health: 'f32?',
        version: 'u32',
        position: 'string',
        committedAt: 'timestamp',
      },
    },
    playerWallet: {
      as: 'PlayerWallet',
      kind: 'state',
      key: ['sessionId', 'playerId', 'resource'],
      columns: {
        sessionId: 'string',
        playerId: 'u32',
        resource: 'enum',
        balance: 'f64',
        version: 'u32',
        position: 'string',
        committedAt: 'timestamp',
      },
      values: {
        resource: ['MASS', 'ENERGY'],
      },
    },
    playerProfile: {
      as: 'PlayerProfile',
      kind: 'state',
      key: ['playerId'],
      columns: {
        playerId: 'u32',
        rating: 'f64',
        matchesPlayed: 'u32',
        suspended: 'bool',
        version: 'u32',
        position: 'string',
        committedAt: 'timestamp',
      },
    },
    resourceLedger: {
      as: 'ResourceLedger',
      kind: 'event',
      columns: {
        sessionId: 'string',
        tick: 'u32',
        seq: 'u32',
        position: 'string',
        committedAt: 'timestamp',
        playerId: 'u32',
        resource: 'enum',
        amount: 'f64',
        reason: 'string?',
      },
      values: {
        resource: ['MASS', 'ENERGY'],
      },
    },
    stateSnapshot: {
      as: 'StateSnapshot',
      kind: 'event',
      columns: {
        sessionId: 'string',
        tick: 'u32',
        seq: 'u32',
        position: 'string',
        committedAt: 'timestamp',
        source: 'string',
        checksum: 'string',
        data: 'json?',
      },
    },
    matchMetrics: {
      as: 'MatchMetrics',
      kind: 'event',
      columns: {
        sessionId: 'string',
        tick: 'u32',
        seq: 'u32',
        position: 'string',
        committedAt: 'timestamp',
        name: 'string',
        value: 'f64',
      },
    },
  },
  views: {
    matchPulse: {
      as: 'MatchPulse',
      key: ['sessionId'],
      columns: {
        sessionId: 'string',
        actions: 'count',
        accepted: 'count',
        rejected: 'count',
        lastTick: 'u32',
        players: 'count',
      },
    },
    playerActivity: {
      as: 'PlayerActivity',
      key: ['sessionId', 'playerId', 'tickWindow'],
      columns: {
        sessionId: 'string',
        playerId: 'u32',
        tickWindow: 'u32',
        actions: 'count',
        orders: 'count',
        unitsCommanded: 'count',
      },
    },
    orderMix: {
      as: 'OrderMix',
      key: ['sessionId', 'kind'],
      columns: {
        sessionId: 'string',
        kind: 'enum',
        count: 'count',
      },
      values: {
        kind: [
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
          'TOGGLE',
          'RETARGET',
          'COUNT',
          'DEQUEUE',
          'CALLBACK',
        ],
      },
    },
    resourceBalance: {
      as: 'ResourceBalance',
      key: ['sessionId', 'playerId', 'resource'],
      columns: {
        sessionId: 'string',
        playerId: 'u32',
        resource: 'enum',
        balance: 'f64',
      },
      values: {
        resource: ['MASS', 'ENERGY'],
      },
    },
    playerTotals: {
      as: 'PlayerTotals',
      key: ['sessionId', 'playerId'],
      columns: {
        sessionId: 'string',
        playerId: 'u32',
        actions: 'count',
      },
    },
    busiestPlayers: {
      as: 'BusiestPlayers',
      key: ['sessionId', 'playerId'],
      columns: {
        sessionId: 'string',
        playerId: 'u32',
        actions: 'count',
      },
    },
  },
};
