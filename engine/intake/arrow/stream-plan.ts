import type { Catalog } from '../../model/catalog.ts';
import type { ColumnDefinition, TableDefinition } from '../../model/types.ts';
import { addendColumn, isAdjustable } from '../../tick/adjustment.ts';
import { type EffectOp, effectOps } from '../../tick/tick-batch.ts';
import { actionBatchColumns, actionIdColumn } from '../../tick/tick-record.ts';
import type { ArrowSchema } from '../../vectors/arrow/arrow-schema.ts';
import { type GuardPlan, planGuard } from './guard-plan.ts';
import { badStream, type ColumnPlan, placeOf, StreamFields } from './stream-fields.ts';

/**
 * All that follows from a stream's schema under a manifest, so that a batch costs no more than
 * reading its buffers: what the stream is of, and how each column is read.
 */
export interface StreamPlan {
  readonly schema: ArrowSchema;
  /** The table and the operation that the schema's metadata name. */
  readonly label: string;
  readonly content: ActionsPlan | EffectsPlan;
}

export interface ActionsPlan {
  readonly kind: 'actions';
  readonly columns: readonly ColumnPlan[];
}

export interface EffectsPlan {
  readonly kind: 'effects';
  readonly table: TableDefinition;
  readonly op: EffectOp;
  /** Null: all effects are of the tick itself. */
  readonly action: ColumnPlan | null;
  readonly versions: ColumnPlan | null;
  readonly columns: readonly ColumnPlan[];
  readonly guard: GuardPlan | null;
}

/**
 * Plans stream `index` of a body. Throws `BAD_USER_INPUT` naming stream and column for a schema
 * that the catalog has no place for.
 */
export function planStream(catalog: Catalog, schema: ArrowSchema, index: number): StreamPlan {
  const name = schema.metadata.get('tickloom.table') ?? '';
  const op = schema.metadata.get('tickloom.op') ?? '';
  const label = `(${name} ${op})`;
  const place = placeOf(index, label);
  const table = catalog.tables.get(name);
  if (!table) throw badStream(place, 'there is no such table');
  const fields = new StreamFields(schema.fields, place);
  if (op === 'actions') {
    if (table.kind !== 'action') throw badStream(place, 'not the action table');
    const columns = actionBatchColumns(table);
    fields.refuseOthers(new Set(columns.map((column) => column.name)));
    const plans = columns.map((column) => fields.plan(column.name, column));
    return { schema, label, content: { kind: 'actions', columns: plans } };
  }
  return { schema, label, content: planEffects(table, op, schema, fields) };
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

function planEffects(
  table: TableDefinition,
  name: string,
  schema: ArrowSchema,
  fields: StreamFields,
): EffectsPlan {
  const { place } = fields;
  const op = effectOps.find((candidate) => candidate === name);
  if (!op) throw badStream(place, `the operation must be actions, ${effectOps.join(', ')}`);
  if (table.kind === 'action' || (table.kind === 'event') !== (op === 'append')) {
    throw badStream(place, `${op} is not possible on a table of kind ${table.kind}`);
  }
  const require = schema.metadata.get('tickloom.require') ?? null;
  const guardFields = fields.names.filter((field) => field.startsWith('require.'));
  const hasGuard = require !== null || guardFields.length > 0;
  if (hasGuard && (op === 'append' || op === 'insert')) {
    throw badStream(place, `${op} takes no require; there is no row to check`);
  }
  const columns = effectColumns(table, op, fields);
  const guard = hasGuard ? planGuard(table, guardFields, require, fields) : null;
  const known = new Set([...columns.map((column) => column.name), ...guardFields, 'action']);
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
    guard,
  };
}

/** The columns the stream must or may give: key columns, then those it sets, in manifest order. */
function effectColumns(
  table: TableDefinition,
  op: EffectOp,
  fields: StreamFields,
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
