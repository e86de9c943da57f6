import type { Row, Value } from '../manifest/types.ts';
import type { ChangeSet } from '../tick/change-set.ts';
import { valueAt } from '../tick/column-vector.ts';
import { LiveState } from './live-state.ts';
import type { TitleState } from './title-state.ts';

/**
 * Canary mode's check after each tick: every changed row is found under its key exactly as the
 * change set says, every deleted one is gone, every index leads to its rows, and counts agree.
 * Throws `RangeError`: what it finds is a bug, and the process must not go on with it.
 */
export function checkChanges(state: TitleState, changes: ChangeSet): void {
  const live = new LiveState(state);
  for (const { table, length, after, kinds, versions } of changes.states) {
    for (let i = 0; i < length; i++) {
      const row: { [column: string]: Value } = {};
      for (const vector of after.vectors) row[vector.column.name] = valueAt(vector, i);
      const found = live.get(table.name, row);
      if (kinds[i] === 3) {
        demand(found === null, table.name, row, 'is deleted and still found');
        continue;
      }
      demand(found !== null, table.name, row, 'is not found under its key');
      demand(found?.version === versions[i], table.name, row, 'has another version');
      for (const name in row) {
        demand(
          isSame(found?.[name] ?? null, row[name] ?? null),
          table.name,
          row,
          `differs in ${name}`,
        );
      }
      for (const index of table.indexes) {
        const isIndexed = index.columns.every((column) => row[column] !== null);
        if (!isIndexed) continue;
        const columns = [...new Set([...index.columns, ...table.key])];
        const all = columns.map((column) => {
          const value = row[column] as string;
          return { kind: 'compare' as const, column, op: 'eq' as const, value };
        });
        const rows = live.selectByIndex(table.name, index.name, { kind: 'and', all });
        demand(rows === 1, table.name, row, `is not found once through ${index.name}`);
      }
    }
  }
  for (const [name, table] of state.tables) {
    if (table.keys.size !== table.rowCount) {
      throw new RangeError(`${name} has ${table.rowCount} rows and ${table.keys.size} keys`);
    }
  }
}

function demand(holds: boolean, table: string, row: Row, complaint: string): void {
  if (!holds) throw new RangeError(`${table} ${describe(row)} ${complaint}`);
}

function describe(row: Row): string {
  return Object.entries(row)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ');
}

function isSame(left: Value, right: Value): boolean {
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    return Buffer.compare(left, right) === 0;
  }
  return left === right;
}
