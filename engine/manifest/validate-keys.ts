import { kindOf } from '../model/kinds.ts';
import { limits } from '../model/limits.ts';
import type { ColumnDefinition, IndexDefinition, TableKind } from '../model/types.ts';
import { type Problems, placeOf } from './problems.ts';
import { checkDistinct, readName } from './validate-names.ts';

/** What a state table's key must be. */
export function checkKey(
  problems: Problems,
  place: string,
  columns: readonly ColumnDefinition[],
  value: unknown,
  key: readonly string[],
): void {
  if (Array.isArray(value) && value.length === 0) {
    problems.add(`${place}.key`, 'a state table has a key; name its columns');
  }
  if (key.includes('sessionId') && key[0] !== 'sessionId') {
    problems.add(`${place}.key`, 'a session keeps its rows together: put "sessionId" first');
  }
  for (const column of columns) {
    if (!key.includes(column.name)) continue;
    const columnPlace = `${place}.key`;
    if (column.optional) {
      problems.add(columnPlace, `"${column.name}" is optional, and a key has no nulls`);
    }
    const problem = identityProblem(column);
    if (problem !== null) problems.add(columnPlace, problem);
  }
}

/** Why equal values of a column cannot be told for certain, or null. */
export function identityProblem(column: ColumnDefinition): string | null {
  if (column.list) return `"${column.name}" is a list, which names nothing; use a scalar`;
  const { identityProblem: problem } = kindOf(column);
  return problem === null ? null : `"${column.name}" ${problem}`;
}

/** Event and action tables have neither key nor indexes. */
export function checkNoKey(
  problems: Problems,
  place: string,
  kind: TableKind,
  key: readonly string[],
  indexes: readonly IndexDefinition[],
): void {
  const mend = 'drop it, or make this a state table';
  if (key.length > 0) {
    problems.add(`${place}.key`, `rows of an ${kind} table are known by session and tick; ${mend}`);
  }
  if (indexes.length > 0) {
    problems.add(`${place}.indexes`, `an ${kind} table is ordered by session and tick; ${mend}`);
  }
}

export function readIndexes(
  problems: Problems,
  value: unknown,
  tablePlace: string,
  columns: readonly ColumnDefinition[],
  key: readonly string[],
): IndexDefinition[] {
  const parent = `${tablePlace}.indexes`;
  const indexes: IndexDefinition[] = [];
  const served = new Map([[key.join(), 'the key']]);
  for (const [i, entry] of problems.list(value, parent, limits.tableIndexesMax).entries()) {
    const place = placeOf(parent, i, entry);
    const index = problems.object(entry, place, ['name', 'columns'] as const);
    if (!index) continue;
    const name = readName(problems, index.name, place);
    const indexed = problems.names(
      index.columns,
      place,
      columns.map((column) => column.name),
      'column',
    );
    if (name === null) continue;
    if (Array.isArray(index.columns) && index.columns.length === 0) {
      problems.add(place, 'an index has at least one column; name it');
    }
    for (const column of columns) {
      const problem = indexed.includes(column.name) ? identityProblem(column) : null;
      if (problem !== null) problems.add(place, problem);
    }
    const already = indexed.length > 0 ? served.get(indexed.join()) : undefined;
    if (already !== undefined) problems.add(place, `${already} serves these columns; drop this`);
    served.set(indexed.join(), `"${name}"`);
    indexes.push({ name, columns: indexed });
  }
  checkDistinct(problems, parent, indexes);
  return indexes;
}
