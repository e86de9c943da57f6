import { isUtf8 } from 'node:buffer';
import type { Catalog } from '../../model/catalog.ts';
import { EngineError } from '../../model/errors.ts';
import { jsonTooDeep, textNestsDeeper } from '../../model/json-depth.ts';
import { holdsExactNumbers, jsonNumberChanges } from '../../model/json-number.ts';
import { kindOf } from '../../model/kinds.ts';
import { limits } from '../../model/limits.ts';
import type { ColumnDefinition, Scalar, Value } from '../../model/types.ts';
import { coerceScalar } from '../../query/coerce-scalar.ts';
import { wholeAddend } from '../../tick/adjustment.ts';
import type { TickBatch, TickHeader } from '../../tick/tick-batch.ts';
import { ExpansionBudget } from '../../vectors/arrow/expansion-budget.ts';
import type { ColumnVector } from '../../vectors/column-vector.ts';
import { VectorBuilder } from '../../vectors/vector-builder.ts';
import { type BodyStream, batchOfStreams } from '../columns/stream-batch.ts';
import { badStream, type ColumnPlan, placeOf } from '../columns/stream-fields.ts';
import { planStream, type StreamPlan } from '../columns/stream-plan.ts';

/**
 * Decodes a body of the commit endpoint in JSON, for clients without Arrow: the streams of
 * `decodeCommitBody` (commit-body.ts) with their columns as lists.
 *
 * ```json
 * { "actions": { "actionId": ["a1"], "playerId": [3], "kind": ["MOVE"], "unitIds": [[7]] },
 *   "effects": [{ "table": "unitState", "op": "upsert", "action": [0], "unitId": [7], "x": [1.5],
 *                 "require": { "ownerId": { "eq": 3 } } }] }
 * ```
 *
 * Values are written as GraphQL writes them; a null is a null, a column that is not there is not
 * set. `require` holds for all rows of the stream, `"require.<column>.<operator>"` by row. A column
 * may also stand in the object `columns`, as one must that is called `table`, `op` or `require`.
 *
 * A tick gives the same batch in JSON as in Arrow. Throws `BAD_USER_INPUT` naming stream, column and
 * row, `LIMIT_EXCEEDED` past a bound.
 */
export function decodeJsonBody(catalog: Catalog, header: TickHeader, body: Buffer): TickBatch {
  return batchOfStreams(catalog, header, jsonStreams(catalog, parsed(body)));
}

type Members = Readonly<Record<string, unknown>>;

function parsed(body: Buffer): Members {
  // Decoding would replace what is broken, so that another text is stored than was sent.
  if (!isUtf8(body)) throw badBody('', 'is not valid UTF-8');
  const text = body.toString('utf8');
  // What walks the values does so by recursion.
  if (textNestsDeeper(text, nestingMax)) throw jsonTooDeep('the body');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw badBody('', 'is not valid JSON', cause);
  }
  const tick = membersOf(value, '');
  for (const name in tick) {
    if (name !== 'actions' && name !== 'effects') {
      throw badBody(name, 'is neither "actions" nor "effects"');
    }
  }
  return tick;
}

/** The deepest JSON value in its column, or the deepest condition, which nests twice a level. */
const nestingMax = Math.max(limits.jsonDepthMax, 2 * limits.filterDepthMax) + 8;

function* jsonStreams(catalog: Catalog, tick: Members): Generator<BodyStream<Values>> {
  const budget = new ExpansionBudget();
  let index = 0;
  if (tick.actions !== undefined && tick.actions !== null) {
    const content = { table: catalog.actionTable.name, op: 'actions', require: undefined };
    const columns = membersOf(tick.actions, 'actions');
    yield streamOf(catalog, { ...content, columns }, index++, budget);
  }
  const effects = tick.effects ?? [];
  if (!Array.isArray(effects)) throw badBody('effects', 'must be a list of streams');
  for (const [i, effect] of effects.entries()) {
    yield streamOf(catalog, contentOf(effect, `effects[${i}]`), index++, budget);
  }
}

interface StreamContent {
  readonly table: string;
  readonly op: string;
  readonly require: unknown;
  readonly columns: Members;
}

