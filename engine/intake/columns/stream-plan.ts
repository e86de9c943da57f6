import type { Catalog } from '../../model/catalog.ts';
import { isAdjustable } from '../../model/kinds.ts';
import type { ColumnDefinition, TableDefinition } from '../../model/types.ts';
import { addendColumn } from '../../tick/adjustment.ts';
import { type EffectOp, effectOps } from '../../tick/tick-batch.ts';
import { actionBatchColumns, actionIdColumn } from '../../tick/tick-record.ts';
import { planRequire, type RequirePlan } from './require-plan.ts';
import {
  badStream,
  type ColumnPlan,
  type FieldReader,
  placeOf,
  StreamFields,
} from './stream-fields.ts';

/** What a stream of a body says of itself, whatever its format. */
export interface StreamShape<Read> {
  readonly table: string;
  readonly op: string;
  /** The `where` that all its rows share; undefined: none. */
  readonly require: unknown;
  /** Names of its columns. */
  readonly fields: readonly string[];
  readonly readerOf: FieldReader<Read>;
}

/**
 * All that follows from a stream's shape under a manifest, so that its rows cost no more than
 * reading their values: what the stream is of, and by what each column is read.
 */
export interface StreamPlan<Read> {
  /** The table and the operation that the stream names. */
  readonly label: string;
  readonly content: ActionsPlan<Read> | EffectsPlan<Read>;
}

export interface ActionsPlan<Read> {
  readonly kind: 'actions';
  readonly columns: readonly ColumnPlan<Read>[];
}

export interface EffectsPlan<Read> {
  readonly kind: 'effects';
  readonly table: TableDefinition;
  readonly op: EffectOp;
  /** Null: all effects are of the tick itself. */
  readonly action: ColumnPlan<Read> | null;
  readonly versions: ColumnPlan<Read> | null;
  readonly columns: readonly ColumnPlan<Read>[];
  readonly require: RequirePlan<Read> | null;
}

/**
 * Plans stream `index` of a body. Throws `BAD_USER_INPUT` naming stream and column for a shape
 * that the catalog has no place for.
 */
export function planStream<Read>(
  catalog: Catalog,
  shape: StreamShape<Read>,
  index: number,
): StreamPlan<Read> {
  const { table: name, op } = shape;
  const label = `(${name} ${op})`;
  const place = placeOf(index, label);
  const table = catalog.tables.get(name);
  if (!table) throw badStream(place, 'there is no such table');
  const fields = new StreamFields(shape.fields, place, shape.readerOf);
  if (op === 'actions') {
    if (table.kind !== 'action') throw badStream(place, 'not the action table');
    const columns = actionBatchColumns(table);
    fields.refuseOthers(new Set(columns.map((column) => column.name)));
    const plans = columns.map((column) => fields.plan(column.name, column));
    return { label, content: { kind: 'actions', columns: plans } };
  }
  return { label, content: planEffects(table, op, shape.require, fields) };
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

function planEffects<Read>(
  table: TableDefinition,
  name: string,
  require: unknown,
  fields: StreamFields<Read>,
): EffectsPlan<Read> {
  const { place } = fields;
  const op = effectOps.find((candidate) => candidate === name);
  if (!op) throw badStream(place, `the operation must be actions, ${effectOps.join(', ')}`);
  if (table.kind === 'action' || (table.kind === 'event') !== (op === 'append')) {
    throw badStream(place, `${op} is not possible on a table of kind ${table.kind}`);
  }
  const requireFields = fields.names.filter((field) => field.startsWith('require.'));
  const hasRequire = require !== undefined || requireFields.length > 0;
  if (hasRequire && (op === 'append' || op === 'insert')) {
    throw badStream(place, `${op} takes no require; there is no row to check`);
  }
  const columns = effectColumns(table, op, fields);
  const plan = hasRequire ? planRequire(table, requireFields, require, fields) : null;
  const known = new Set([...columns.map((column) => column.name), ...requireFields, 'action']);
  const isVersioned = op === 'compareAndSet' || (op === 'delete' && fields.has(versionColumn.name));
  if (isVersioned) known.add(versionColumn.name);
  fields.refuseOthers(known);
  return {
    kind: 'effects',
    table,
    op,
    action: fields.has('action') ? fields.plan('action', actionColumn) : null,
    versions: isVersioned ? fields.plan(versionColumn.name, versionColumn) : null,
    columns: columns.map((column) => fields.plan(column.name, column)),
    require: plan,
  };
}

/** The columns the stream must or may give: key columns, then those it sets, in manifest order. */
function effectColumns<Read>(
  table: TableDefinition,
  op: EffectOp,
  fields: StreamFields<Read>,
): readonly ColumnDefinition[] {
  const own = table.columns.filter((column) => {
    return !(column.name === 'sessionId' && table.key.includes('sessionId'));
  });
  if (op === 'append' || op === 'insert') return own;
  const keys = own.filter((column) => table.key.includes(column.name));
  const set = own.filter((c) => !keys.includes(c) && fields.has(c.name));
  if (op === 'delete') return keys;
  if (op !== 'adjust') return [...keys, ...set];
  for (const column of set) {
    if (!isAdjustable(column)) {
      throw badStream(fields.place, `${column.name} cannot be added to`, column.name);
    }
  }
  return [...keys, ...set.map(addendColumn)];
}
