import type { ColumnDefinition, ScalarKind } from '../engine/model/types.ts';

/**
 * An audit record as a row: what `auditLog` answers, what its conditions may name, and what an export
 * of it holds. The first is the row's key, its number in the audit log.
 */
export const auditColumns: readonly [ColumnDefinition, ColumnDefinition, ...ColumnDefinition[]] = [
  column('sequence', 'u64'),
  column('at', 'timestamp'),
  column('action', 'string'),
  column('outcome', 'string'),
  column('code', 'string', { optional: true }),
  column('subject', 'string', { optional: true }),
  column('role', 'string', { optional: true }),
  column('address', 'string', { optional: true }),
  column('client', 'string', { optional: true }),
  column('requestId', 'string', { optional: true }),
  column('class', 'string', { optional: true }),
  column('operation', 'string', { optional: true }),
  column('fingerprint', 'string', { optional: true }),
  column('table', 'string', { optional: true }),
  column('columns', 'string', { list: true }),
  column('lsn', 'u64', { optional: true }),
  column('rowsRead', 'u64', { optional: true }),
  column('bytesRead', 'u64', { optional: true }),
  column('rowsWritten', 'u64', { optional: true }),
  column('elapsedMs', 'f64', { optional: true }),
  column('times', 'u32'),
  column('details', 'json', { optional: true }),
];

/** The columns that conditions may name. */
export const auditConditions: ReadonlyMap<string, ColumnDefinition> = new Map(
  auditColumns
    .filter(({ name, list, kind }) => !list && kind !== 'json' && name !== 'lsn')
    .map((each) => [each.name, each]),
);

function column(
  name: string,
  kind: ScalarKind,
  more: Partial<Pick<ColumnDefinition, 'optional' | 'list'>> = {},
): ColumnDefinition {
  return { name, kind, optional: false, list: false, values: [], ...more };
}
