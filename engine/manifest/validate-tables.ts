import { kindOf, scalarKinds } from '../model/kinds.ts';
import { limits } from '../model/limits.ts';
import type { ColumnDefinition, TableDefinition, TableKind } from '../model/types.ts';
import { columnNameProblem, enumValueProblem } from './names.ts';
import { type Problems, placeOf } from './problems.ts';
import { readDescription } from './validate-description.ts';
import { checkKey, checkNoKey, readIndexes } from './validate-keys.ts';
import { checkDistinct, readName } from './validate-names.ts';
import { checkPersonal, readPersonal } from './validate-personal.ts';

/** Reads the tables; a table that has a name and a kind is returned even if more of it is wrong. */
export function readTables(problems: Problems, value: unknown): TableDefinition[] {
  const tables: TableDefinition[] = [];
  for (const [i, entry] of problems.list(value, 'tables', limits.manifestTablesMax).entries()) {
    const table = readTable(problems, entry, placeOf('tables', i, entry));
    if (table) tables.push(table);
  }
  checkDistinct(problems, 'tables', tables);
  const actionTables = tables.filter((table) => table.kind === 'action');
  if (actionTables.length === 0) {
    problems.add('tables', 'a title has one action table, and here is none; add it');
  }
  for (const table of actionTables.slice(1)) {
    const first = actionTables[0]?.name;
    problems.add(
      `tables.${table.name}`,
      `a title has one action table, and "${first}" is it; make this an event table`,
    );
  }
  return tables;
}

function readTable(problems: Problems, value: unknown, place: string): TableDefinition | null {
  const members = ['name', 'description', 'kind', 'columns', 'key', 'indexes'] as const;
  const table = problems.object(value, place, members, ['description']);
  if (!table) return null;
  const name = readName(problems, table.name, place);
  const kind = problems.oneOf(table.kind, `${place}.kind`, ['action', 'event', 'state'] as const);
  const description = readDescription(problems, table.description, place);
  if (name === null || kind === null) return null;
  const columns = readColumns(problems, table.columns, place, kind, table.key);
  const key = problems.names(
    table.key,
    `${place}.key`,
    columns.map((column) => column.name),
    'column',
  );
  const indexes = readIndexes(problems, table.indexes, place, columns, key);
  if (kind === 'state') checkKey(problems, place, columns, table.key, key);
  else checkNoKey(problems, place, kind, key, indexes);
  checkPersonal(problems, place, columns, kind, key);
  return { name, ...description, kind, columns, key, indexes };
}

function readColumns(
  problems: Problems,
  value: unknown,
  tablePlace: string,
  kind: TableKind,
  key: unknown,
): ColumnDefinition[] {
  const parent = `${tablePlace}.columns`;
  const columns: ColumnDefinition[] = [];
  for (const [i, entry] of problems.list(value, parent, limits.tableColumnsMax).entries()) {
    const place = placeOf(parent, i, entry);
    const column = readColumn(problems, entry, place);
    if (!column) continue;
    columns.push(column);
    if (kind === 'state' && column.name === 'sessionId') {
      checkSessionColumn(problems, place, column, key);
    } else {
      const problem = columnNameProblem(column.name, kind);
      if (problem !== null) problems.add(place, problem);
    }
    if (column.list) checkList(problems, place, column, kind);
  }
  if (Array.isArray(value) && value.length === 0) {
    problems.add(parent, 'a table has at least one column; add it');
  }
  checkDistinct(problems, parent, columns);
  return columns;
}

function readColumn(problems: Problems, value: unknown, place: string): ColumnDefinition | null {
  const members = [
    'name',
    'description',
    'kind',
    'optional',
    'list',
    'values',
    'personal',
  ] as const;
  const column = problems.object(value, place, members, ['description', 'personal']);
  if (!column) return null;
  const name = readName(problems, column.name, place);
  const kind = problems.oneOf(column.kind, `${place}.kind`, scalarKinds);
  const optional = problems.boolean(column.optional, `${place}.optional`);
  const list = problems.boolean(column.list, `${place}.list`);
  const values = readEnumValues(problems, column.values, `${place}.values`);
  const description = readDescription(problems, column.description, place);
  if (name === null || kind === null) return null;
  if (kind === 'enum' && values.length === 0) {
    problems.add(`${place}.values`, 'an enum has at least one value; add it');
  }
  if (kind !== 'enum' && values.length > 0) {
    problems.add(
      `${place}.values`,
      `a ${kind} column has no values; make it an enum, or drop them`,
    );
  }
  const personal = readPersonal(problems, column.personal, place);
  return { name, ...description, kind, optional, list, values, ...personal };
}

function readEnumValues(problems: Problems, value: unknown, place: string): string[] {
  const values = new Set<string>();
  for (const [i, entry] of problems.list(value, place, limits.enumValuesMax).entries()) {
    const text = problems.string(entry, `${place}[${i}]`);
    if (text === null) continue;
    const problem = enumValueProblem(text);
    if (problem !== null) problems.add(`${place}[${i}]`, problem);
    if (values.has(text)) problems.add(place, `"${text}" stands there twice; leave one`);
    values.add(text);
  }
  return [...values];
}

function checkSessionColumn(
  problems: Problems,
  place: string,
  column: ColumnDefinition,
  key: unknown,
): void {
  if (column.kind !== 'string' || column.optional || column.list) {
    problems.add(place, 'the session of a row is a string, not optional and not a list');
  }
  if (!Array.isArray(key) || key[0] !== 'sessionId') {
    problems.add(
      place,
      'the session of a row begins its key; put it first there, or drop the column',
    );
  }
}

function checkList(
  problems: Problems,
  place: string,
  column: ColumnDefinition,
  kind: TableKind,
): void {
  if (kind === 'state') {
    problems.add(
      place,
      'lists stand in event and action tables only; use json, or rows of a table',
    );
  }
  if (!kindOf(column).isListable) {
    problems.add(place, 'a list holds scalars; one json value can hold the whole list');
  }
  // ClickHouse has no nullable arrays; two ways to say "nothing" would be one too many anyway.
  if (column.optional) {
    problems.add(place, 'a list is not optional, for it may be empty; drop "optional"');
  }
}
