import { systemColumns } from '../engine/model/system-columns.ts';
import type { ColumnDefinition, TableDefinition } from '../engine/model/types.ts';

/** `unitState` → `UnitState`. */
export function typeNameOf(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** The singular word that input and enum types of a table begin with: `Action` for the action table. */
export function inputPrefixOf(table: TableDefinition): string {
  return table.kind === 'action' ? 'Action' : typeNameOf(table.name);
}

/** The enum type of an enum column: `ActionKind`, `ResourceLedgerResource`, `ConflictCode`. */
export function enumNameOf(table: TableDefinition, column: ColumnDefinition): string {
  const isSystem = systemColumns(table).some((system) => system.name === column.name);
  return isSystem ? conflictCodeName : inputPrefixOf(table) + typeNameOf(column.name);
}

export const conflictCodeName = 'ConflictCode';

/** Names travel as GraphQL's ID where they are only ever compared: sessions, actions. */
export function isIdColumn(column: ColumnDefinition): boolean {
  return column.kind === 'string' && (column.name === 'sessionId' || column.name === 'actionId');
}
