import { type Data, type RecordBatch, RecordBatchReader } from 'apache-arrow';
import { EngineError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { Catalog } from '../manifest/catalog.ts';
import type { ColumnDefinition, TableDefinition } from '../manifest/types.ts';
import { likePatternProblem } from '../query/like-pattern.ts';
import { parseWhere } from '../query/parse-where.ts';
import { operatorsOf } from '../query/where-operators.ts';
import { addendColumn, isAdjustable } from './adjustment.ts';
import { arrowColumn } from './arrow-column.ts';
import { checkMessages } from './arrow-messages.ts';
import { atMost } from './at-most.ts';
import { checkActionValues } from './batch-check.ts';
import type { ColumnBatch, ColumnVector } from './column-vector.ts';
import { isNullAt, valueAt } from './column-vector.ts';
import type { Guard, GuardCondition } from './guard.ts';
import { guardTemplate } from './guard-filter.ts';
import {
  type EffectOp,
  type EffectStream,
  effectOps,
  type TickBatch,
  type TickHeader,
  tickItself,
} from './tick-batch.ts';
import { actionBatchColumns, actionIdColumn, operandColumn } from './tick-record.ts';
import { VectorBuilder } from './vector-builder.ts';
import { emptyVector, pickRows } from './vector-rows.ts';

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
  for (const table of readTables(body)) {
    const place = `stream ${table.index} (${table.name} ${table.op})`;
    // Before any column is read: a message may claim more rows than it has bytes.
    atMost(table.length, limits.tickEffectsMax, `rows in ${place}`);
    const definition = catalog.tables.get(table.name);
    if (!definition) throw badBody(`${place}: there is no such table`);
    if (table.op === 'actions') {
      if (definition.kind !== 'action') throw badBody(`${place}: not the action table`);
      if (actions) throw badBody(`${place}: the actions came before`);
      actions = readActions(definition, table, place);
    } else {
      streams.push(readEffects(definition, table, place));
    }
  }
  const batch: TickBatch = {
    header,
    actions: actions ?? {
      length: 0,
      vectors: actionBatchColumns(catalog.actionTable).map((column) => emptyVector(column, 0)),
    },
    streams: streams.filter((stream) => stream.length > 0),
  };
  checkBounds(batch);
  checkActionValues(batch);
  return batch;
}

interface ArrowTable {
  readonly index: number;
  readonly name: string;
  readonly op: string;
  readonly require: string | null;
  readonly fields: readonly string[];
  readonly batches: readonly RecordBatch[];
  readonly length: number;
}

function* readTables(body: Uint8Array): IterableIterator<ArrowTable> {
  let index = 0;
  try {
    checkMessages(body);
    for (const reader of RecordBatchReader.readAll(body)) {
      const batches = [...reader];
      const { metadata, fields } = reader.schema;
      yield {
        index,
        name: metadata.get('tickloom.table') ?? '',
        op: metadata.get('tickloom.op') ?? '',
        require: metadata.get('tickloom.require') ?? null,
        fields: fields.map((field) => field.name ?? ''),
        batches,
        length: batches.reduce((sum, batch) => sum + batch.numRows, 0),
      };
      index++;
    }
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const why = error instanceof RangeError ? `: ${error.message}` : '';
    throw new EngineError('BAD_USER_INPUT', `the body is no sequence of Arrow streams${why}`, {
      details: { stream: index },
      cause: error,
    });
  }
}

function badBody(message: string): EngineError {
  return new EngineError('BAD_USER_INPUT', message);
}

function readActions(definition: TableDefinition, table: ArrowTable, place: string): ColumnBatch {
  const columns = actionBatchColumns(definition);
  refuseUnknown(table, new Set(columns.map((column) => column.name)), place);
  return {
    length: table.length,
    vectors: columns.map((column) => readColumn(table, column.name, column, place)),
  };
}

const actionColumn: ColumnDefinition = {
  ...actionIdColumn,
  name: 'action',
  kind: 'u32',
  optional: true,
};
const versionColumn: ColumnDefinition = {
  ...actionColumn,
  name: 'expectedVersion',
  optional: false,
};

