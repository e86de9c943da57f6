import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { EffectInput } from '../../engine/intake/rows/row-input.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { Lsn } from '../../engine/model/position.ts';
import type { Row, TitleManifest, WhereInput } from '../../engine/model/types.ts';
import { LiveState } from '../../engine/state/live-state.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import { Projection, type Settlement } from '../../engine/tick/projection.ts';
import type { ConflictPolicy } from '../../engine/tick/tick-batch.ts';
import { encodeTick } from '../../engine/tick/tick-record.ts';
import { columnOf } from '../intake/any-column.ts';

const manifest: TitleManifest = {
  format: 1,
  title: 'rules',
  version: 1,
  tables: [
    {
      name: 'order',
      kind: 'action',
      columns: [columnOf('player', 'u32'), columnOf('force', 'f32', { optional: true })],
      key: [],
      indexes: [],
    },
    {
      name: 'ledger',
      kind: 'event',
      columns: [columnOf('amount', 'f64')],
      key: [],
      indexes: [],
    },
    {
      name: 'thing',
      kind: 'state',
      columns: [
        columnOf('sessionId', 'string'),
        columnOf('id', 'u32'),
        columnOf('count', 'u8'),
        columnOf('spare', 'i16', { optional: true }),
        columnOf('wide', 'i64', { optional: true }),
        columnOf('ratio', 'f32', { optional: true }),
        columnOf('real', 'f64', { optional: true }),
        columnOf('label', 'string', { optional: true }),
      ],
      key: ['sessionId', 'id'],
      indexes: [],
    },
  ],
  views: [],
  roles: [],
};

export interface Tick {
  readonly actions?: readonly (readonly EffectInput[])[];
  readonly effects?: readonly EffectInput[];
  readonly onConflict?: ConflictPolicy;
  readonly force?: number;
}

/** One session on one table, to try the rules on. */
export class RulesTitle {
  readonly #catalog = new Catalog(manifest);
  readonly #projection = new Projection(new TitleState(this.#catalog));
  #lsn = 1;
  #tick = 0;

  constructor() {
    const record = { type: 'session', at: 1, session: 's', verb: 'open', fence: null } as const;
    this.#projection.settleSession(1 as Lsn, record);
  }

  commit(tick: Tick): Extract<Settlement, { kind: 'applied' | 'duplicate' }> {
    const header = {
      sessionId: 's',
      tick: ++this.#tick,
      fence: null,
      idempotencyKey: null,
      onConflict: tick.onConflict ?? 'REJECT_ACTION',
      afterTick: null,
    };
    const actions = (tick.actions ?? []).map((effects, i) => ({
      actionId: `a${i}`,
      row: { player: i, ...(tick.force === undefined ? {} : { force: tick.force }) },
      effects,
    }));
    const effects = tick.effects ?? [];
    const batch = buildTickBatch(this.#catalog, { header, actions, effects });
    const { digest } = encodeTick(batch);
    const lsn = ++this.#lsn as Lsn;
    const settlement = this.#projection.settle({ lsn, committedAtMs: 1, digest, batch });
    if (settlement.kind === 'refused') throw new Error(settlement.message);
    return settlement;
  }

  /** The conflict of a single action with these effects, null when it is accepted. */
  verdict(...effects: readonly EffectInput[]): string | null {
    return this.commit({ actions: [effects] }).conflicts[0]?.code ?? null;
  }

  row(id: number): Row | null {
    return new LiveState(this.#projection.state).get('thing', { sessionId: 's', id });
  }
}

export function insert(id: number, row: object = {}): EffectInput {
  return { op: 'insert', table: 'thing', row: { id, count: 1, ...row } };
}

export function upsert(id: number, set: object, require: WhereInput | null = null): EffectInput {
  return { op: 'upsert', table: 'thing', key: { id }, set: { ...set }, require };
}

export function swap(
  id: number,
  expectedVersion: number,
  set: object,
  require: WhereInput | null = null,
): EffectInput {
  const key = { id };
  return { op: 'compareAndSet', table: 'thing', key, expectedVersion, set: { ...set }, require };
}

export function adjust(id: number, add: object, require: WhereInput | null = null): EffectInput {
  return { op: 'adjust', table: 'thing', key: { id }, add: { ...add }, require };
}

export function remove(
  id: number,
  expectedVersion: number | null = null,
  require: WhereInput | null = null,
): EffectInput {
  return { op: 'delete', table: 'thing', key: { id }, expectedVersion, require };
}

export function append(amount: number): EffectInput {
  return { op: 'append', table: 'ledger', row: { amount } };
}
