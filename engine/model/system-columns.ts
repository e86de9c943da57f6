import { plainColumn } from './plain-column.ts';
import type { ColumnDefinition, TableDefinition } from './types.ts';

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
  plainColumn('sessionId', 'string'),
  plainColumn('tick', 'u32'),
  plainColumn('seq', 'u32'),
  plainColumn('position', 'string'),
  plainColumn('committedAt', 'timestamp'),
];

const actionSystemColumns: readonly ColumnDefinition[] = [
  ...eventSystemColumns,
  plainColumn('actionId', 'string'),
  plainColumn('accepted', 'bool'),
  { name: 'conflict', kind: 'enum', optional: true, list: false, values: conflictCodes },
];

const stateSystemColumns: readonly ColumnDefinition[] = [
  plainColumn('version', 'u32'),
  plainColumn('position', 'string'),
  plainColumn('committedAt', 'timestamp'),
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

/** System columns first, then the declared ones. State tables: key and declared, then system. */
export function allColumns(table: TableDefinition): readonly ColumnDefinition[] {
  return table.kind === 'state'
    ? [...table.columns, ...systemColumns(table)]
    : [...systemColumns(table), ...table.columns];
}