function readEffects(definition: TableDefinition, table: ArrowTable, place: string): EffectStream {
  const op = effectOps.find((candidate) => candidate === table.op);
  if (!op) throw badBody(`${place}: the operation must be actions, ${effectOps.join(', ')}`);
  if (definition.kind === 'action' || (definition.kind === 'event') !== (op === 'append')) {
    throw badBody(`${place}: ${op} is not possible on a table of kind ${definition.kind}`);
  }
  if ((op === 'append' || op === 'insert') && hasGuard(table)) {
    throw badBody(`${place}: ${op} takes no require; there is no row to check`);
  }
  const columns = effectColumns(definition, table, op, place);
  const guard = readGuard(definition, table, place);
  const allowed = new Set([...columns.map((column) => column.name), ...guard.fields, 'action']);
  const versioned =
    op === 'compareAndSet' || (op === 'delete' && table.fields.includes('expectedVersion'));
  if (versioned) allowed.add('expectedVersion');
  refuseUnknown(table, allowed, place);
  const action = table.fields.includes('action')
    ? actionIndices(readColumn(table, 'action', actionColumn, place))
    : new Uint32Array(table.length).fill(tickItself);
  const versions = versioned
    ? uint32s(readColumn(table, 'expectedVersion', versionColumn, place))
    : null;
  const vectors = columns.map((column) => readColumn(table, column.name, column, place));
  const stream: EffectStream = {
    table: definition,
    op,
    length: table.length,
    action,
    rows: { length: table.length, vectors },
    expectedVersions: versions,
    guard: guard.guard,
  };
  return inActionOrder(stream);
}

/** The columns the stream must or may give: key columns, then those it sets, in manifest order. */
function effectColumns(
  definition: TableDefinition,
  table: ArrowTable,
  op: EffectOp,
  place: string,
): ColumnDefinition[] {
  const own = definition.columns.filter((column) => {
    return !(column.name === 'sessionId' && definition.key.includes('sessionId'));
  });
  if (op === 'append' || op === 'insert') return own;
  const keys = own.filter((column) => definition.key.includes(column.name));
  const set = own.filter((c) => !keys.includes(c) && table.fields.includes(c.name));
  if (op === 'delete') return keys;
  if (op !== 'adjust') return [...keys, ...set];
  for (const column of set) {
    if (!isAdjustable(column)) throw badBody(`${place}: ${column.name} cannot be added to`);
  }
  return [...keys, ...set.map(addendColumn)];
}

function refuseUnknown(table: ArrowTable, known: ReadonlySet<string>, place: string): void {
  const twice = table.fields.find((field, i) => table.fields.indexOf(field) !== i);
  if (twice !== undefined) throw badBody(`${place}: column "${twice}" is there twice`);
  const unknown = table.fields.find((field) => !known.has(field));
  if (unknown !== undefined)
    throw badBody(`${place}: there is no column "${unknown}" to give here`);
}

function readColumn(
  table: ArrowTable,
  field: string,
  column: ColumnDefinition,
  place: string,
): ColumnVector {
  const index = table.fields.indexOf(field);
  if (index === -1) {
    if (column.optional) return emptyVector(column, table.length);
    throw badBody(`${place}: column "${field}" is missing`);
  }
  const chunks = table.batches.map((batch) => {
    const data = batch.data.children[index] as Data;
    if (data.length !== batch.numRows) throw badBody(`${place}.${field} is cut short`);
    return arrowColumn(data, column, `${place}.${field}`);
  });
  const [only] = chunks;
  if (only && chunks.length === 1) return only;
  if (!only) return emptyVector(column, 0);
  const of = new Uint32Array(table.length);
  const rows = new Uint32Array(table.length);
  let at = 0;
  chunks.forEach((chunk, i) => {
    for (let row = 0; row < chunk.length; row++, at++) {
      of[at] = i;
      rows[at] = row;
    }
  });
  return pickRows(chunks, { of, rows });
}

function actionIndices(vector: ColumnVector): Uint32Array {
  const values = uint32s(vector);
  if (vector.validity === null) return values;
  return values.map((value, row) => (isNullAt(vector, row) ? tickItself : value));
}

function uint32s(vector: ColumnVector): Uint32Array {
  if (vector.layout === 'fixed' && vector.values instanceof Uint32Array) return vector.values;
  throw new RangeError('a u32 column is a Uint32Array');
}

