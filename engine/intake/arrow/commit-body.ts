import type { Catalog } from '../../model/catalog.ts';
import { EngineError } from '../../model/errors.ts';
import { limits } from '../../model/limits.ts';
import type { Guard } from '../../query/guard.ts';
import { checkActionValues } from '../../tick/batch-check.ts';
import {
  type EffectStream,
  type TickBatch,
  type TickHeader,
  tickItself,
} from '../../tick/tick-batch.ts';
import { actionBatchColumns } from '../../tick/tick-record.ts';
import type { ArrowBatch } from '../../vectors/arrow/arrow-batch.ts';
import { ArrowDamage } from '../../vectors/arrow/arrow-damage.ts';
import { type ArrowStream, ArrowStreams } from '../../vectors/arrow/arrow-streams.ts';
import type { ColumnBatch, ColumnVector } from '../../vectors/column-vector.ts';
import { isNullAt } from '../../vectors/column-vector.ts';
import { VectorBuilder } from '../../vectors/vector-builder.ts';
import { emptyVector, pickRows } from '../../vectors/vector-rows.ts';
import { atMost } from '../at-most.ts';
import { checkOperand, type GuardPlan } from './guard-plan.ts';
import { badStream, type ColumnPlan, placeOf } from './stream-fields.ts';
import type { ActionsPlan, EffectsPlan, StreamPlan } from './stream-plan.ts';
import { plansUnder } from './stream-plans.ts';

/**
 * Decodes a body of the commit endpoint: Arrow IPC streams one after the other, each naming its
 * table and operation in its schema's metadata (`tickloom.table`, `tickloom.op`). No object a row
 * is made. Beside the columns of the contract an effect stream may carry a `require`: columns
 * named `require.<column>.<operator>` (operand by row), and schema metadata `tickloom.require`
 * (JSON of the `where` language, the same for all rows); all of them must hold.
 *
 * Throws `BAD_USER_INPUT` naming stream and column, `LIMIT_EXCEEDED` past a bound.
 */
export function decodeCommitBody(
  catalog: Catalog,
  header: TickHeader,
  body: Uint8Array,
): TickBatch {
  let actions: ColumnBatch | null = null;
  const streams: EffectStream[] = [];
  const places: string[] = [];
  let effects = 0;
  const reader = new BodyReader(catalog, body);
  for (let stream = reader.next(); stream; stream = reader.next()) {
    const { content, label } = stream.plan;
    const place = placeOf(reader.index, label);
    // Before any column is read: a message may claim more rows than it has bytes.
    if (content.kind === 'actions') {
      if (actions) throw badStream(place, 'the actions came before');
      atMost(stream.rows, limits.tickActionsMax, 'actions in one tick');
      actions = readActions(content, stream, place);
    } else {
      atMost(stream.rows, limits.tickEffectsMax, `rows in ${place}`);
      effects += stream.rows;
      atMost(effects, limits.tickEffectsMax, 'effects in one tick');
      if (stream.rows === 0) continue;
      streams.push(readEffects(content, stream, place));
      places.push(place);
    }
  }
  const batch: TickBatch = { header, actions: actions ?? noActions(catalog), streams };
  checkActionIndices(batch, places);
  checkActionValues(batch);
  return batch;
}

/** The streams of a body, what is no Arrow answered as the client's mistake. */
class BodyReader {
  /** Of the stream given last. */
  index = -1;
  readonly #streams: ArrowStreams<StreamPlan>;

  constructor(catalog: Catalog, body: Uint8Array) {
    const plans = plansUnder(catalog);
    this.#streams = new ArrowStreams(body, (flat, start, end) =>
      plans.planOf(flat, start, end, this.index),
    );
  }

  next(): ArrowStream<StreamPlan> | null {
    this.index++;
    try {
      return this.#streams.next();
    } catch (error) {
      if (!(error instanceof ArrowDamage)) throw error;
      const { index } = this;
      throw new EngineError(
        'BAD_USER_INPUT',
        `the body is no sequence of Arrow streams: stream ${index}: ${error.message}`,
        { details: { path: `stream ${index}`, stream: index }, cause: error },
      );
    }
  }
}

function noActions(catalog: Catalog): ColumnBatch {
  const columns = actionBatchColumns(catalog.actionTable);
  return { length: 0, vectors: columns.map((column) => emptyVector(column, 0)) };
}

function readActions(
  { columns }: ActionsPlan,
  stream: ArrowStream<StreamPlan>,
  place: string,
): ColumnBatch {
  return {
    length: stream.rows,
    vectors: columns.map((column) => readColumn(column, stream, place)),
  };
}

