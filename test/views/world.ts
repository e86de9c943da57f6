import fc from 'fast-check';
import { finish } from '../../engine/govern/work.ts';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { ActionInput, EffectInput } from '../../engine/intake/rows/row-input.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { asLsn, formatPosition } from '../../engine/model/position.ts';
import { conflictCodes } from '../../engine/model/system-columns.ts';
import type { Row } from '../../engine/model/types.ts';
import { type ChangeSet, verdictCode } from '../../engine/state/change-set.ts';
import { LiveState } from '../../engine/state/live-state.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import { changesOf, type LoggedBatch, Projection } from '../../engine/tick/projection.ts';
import { encodeTick } from '../../engine/tick/tick-record.ts';
import { type ColumnBatch, valueAt } from '../../engine/vectors/column-vector.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { viewsTitle } from './title.ts';

export const catalog = new Catalog(viewsTitle);

export interface TickPlan {
  readonly session: 0 | 1 | 2;
  readonly actions: readonly { readonly row: Row; readonly effects: readonly EffectInput[] }[];
  readonly effects: readonly EffectInput[];
}

/** Rows and sessions as the engine has them, fed with planned ticks; the log is a list in memory. */
export class World {
  readonly log: LoggedBatch[] = [];
  readonly projection = new Projection(new TitleState(catalog));
  readonly state = new LiveState(this.projection.state);
  /** Every appended row, by table, system columns included. */
  readonly appended = new Map<string, Row[]>([
    ['orders', []],
    ['ledger', []],
  ]);
  /** By table, all rows that it has: appended ones, and those that live now. */
  get tables(): ReadonlyMap<string, readonly Row[]> {
    const live = catalog.stateTables.map(
      ({ name }) => [name, finish(this.state.select(name, null))] as const,
    );
    return new Map<string, readonly Row[]>([...this.appended, ...live]);
  }

  #lsn = 0;
  #ticks = [0, 0, 0];
  #life = 0;

  constructor() {
    for (let session = 0; session < 3; session++) {
      this.#lsn += 1;
      this.projection.settleSession(asLsn(this.#lsn), {
        type: 'session',
        at: 0,
        session: `match-${session}`,
        verb: 'open',
        fence: null,
      });
    }
  }

  /** Commits the plan and hands its change set to `fold` in the same turn. */
  commit(plan: TickPlan, fold: (changes: ChangeSet) => void): void {
    const { session } = plan;
    const tick = (this.#ticks[session] ?? 0) + 1;
    this.#ticks[session] = tick;
    this.#lsn += 1;
    const actions = plan.actions.map(
      ({ row, effects }, index): ActionInput => ({
        actionId: `${this.#lsn}.${index}`,
        row,
        effects,
      }),
    );
    const batch = buildTickBatch(catalog, {
      header: tickHeader(tick, { sessionId: `match-${session}` }),
      actions,
      effects: plan.effects,
    });
    const committedAtMs = 1_000 + this.#lsn + this.#life * 1_000_000;
    const { digest } = encodeTick(batch);
    const logged = { lsn: asLsn(this.#lsn), committedAtMs, digest, batch };
    this.log.push(logged);
    const changes = changesOf(this.projection.settle(logged), logged);
    this.#remember(changes);
    fold(changes);
  }

  /**
   * A new world with the first `ticks` of this one's log, as a restart makes it; `fold` sees each
   * change set in the turn it is made in. What comes next is stamped with another time.
   */
  replay(ticks: number, start: (world: World) => (changes: ChangeSet) => void): World {
    const world = new World();
    const fold = start(world);
    for (const logged of this.log.slice(0, ticks)) world.#applyLogged(logged, fold);
    world.#life = this.#life + 1;
    return world;
  }

  /** Applies what `other`, of which this is a prefix, has committed since. */
  follow(other: World, fold: (changes: ChangeSet) => void): void {
    for (const logged of other.log.slice(this.log.length)) this.#applyLogged(logged, fold);
  }

  #applyLogged(logged: LoggedBatch, fold: (changes: ChangeSet) => void): void {
    this.log.push(logged);
    const changes = changesOf(this.projection.settle(logged), logged);
    this.#remember(changes);
    fold(changes);
    const { sessionId, tick } = logged.batch.header;
    this.#ticks[Number(sessionId.at(-1))] = tick ?? 0;
    this.#lsn = logged.lsn;
  }

  #remember(changes: ChangeSet): void {
    const common = {
      sessionId: changes.sessionId,
      tick: changes.tick,
      position: formatPosition(changes.lsn),
      committedAt: changes.committedAtMs,
    };
    const { actions } = changes;
    if (actions) {
      rowsOf(actions.rows).forEach((row, seq) => {
        const verdict = actions.verdicts[seq] as number;
        const conflict = verdictCode(verdict, conflictCodes);
        const accepted = verdict === 0;
        this.appended.get('orders')?.push({ ...common, seq, ...row, accepted, conflict });
      });
    }
    for (const { table, rows, seq } of changes.events) {
      rowsOf(rows).forEach((row, index) => {
        this.appended.get(table.name)?.push({ ...common, seq: seq[index] as number, ...row });
      });
    }
  }
}

function rowsOf(batch: ColumnBatch): Row[] {
  return Array.from({ length: batch.length }, (_, index) =>
    Object.fromEntries(batch.vectors.map((vector) => [vector.column.name, valueAt(vector, index)])),
  );
}

export const uuids = [0, 1, 2].map((i) => `00000000-0000-4000-8000-00000000000${i}`);
export const texts = ['a', 'b', 'ba', '', '\u{1f600}', '\uffee', 'Ä'];

function optional<T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.option(values, { freq: 3 });
}

