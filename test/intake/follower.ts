import type { EffectInput, TickInput } from '../../engine/intake/rows/row-input.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { Lsn } from '../../engine/model/position.ts';
import type { Row, TitleManifest, WhereInput } from '../../engine/model/types.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import { Projection, type Settlement } from '../../engine/tick/projection.ts';
import type { TickBatch } from '../../engine/tick/tick-batch.ts';
import { encodeTick } from '../../engine/tick/tick-record.ts';

/** The requires that a body can give by row; the others are left out. */
function comparisonsOnly(require: WhereInput | null): WhereInput | null {
  const [condition, ...more] = Object.entries(require ?? {});
  if (!condition || more.length > 0) return null;
  const [op] = Object.keys(condition[1] as object);
  return op === 'eq' || op === 'gt' ? require : null;
}

/** The tick with requires that every way can give by row, and without values that JSON has not. */
export function plain(tick: TickInput): TickInput {
  const effects = (own: readonly EffectInput[]) =>
    own.map((effect) =>
      finiteOnly(
        'require' in effect ? { ...effect, require: comparisonsOnly(effect.require) } : effect,
      ),
    );
  return {
    ...tick,
    actions: tick.actions.map((action) => ({ ...action, effects: effects(action.effects) })),
    effects: effects(tick.effects),
  };
}

/** With numbers in place of those that are none; `key` and `require` have no such. */
export function finiteOnly(effect: EffectInput): EffectInput {
  const finite = (row: Row): Row =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, Number.isNaN(value) ? 0.25 : value]),
    );
  if ('row' in effect) return { ...effect, row: finite(effect.row) };
  return 'set' in effect ? { ...effect, set: finite(effect.set) } : effect;
}

/** Applies ticks, and keeps what it answered. */
export class Follower {
  readonly projection: Projection;
  readonly answers: unknown[] = [];

  constructor(manifest: TitleManifest) {
    this.projection = new Projection(new TitleState(new Catalog(manifest)));
    for (const session of ['one', 'two']) {
      const record = { type: 'session', at: 1, session, verb: 'open', fence: null } as const;
      this.projection.settleSession(1 as Lsn, record);
    }
  }

  commit(batch: TickBatch, lsn: number): void {
    const { digest } = encodeTick(batch);
    this.answers.push(
      digest,
      answerOf(this.projection.settle({ lsn: lsn as Lsn, committedAtMs: lsn, digest, batch })),
    );
  }

  rows(): Row[] {
    return [...this.projection.state.tables.values()].flatMap((table) =>
      [...table.slots()].map((slot) => table.row(slot)),
    );
  }
}

function answerOf(settlement: Settlement): unknown {
  if (settlement.kind === 'refused') return settlement;
  const { changes: _changes, ...answer } = settlement;
  return answer;
}