function readEffects(
  plan: EffectsPlan,
  stream: ArrowStream<StreamPlan>,
  place: string,
): EffectStream {
  const { rows: length } = stream;
  const guard = plan.guard && readGuard(plan.guard, stream, place);
  const action = plan.action
    ? actionIndices(readColumn(plan.action, stream, place), place)
    : new Uint32Array(length).fill(tickItself);
  const expectedVersions = plan.versions && uint32s(readColumn(plan.versions, stream, place));
  const vectors = plan.columns.map((column) => readColumn(column, stream, place));
  const { table, op } = plan;
  const rows = { length, vectors };
  return inActionOrder({ table, op, length, action, rows, expectedVersions, guard });
}

function readColumn(
  { column, field, read }: ColumnPlan,
  { batches, rows }: ArrowStream<StreamPlan>,
  place: string,
): ColumnVector {
  const [first] = batches;
  if (!read || !first) return emptyVector(column, rows);
  const at = `${place}.${field}`;
  const readBatch = (batch: ArrowBatch) => read({ batch, start: 0, length: batch.rows }, at);
  return batches.length === 1 ? readBatch(first) : joined(batches.map(readBatch), rows);
}

/** The chunks one after the other. */
function joined(chunks: readonly ColumnVector[], length: number): ColumnVector {
  const of = new Uint32Array(length);
  const rows = new Uint32Array(length);
  let at = 0;
  chunks.forEach((chunk, i) => {
    for (let row = 0; row < chunk.length; row++, at++) {
      of[at] = i;
      rows[at] = row;
    }
  });
  return pickRows(chunks, { of, rows });
}

/** A null is the tick's own; so the number by which that is told from here on is no index. */
function actionIndices(vector: ColumnVector, place: string): Uint32Array {
  const values = uint32s(vector);
  if (vector.validity === null) {
    if (values.includes(tickItself)) throw noSuchAction(tickItself, place);
    return values;
  }
  return values.map((value, row) => {
    if (isNullAt(vector, row)) return tickItself;
    if (value === tickItself) throw noSuchAction(value, place);
    return value;
  });
}

function noSuchAction(index: number, place: string): EngineError {
  return badStream(place, `there is no action ${index}`, 'action');
}

function uint32s(vector: ColumnVector): Uint32Array {
  if (vector.layout === 'fixed' && vector.values instanceof Uint32Array) return vector.values;
  throw new RangeError('a u32 column is a Uint32Array');
}

function readGuard(plan: GuardPlan, stream: ArrowStream<StreamPlan>, place: string): Guard {
  const operands = plan.byRow.map((operand) => {
    const vector = readColumn(operand, stream, place);
    checkOperand(vector, operand.op, `${place}.${operand.field}`);
    return vector;
  });
  const budget = stream.batches[0]?.budget;
  for (const { column, value } of plan.constants) {
    budget?.takeValue(value, stream.rows, `${place}.require`);
    const builder = new VectorBuilder(column);
    for (let row = 0; row < stream.rows; row++) builder.push(value, () => `${place}.require`);
    operands.push(builder.build());
  }
  return { condition: plan.condition, operands };
}

/** Rows in order of their action, the tick's own last; rows of one action keep their order. */
function inActionOrder(stream: EffectStream): EffectStream {
  const { action, length } = stream;
  let sorted = true;
  for (let i = 1; i < length && sorted; i++) {
    sorted = (action[i - 1] as number) <= (action[i] as number);
  }
  if (sorted) return stream;
  const rows = Uint32Array.from({ length }, (_, i) => i).sort(
    (a, b) => (action[a] as number) - (action[b] as number) || a - b,
  );
  const picks = { of: new Uint32Array(length), rows };
  const { expectedVersions, guard } = stream;
  return {
    ...stream,
    action: rows.map((row) => action[row] as number),
    rows: { length, vectors: stream.rows.vectors.map((vector) => pickRows([vector], picks)) },
    expectedVersions: expectedVersions && rows.map((row) => expectedVersions[row] as number),
    guard: guard && {
      ...guard,
      operands: guard.operands.map((operand) => pickRows([operand], picks)),
    },
  };
}

/** Every effect is of an action there is, none has too many. */
function checkActionIndices({ actions, streams }: TickBatch, places: readonly string[]): void {
  const effects = new Uint32Array(actions.length);
  for (const [i, { action, length }] of streams.entries()) {
    for (let row = 0; row < length; row++) {
      const index = action[row] as number;
      if (index === tickItself) continue;
      if (index >= actions.length) throw noSuchAction(index, places[i] ?? '');
      const count = (effects[index] as number) + 1;
      effects[index] = count;
      if (count > limits.actionEffectsMax) {
        atMost(count, limits.actionEffectsMax, `effects in action ${index}`);
      }
    }
  }
}
