import type { Catalog } from '../../model/catalog.ts';
import type { EngineError } from '../../model/errors.ts';
import { limits } from '../../model/limits.ts';
import type { Scalar } from '../../model/types.ts';
import type { StreamCondition } from '../../query/condition-form.ts';
import { checkActionValues } from '../../tick/batch-check.ts';
import {
  type EffectStream,
  type TickBatch,
  type TickHeader,
  tickItself,
} from '../../tick/tick-batch.ts';
import { actionBatchColumns } from '../../tick/tick-record.ts';
import { type ColumnBatch, type ColumnVector, isNullAt } from '../../vectors/column-vector.ts';
import { VectorBuilder } from '../../vectors/vector-builder.ts';
import { emptyVector, pickRows } from '../../vectors/vector-rows.ts';
import { atMost } from '../at-most.ts';
import { checkOperand, type RequirePlan } from './require-plan.ts';
import { badStream, type ColumnPlan, placeOf } from './stream-fields.ts';
import type { EffectsPlan, StreamPlan } from './stream-plan.ts';

/** A stream of a body in any format: what it is of, and its rows in columns. */
export interface BodyStream<Read> {
  readonly plan: StreamPlan<Read>;
  readonly rows: number;
  /** The values of a column that was sent. Throws naming `place` for what it cannot hold. */
  vectorOf(read: Read, plan: ColumnPlan<Read>, place: string): ColumnVector;
  /** Counts a value that stands once in the body and comes in so many rows of the batch. */
  charge(value: Scalar, times: number, place: string): void;
}

/**
 * A tick of the streams of a body, in their order. No object a row is made. Throws
 * `BAD_USER_INPUT` naming stream and column, `LIMIT_EXCEEDED` past a bound.
 */
export function batchOfStreams<Read>(
  catalog: Catalog,
  header: TickHeader,
  given: Iterable<BodyStream<Read>>,
): TickBatch {
  let actions: ColumnBatch | null = null;
  const streams: EffectStream[] = [];
  const places: string[] = [];
  let effects = 0;
  let index = -1;
  for (const stream of given) {
    index++;
    const { content, label } = stream.plan;
    const place = placeOf(index, label);
    // Before any column is read: a stream may claim more rows than it has bytes.
    if (content.kind === 'actions') {
      if (actions) throw badStream(place, 'the actions came before');
      atMost(stream.rows, 'tickActionsMax', 'actions in one tick');
      const vectors = content.columns.map((column) => readColumn(column, stream, place));
      actions = { length: stream.rows, vectors };
    } else {
      atMost(stream.rows, 'tickEffectsMax', `rows in ${place}`);
      effects += stream.rows;
      atMost(effects, 'tickEffectsMax', 'effects in one tick');
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

function noActions(catalog: Catalog): ColumnBatch {
  const columns = actionBatchColumns(catalog.actionTable);
  return { length: 0, vectors: columns.map((column) => emptyVector(column, 0)) };
}

function readEffects<Read>(
  plan: EffectsPlan<Read>,
  stream: BodyStream<Read>,
  place: string,
): EffectStream {
  const { rows: length } = stream;
  const require = plan.require && readRequire(plan.require, stream, place);
  const action = plan.action
    ? actionIndices(readColumn(plan.action, stream, place), place)
    : new Uint32Array(length).fill(tickItself);
  const expectedVersions = plan.versions && uint32s(readColumn(plan.versions, stream, place));
  const vectors = plan.columns.map((column) => readColumn(column, stream, place));
  const { table, op } = plan;
  const rows = { length, vectors };
  return inActionOrder({ table, op, length, action, rows, expectedVersions, require });
}

function readColumn<Read>(
  plan: ColumnPlan<Read>,
  stream: BodyStream<Read>,
  place: string,
): ColumnVector {
  const { column, field, read } = plan;
  if (read === null) return emptyVector(column, stream.rows);
  return stream.vectorOf(read, plan, `${place}.${field}`);
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

function readRequire<Read>(
  plan: RequirePlan<Read>,
  stream: BodyStream<Read>,
  place: string,
): StreamCondition {
  const operands = plan.byRow.map((operand) => {
    const vector = readColumn(operand, stream, place);
    checkOperand(vector, operand.op, `${place}.${operand.field}`);
    return vector;
  });
  for (const { column, value } of plan.constants) {
    stream.charge(value, stream.rows, `${place}.require`);
    const builder = new VectorBuilder(column);
    for (let row = 0; row < stream.rows; row++) builder.push(value, () => `${place}.require`);
    operands.push(builder.build());
  }
  return { form: plan.form, operands };
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
  const { expectedVersions, require } = stream;
  return {
    ...stream,
    action: rows.map((row) => action[row] as number),
    rows: { length, vectors: stream.rows.vectors.map((vector) => pickRows([vector], picks)) },
    expectedVersions: expectedVersions && rows.map((row) => expectedVersions[row] as number),
    require: require && {
      ...require,
      operands: require.operands.map((operand) => pickRows([operand], picks)),
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
        atMost(count, 'actionEffectsMax', `effects in action ${index}`);
      }
    }
  }
}
