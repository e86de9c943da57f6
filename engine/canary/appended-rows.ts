import { formatPosition } from '../model/position.ts';
import { conflictCodes } from '../model/system-columns.ts';
import type { Row, Value } from '../model/types.ts';
import { type ChangeSet, verdictCode } from '../state/change-set.ts';
import { type ColumnBatch, valueAt } from '../vectors/column-vector.ts';

/** The rows that a record appended to an action or event table, system columns included. */
export function appendedRows(changes: ChangeSet, table: string): Row[] {
  const common = {
    sessionId: changes.sessionId,
    tick: changes.tick ?? 0,
    position: formatPosition(changes.lsn),
    committedAt: changes.committedAtMs,
  };
  const { actions } = changes;
  if (actions?.table.name === table) {
    return rowsOf(actions.rows).map((row, seq) => {
      const verdict = actions.verdicts[seq] as number;
      const conflict = verdictCode(verdict, conflictCodes);
      return { ...common, seq, ...row, accepted: verdict === 0, conflict };
    });
  }
  return changes.events
    .filter((events) => events.table.name === table)
    .flatMap(({ rows, seq }) =>
      rowsOf(rows).map((row, i) => ({ ...common, seq: seq[i] as number, ...row })),
    );
}

function rowsOf({ length, vectors }: ColumnBatch): Row[] {
  return Array.from({ length }, (_, i) => {
    const row: { [column: string]: Value } = {};
    for (const vector of vectors) row[vector.column.name] = valueAt(vector, i);
    return row;
  });
}
