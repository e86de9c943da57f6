import { isDeepStrictEqual } from 'node:util';
import type { IndexDefinition, Row, TableDefinition, Value } from '../model/types.ts';
import type { ChangeSet } from '../state/change-set.ts';
import { LiveState } from '../state/live-state.ts';
import type { TitleState } from '../state/title-state.ts';
import { valueAt } from '../vectors/column-vector.ts';
import { BrokenInvariant, keyText } from './broken-invariant.ts';

/** Rows that a tick left under the same values of an index. */
interface IndexedTogether {
  readonly first: Row;
  count: number;
}

/**
 * Every changed row is found under its key exactly as the change set says, every deleted one is
 * gone, and every index leads to as many rows as were changed under its values: through the same
 * reads that callers use. An index is read once for all that share values, since a match often has
 * all its rows under a few. Throws `BrokenInvariant`.
 */
export function checkChanges(state: TitleState, changes: ChangeSet): void {
  const live = new LiveState(state);
  for (const { table, length, after, kinds, versions } of changes.states) {
    const rows: Row[] = [];
    for (let i = 0; i < length; i++) {
      const row: { [column: string]: Value } = {};
      for (const vector of after.vectors) row[vector.column.name] = valueAt(vector, i);
      const found = live.get(table.name, row);
      if (kinds[i] === 3) {
        demand(found === null, table, row, 'is deleted and still found');
        continue;
      }
      demand(found !== null, table, row, 'is not found under its key');
      demand(found?.version === versions[i], table, row, 'has another version');
      for (const name in row) {
        const isThere = isSame(found?.[name] ?? null, row[name] ?? null);
        demand(isThere, table, row, `differs in ${name}`);
      }
      rows.push(row);
    }
    for (const index of table.indexes) {
      for (const { first, count } of togetherIn(index, rows)) {
        const found = live.selectByIndex(table.name, index.name, under(index, first));
        const complaint = `and what was changed with it is not all found through ${index.name}`;
        demand(found >= count, table, first, complaint);
      }
    }
  }
}

function demand(holds: boolean, table: TableDefinition, row: Row, complaint: string): void {
  if (holds) return;
  const key = Object.fromEntries(table.key.map((name) => [name, row[name] ?? null]));
  throw new BrokenInvariant('changes', { place: table.name, key: keyText(key) }, complaint);
}

/** Rows with a null among the index's columns are left out: no read asks an index for them. */
function togetherIn(index: IndexDefinition, rows: readonly Row[]): Iterable<IndexedTogether> {
  const together = new Map<string, IndexedTogether>();
  for (const row of rows) {
    const values = index.columns.map((name) => row[name] ?? null);
    if (values.includes(null)) continue;
    const text = JSON.stringify(values.map(String));
    const known = together.get(text);
    if (known) known.count++;
    else together.set(text, { first: row, count: 1 });
  }
  return together.values();
}

function under(index: IndexDefinition, row: Row) {
  const all = index.columns.map((column) => {
    const value = row[column] as string;
    return { kind: 'compare' as const, column, op: 'eq' as const, value };
  });
  return { kind: 'and' as const, all };
}

function isSame(left: Value, right: Value): boolean {
  return left === right || (typeof left === 'object' && isDeepStrictEqual(left, right));
}