interface ReadGuard {
  readonly guard: Guard | null;
  readonly fields: readonly string[];
}

function hasGuard(table: ArrowTable): boolean {
  return table.require !== null || table.fields.some((field) => field.startsWith('require.'));
}

function readGuard(definition: TableDefinition, table: ArrowTable, place: string): ReadGuard {
  const byName = new Map(definition.columns.map((column) => [column.name, column]));
  const all: GuardCondition[] = [];
  const operands: ColumnVector[] = [];
  const fields = table.fields.filter((field) => field.startsWith('require.'));
  for (const field of fields) {
    const match = /^require\.(\w+)\.(eq|ne|lt|lte|gt|gte|like)$/.exec(field);
    const column = match ? byName.get(match[1] as string) : undefined;
    if (!match || !column) {
      throw badBody(`${place}: "${field}" is not require.<column>.<eq|ne|lt|lte|gt|gte|like>`);
    }
    const op = match[2] as Extract<GuardCondition, { kind: 'compare' }>['op'];
    if (!operatorsOf(column).includes(op)) {
      throw badBody(`${place}: "${field}": ${column.kind} is not compared by ${op}`);
    }
    const operand = readColumn(table, field, operandColumn(column), place);
    checkOperand(operand, op, `${place}.${field}`);
    all.push({ kind: 'compare', column: column.name, op, operand: operands.length });
    operands.push(operand);
  }
  if (table.require !== null) {
    const template = guardTemplate(parseWhere(byName, parseJson(table.require, place), 'require'));
    all.push(shifted(template.condition, operands.length));
    for (const { column, value } of template.operands) {
      const builder = new VectorBuilder(operandColumn(byName.get(column) as ColumnDefinition));
      for (let row = 0; row < table.length; row++) builder.push(value, () => `${place}.require`);
      operands.push(builder.build());
    }
  } else if (all.length === 0) {
    return { guard: null, fields };
  }
  return { guard: { condition: { kind: 'and', all }, operands }, fields };
}

/** What `parseWhere` asks of the operands of a `where`. */
function checkOperand(operand: ColumnVector, op: string, place: string): void {
  if (operand.layout === 'fixed' && !operand.values.every(isFiniteNumber)) {
    throw badBody(`${place} holds a NaN or an infinity`);
  }
  if (op !== 'like') return;
  for (let row = 0; row < operand.length; row++) {
    const pattern = valueAt(operand, row) as string;
    atMost(pattern.length, limits.likePatternLengthMax, `characters in ${place}[${row}]`);
    const problem = likePatternProblem(pattern);
    if (problem !== null) throw badBody(`${place}[${row}]: ${problem}`);
  }
}

function isFiniteNumber(value: number | bigint): boolean {
  return typeof value === 'bigint' || Number.isFinite(value);
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EngineError('BAD_USER_INPUT', `${place}: tickloom.require is not JSON`, { cause });
  }
}

/** The condition with its operands counted from `by` on. */
function shifted(condition: GuardCondition, by: number): GuardCondition {
  switch (condition.kind) {
    case 'and':
      return { kind: 'and', all: condition.all.map((part) => shifted(part, by)) };
    case 'or':
      return { kind: 'or', any: condition.any.map((part) => shifted(part, by)) };
    case 'not':
      return { kind: 'not', inner: shifted(condition.inner, by) };
    case 'compare':
      return { ...condition, operand: condition.operand + by };
    case 'isNull':
      return condition;
  }
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

function checkBounds(batch: TickBatch): void {
  const { actions, streams } = batch;
  const effects = streams.reduce((sum, stream) => sum + stream.length, 0);
  atMost(actions.length, limits.tickActionsMax, 'actions in one tick');
  atMost(effects, limits.tickEffectsMax, 'effects in one tick');
  const perAction = new Uint32Array(actions.length);
  for (const stream of streams) {
    for (const action of stream.action) {
      if (action === tickItself) continue;
      if (action >= actions.length) {
        throw badBody(`${stream.table.name} ${stream.op}: there is no action ${action}`);
      }
      const count = (perAction[action] as number) + 1;
      perAction[action] = count;
      atMost(count, limits.actionEffectsMax, `effects in action ${action}`);
    }
  }
}
