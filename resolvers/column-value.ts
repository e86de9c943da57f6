import type { ColumnShown } from '../engine/index.ts';
import { textNestsDeeper } from '../engine/model/json-depth.ts';
import { limits } from '../engine/model/limits.ts';
import type { RoleDefinition, Row, TableDefinition, Value } from '../engine/model/types.ts';
import { authoriseShow } from './authorise.ts';
import type { RequestContext } from './context.ts';

/**
 * The value of a column in an answer. JSON columns hold text inside the engine and values outside;
 * every other kind is printed by its scalar.
 */
export function columnValue(name: string): (row: Row) => Value {
  return (row) => row[name] ?? null;
}

/**
 * A value that nests deeper than the bound, which logs from before the bound may hold, is answered
 * as its text: an error would break the list it stands in, and to print it could end the process.
 */
export function jsonColumnValue(name: string): (row: Row) => unknown {
  return (row) => {
    const text = row[name];
    if (typeof text !== 'string') return null;
    return textNestsDeeper(text, limits.jsonDepthMax) ? text : JSON.parse(text);
  };
}

/**
 * What a role sees of a column, of which its rules may hide or mask the value. How one role sees it is
 * remembered: values are many, and a role that changes is another object.
 */
export function boundColumnValue(table: TableDefinition, name: string, isJson: boolean) {
  const plainValue = isJson ? jsonColumnValue(name) : columnValue(name);
  let lastRole: RoleDefinition | null = null;
  let lastShown: ColumnShown = 'hidden';
  return (row: Row, _args: unknown, context: RequestContext): unknown => {
    const { role } = context.principal;
    const isKnown = role !== null && role === lastRole;
    const as = isKnown ? lastShown : authoriseShow(context, table, name);
    lastRole = role;
    lastShown = as;
    if (as === 'plain') return plainValue(row);
    return context.masks.shown(row[name] ?? null, table.name, name, as);
  };
}

/** Aggregates of no rows have no value to print. */
export function aggregateValue(name: string): (values: Row) => Value {
  return (values) => {
    const value = values[name] ?? null;
    return Number.isNaN(value) ? null : value;
  };
}

/** A key outside its table's type: wide integers as their digits. */
export function keyAsJson(key: Row): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(key).map(([column, value]) => [
      column,
      typeof value === 'bigint' ? String(value) : value,
    ]),
  );
}
