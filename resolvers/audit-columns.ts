import type { ColumnDefinition, ScalarKind } from '../engine/model/types.ts';

/**
 * What was done as a row, whether the audit log tells of it or, of commits, the title's log: what
 * `auditLog` answers, what its conditions may name, and what an export of it holds. The first is its
 * number in the log that it comes from (`source`).
 */
export const auditColumns: readonly [ColumnDefinition, ColumnDefinition, ...ColumnDefinition[]] = [
  column('sequence', 'u64'),
  column('at', 'timestamp'),
  column('source', 'string'),
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
  column('session', 'string', { optional: true }),
  column('tick', 'u32', { optional: true }),
  column('table', 'string', { optional: true }),
  column('tables', 'string', { list: true }),
  column('columns', 'string', { list: true }),
  column('lsn', 'u64', { optional: true }),
  column('rowsRead', 'u64', { optional: true }),
  column('bytesRead', 'u64', { optional: true }),
  column('rowsWritten', 'u64', { optional: true }),
  column('accepted', 'u32', { optional: true }),
  column('rejected', 'u32', { optional: true }),
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
