import type { ColumnDefinition, ScalarKind, TableDefinition } from './types.ts';

function column(name: string, kind: ScalarKind, optional = false): ColumnDefinition {
  return { name, kind, optional, list: false, values: [] };
}

/** Conflict codes in their precedence: the first that holds is the one reported. */
export const conflictCodes = [
  'ROW_NOT_FOUND',
  'ROW_EXISTS',
  'VERSION_MISMATCH',
  'GUARD_FAILED',
  'OUT_OF_RANGE',
] as const;
export type ConflictCode = (typeof conflictCodes)[number];

const eventSystemColumns: readonly ColumnDefinition[] = [
  column('sessionId', 'string'),
  column('tick', 'u32'),
  column('seq', 'u32'),
  column('position', 'string'),
  column('committedAt', 'timestamp'),
];

const actionSystemColumns: readonly ColumnDefinition[] = [
  ...eventSystemColumns,
  column('actionId', 'string'),
  column('accepted', 'bool'),
  { name: 'conflict', kind: 'enum', optional: true, list: false, values: conflictCodes },
];

const stateSystemColumns: readonly ColumnDefinition[] = [
  column('version', 'u32'),
  column('position', 'string'),
  column('committedAt', 'timestamp'),
];

/**
 * The columns a table has beside the declared ones. Clients never write them (but for `actionId`,
 * which comes with the action itself).
 */
export function systemColumns(table: TableDefinition): readonly ColumnDefinition[] {
  switch (table.kind) {
    case 'action':
      return actionSystemColumns;
    case 'event':
      return eventSystemColumns;
    case 'state':
      return stateSystemColumns;
  }
}

/** What rows are unique by, and in which order the column store keeps them. */
export function storedOrder(table: TableDefinition): readonly string[] {
  return table.kind === 'state' ? table.key : ['sessionId', 'tick', 'seq'];
}

/** System columns first, then the declared ones. State tables: key and declared, then system. */
export function allColumns(table: TableDefinition): readonly ColumnDefinition[] {
  return table.kind === 'state'
    ? [...table.columns, ...systemColumns(table)]
    : [...systemColumns(table), ...table.columns];
}
