import type { Row, Value } from '../engine/manifest/types.ts';

/**
 * The value of a column in an answer. JSON columns hold text inside the engine and values outside;
 * every other kind is printed by its scalar.
 */
export function columnValue(name: string): (row: Row) => Value {
  return (row) => row[name] ?? null;
}

export function jsonColumnValue(name: string): (row: Row) => unknown {
  return (row) => {
    const text = row[name];
    return typeof text === 'string' ? JSON.parse(text) : null;
  };
}

/** Aggregates of no rows, and of floats past their range, have no value to print. */
export function aggregateValue(name: string): (values: Row) => Value {
  return (values) => {
    const value = values[name] ?? null;
    return typeof value === 'number' && !Number.isFinite(value) ? null : value;
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
