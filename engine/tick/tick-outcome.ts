import type { ConflictReport } from '../model/conflict.ts';
import { EngineError } from '../model/errors.ts';
import type { Lsn } from '../model/position.ts';
import type { Row, Value } from '../model/types.ts';
import type { StateReader } from '../state/state-reader.ts';
import { valueAt } from '../vectors/column-vector.ts';
import type { ActionNames } from './action-names.ts';
import type { RepeatReport } from './answered-once.ts';
import type { Settlement } from './projection.ts';
import { type TickBatch, tickItself } from './tick-batch.ts';

export interface TickOutcome {
  readonly lsn: Lsn;
  readonly sessionId: string;
  readonly tick: number | null;
  /** The tick was committed before under its key; this outcome is what it answered then. */
  readonly duplicate: boolean;
  readonly aborted: boolean;
  /** How many of the actions settled here. */
  readonly accepted: number;
  readonly rejected: number;
  readonly stateHash: string;
  /** Ids of the actions in order: `actionId(i)`. */
  readonly actionIds: readonly string[];
  /** The conflicts, in order of `action`; an accepted action has none. */
  readonly conflicts: readonly ActionConflict[];
  /** The actions that another tick has settled before, in order; neither accepted nor rejected here. */
  readonly repeats: readonly RepeatReport[];
  /** The conflict of the tick's own effects, where that aborted it. */
  readonly tickConflict: EffectConflict | null;
  /** For direct writes: the row as it is now, null when deleted or absent. */
  readonly row: Row | null;
}

/** A conflict as the caller is told it: the writer's action by its id. */
export interface EffectConflict extends Omit<ConflictReport, 'action' | 'lastWriter'> {
  readonly lastWriter: {
    readonly lsn: Lsn;
    readonly tick: number | null;
    readonly actionId: string | null;
  } | null;
}

export interface ActionConflict extends EffectConflict {
  readonly action: number;
}

/** What the caller is answered; throws what a refusal is. */
export function outcomeOf(
  settlement: Settlement,
  batch: TickBatch,
  names: ActionNames,
  state: StateReader,
): TickOutcome {
  if (settlement.kind === 'refused') {
    throw new EngineError(settlement.code, settlement.message, { details: settlement.details });
  }
  return new SettledOutcome(settlement, batch, names, state);
}

type Settled = Exclude<Settlement, { readonly kind: 'refused' }>;

/**
 * A class because of `actionIds`: for a getter in an object literal V8 makes a pair of accessors in
 * the old space each time, by which every tick would stay alive, columns and all, until the whole
 * heap is marked.
 */
class SettledOutcome implements TickOutcome {
  readonly lsn: Lsn;
  readonly sessionId: string;
  readonly tick: number | null;
  readonly duplicate: boolean;
  readonly aborted: boolean;
  readonly accepted: number;
  readonly rejected: number;
  readonly stateHash: string;
  readonly conflicts: readonly ActionConflict[];
  readonly repeats: readonly RepeatReport[];
  readonly tickConflict: EffectConflict | null;
  readonly row: Row | null;
  readonly #batch: TickBatch;
  #actionIds: readonly string[] | null = null;

  constructor(settled: Settled, batch: TickBatch, names: ActionNames, state: StateReader) {
    const { sessionId, tick } = batch.header;
    this.lsn = settled.lsn;
    this.sessionId = sessionId;
    this.tick = tick;
    this.duplicate = settled.kind === 'duplicate';
    this.aborted = settled.aborted;
    this.accepted = settled.accepted;
    this.rejected = settled.rejected;
    this.stateHash = Buffer.from(settled.stateHash).toString('hex');
    this.conflicts = settled.conflicts.map((report) => withName(report, names));
    this.repeats = settled.repeats;
    this.tickConflict = settled.tickConflict && withName(settled.tickConflict, names);
    this.row = tick === null ? writtenRow(batch, state) : null;
    this.#batch = batch;
  }

  /** A large tick rarely asks for its ids; strings are made when it does. */
  get actionIds(): readonly string[] {
    this.#actionIds ??= idsOf(this.#batch);
    return this.#actionIds;
  }
}

function withName(report: ConflictReport, names: ActionNames): ActionConflict {
  const { lastWriter } = report;
  if (!lastWriter) return { ...report, lastWriter: null };
  const { lsn, tick, action } = lastWriter;
  const actionId = action === null ? null : names.find(lsn, action);
  return { ...report, lastWriter: { lsn, tick, actionId } };
}

function idsOf(batch: TickBatch): string[] {
  const [ids] = batch.actions.vectors;
  return ids ? Array.from({ length: ids.length }, (_, i) => valueAt(ids, i) as string) : [];
}

/** The row that a direct write names, as it is now. */
function writtenRow(batch: TickBatch, state: StateReader): Row | null {
  const [stream] = batch.streams;
  if (stream?.table.kind !== 'state' || stream.action[0] !== tickItself) return null;
  const key: { [column: string]: Value } = {};
  for (const name of stream.table.key) {
    const vector = stream.rows.vectors.find((candidate) => candidate.column.name === name);
    key[name] = vector ? valueAt(vector, 0) : batch.header.sessionId;
  }
  return state.get(stream.table.name, key);
}