export const actionRow = fc.record({
  playerId: fc.integer({ min: 0, max: 3 }),
  kind: fc.constantFrom('MOVE', 'ATTACK', 'STOP'),
  unitIds: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 4, size: 'max' }),
  team: optional(fc.integer({ min: -2, max: 2 })),
  urgent: fc.boolean(),
  item: optional(fc.constantFrom(...uuids)),
  note: optional(fc.constantFrom(...texts)),
  score: fc.oneof(fc.bigInt(-3n, 3n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
  mass: optional(fc.oneof(fc.bigInt(0n, 3n), fc.bigInt(0n, 2n ** 64n - 1n))),
  weight: optional(fc.constantFrom(0, 0.5, 1.5, 1e10, -1e10, 3e-8)),
  plannedAt: optional(fc.constantFrom(-5, 0, 4_000, 6_000, 2 ** 40)),
});

const ledgerAppend = fc
  .record({
    playerId: fc.integer({ min: 0, max: 4 }),
    resource: optional(fc.constantFrom('MASS', 'ENERGY')),
    amount: fc.constantFrom(0, 1, -1, 0.1, 1e15, -1e15, 1e-3),
    delta: optional(fc.integer({ min: -5, max: 5 })),
  })
  .map((row): EffectInput => ({ op: 'append', table: 'ledger', row }));

const unitKey = fc.integer({ min: 0, max: 5 }).map((unitId) => ({ unitId }));
/** Numbers of magnitudes that two doubles hold together, that they do not, and that overflow on the way. */
const roundNumbers = fc.constantFrom(0, 1, 0.1, -0.1, 1e16, -1e16, 1e-20, 1e300, 1.7e308, -1.7e308);
const anyNumber = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const unitSet = fc.record({
  ownerId: fc.integer({ min: 0, max: 2 }),
  name: optional(fc.constantFrom(...texts)),
  alive: fc.boolean(),
  seenAt: optional(fc.constantFrom(0, 5_000)),
  item: optional(fc.constantFrom(...uuids)),
  mass: optional(fc.oneof(fc.bigInt(0n, 3n), fc.bigInt(0n, 2n ** 64n - 1n))),
  speed: optional(fc.oneof(roundNumbers, anyNumber)),
  health: optional(fc.constantFrom(0, 0.1, 1e30, -1e30, 3e-39, 100)),
  score: optional(fc.oneof(fc.bigInt(-3n, 3n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n))),
  level: optional(fc.integer({ min: -2, max: 2 })),
});
const unitEffect: fc.Arbitrary<EffectInput> = fc.oneof(
  fc
    .tuple(unitKey, unitSet)
    .map(([key, set]): EffectInput => ({ op: 'upsert', table: 'unit', key, set, require: null })),
  fc
    .tuple(unitKey, unitSet)
    .map(([key, set]): EffectInput => ({ op: 'insert', table: 'unit', row: { ...key, ...set } })),
  unitKey.map(
    (key): EffectInput => ({
      op: 'delete',
      table: 'unit',
      key,
      expectedVersion: null,
      require: null,
    }),
  ),
);
const profileEffect = fc.tuple(fc.integer({ min: 0, max: 2 }), fc.constantFrom(1, 2.5)).map(
  ([playerId, rating]): EffectInput => ({
    op: 'upsert',
    table: 'profile',
    key: { playerId },
    set: { rating },
    require: null,
  }),
);

/** A tick: actions that conflict now and then, and appends of the tick itself, which cannot. */
export const tickPlan: fc.Arbitrary<TickPlan> = fc.record({
  session: fc.constantFrom<0 | 1 | 2>(0, 1, 2),
  actions: fc.array(
    fc.record({
      row: actionRow,
      effects: fc.array(fc.oneof(unitEffect, profileEffect, ledgerAppend), {
        maxLength: 3,
        size: 'max',
      }),
    }),
    { maxLength: 6, size: 'max' },
  ),
  effects: fc.array(ledgerAppend, { maxLength: 4, size: 'max' }),
});