function contentOf(effect: unknown, path: string): StreamContent {
  const { table, op, require, columns: apart, ...beside } = membersOf(effect, path);
  if (typeof table !== 'string') throw badBody(`${path}.table`, 'must name a table');
  if (typeof op !== 'string') throw badBody(`${path}.op`, 'must name an operation');
  if (op === 'actions') throw badBody(`${path}.op`, 'cannot be "actions": they stand beside');
  if (Array.isArray(apart)) return { table, op, require, columns: { ...beside, columns: apart } };
  if (apart === undefined) return { table, op, require, columns: beside };
  const columns = membersOf(apart, `${path}.columns`);
  const twice = Object.keys(columns).find((name) => Object.hasOwn(beside, name));
  if (twice !== undefined) throw badBody(`${path}.${twice}`, 'is there twice');
  return { table, op, require, columns: { ...beside, ...columns } };
}

function streamOf(
  catalog: Catalog,
  { table, op, require, columns }: StreamContent,
  index: number,
  budget: ExpansionBudget,
): BodyStream<Values> {
  const shape = {
    table,
    op,
    require,
    fields: Object.keys(columns),
    readerOf: (name: string) => columns[name] as Values,
  };
  const place = placeOf(index, `(${table} ${op})`);
  let rows: number | null = null;
  for (const name of shape.fields) {
    const values = columns[name];
    if (!Array.isArray(values)) throw badStream(place, `"${name}" must be a list of values`, name);
    rows ??= values.length;
    if (values.length !== rows) {
      const complaint = `"${name}" has ${values.length} values, "${shape.fields[0]}" has ${rows}`;
      throw badStream(place, complaint, name);
    }
  }
  return new JsonBodyStream(planStream(catalog, shape, index), rows ?? 0, budget);
}

type Values = readonly unknown[];

class JsonBodyStream implements BodyStream<Values> {
  readonly plan: StreamPlan<Values>;
  readonly rows: number;
  readonly #budget: ExpansionBudget;

  constructor(plan: StreamPlan<Values>, rows: number, budget: ExpansionBudget) {
    this.plan = plan;
    this.rows = rows;
    this.#budget = budget;
  }

  vectorOf(values: Values, { column }: ColumnPlan<Values>, place: string): ColumnVector {
    const builder = new VectorBuilder(column);
    let row = 0;
    const at = () => `${place}[${row}]`;
    const { content } = this.plan;
    const isAddend = content.kind === 'effects' && content.op === 'adjust';
    for (; row < values.length; row++) {
      const cell = cellOf(column, values[row], at);
      builder.push(isAddend ? wholeAddend(column, cell) : cell, at);
    }
    return builder.build();
  }

  charge(value: Scalar, times: number, place: string): void {
    this.#budget.charge(value, times, place);
  }
}

/** A value as the builder takes it, which checks it against the column's kind. */
function cellOf(column: ColumnDefinition, value: unknown, place: () => string): Value {
  if (value === null || value === undefined) return null;
  if (!column.list) return scalarOf(column, value, place);
  if (!Array.isArray(value)) throw badBody(place(), `must be a list of ${column.kind}`);
  return value.map((element, i) => scalarOf(column, element, () => `${place()}[${i}]`));
}

/** Kinds that JSON has no form of its own for are converted; the others are as JSON has them. */
function scalarOf(column: ColumnDefinition, value: unknown, place: () => string): Scalar {
  const { form, wideRange } = kindOf(column);
  switch (form) {
    case 'timestamp':
    case 'bytes':
      return coerceScalar(column, value, place());
    case 'float':
      // A number past the range of f64 was parsed as an infinity.
      if (Number.isFinite(value)) return value as number;
      throw badBody(place(), 'must be a finite number');
    case 'json': {
      const text = JSON.stringify(value);
      if (textNestsDeeper(text, limits.jsonDepthMax)) throw jsonTooDeep(place());
      if (!holdsExactNumbers(value)) throw jsonNumberChanges(place());
      return text;
    }
    default:
      return wideRange ? coerceScalar(column, value, place()) : (value as Scalar);
  }
}

function membersOf(value: unknown, path: string): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members;
  throw badBody(path, 'must be an object');
}

function badBody(path: string, complaint: string, cause?: unknown): EngineError {
  const subject = path === '' ? 'the request body' : path;
  return new EngineError('BAD_USER_INPUT', `${subject} ${complaint}`, {
    details: { path: path === '' ? 'body' : path },
    ...(cause === undefined ? {} : { cause }),
  });
}
