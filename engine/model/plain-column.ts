import type { ColumnDefinition, ScalarKind } from './types.ts';

/** A column of no list and no enum: what the system's own columns are. */
export function plainColumn(name: string, kind: ScalarKind, optional = false): ColumnDefinition {
  return { name, kind, optional, list: false, values: [] };
}
