import { viewColumns } from '../engine/index.ts';
import type { Catalog } from '../engine/model/catalog.ts';
import { allColumns, systemColumns } from '../engine/model/system-columns.ts';
import type {
  ColumnDefinition,
  GroupViewDefinition,
  TableDefinition,
  ViewDefinition,
} from '../engine/model/types.ts';
import { aggregateDescription, columnDescription, windowDescription } from './descriptions.ts';
import { enumNameOf, typeNameOf } from './names.ts';

/** What a table and a view have in common: named, typed columns, some of which are the key. */
export interface Relation {
  readonly name: string;
  readonly typeName: string;
  /** All columns that can be read, system columns included. */
  readonly columns: readonly RelationColumn[];
  /** The columns that name a row; empty for action and event tables. */
  readonly key: readonly RelationColumn[];
}

export interface RelationColumn {
  readonly definition: ColumnDefinition;
  /** The GraphQL enum of an enum column; a view's is its source's. */
  readonly enumName: string | null;
  readonly description: string;
}

export interface TableRelation extends Relation {
  readonly table: TableDefinition;
  /** The columns clients write, in manifest order, key included. */
  readonly declared: readonly RelationColumn[];
}

export function tableRelation(table: TableDefinition): TableRelation {
  const columns = allColumns(table).map((definition) => tableColumn(table, definition));
  const named = new Map(columns.map((column) => [column.definition.name, column]));
  const pick = (names: readonly string[]) => names.flatMap((name) => named.get(name) ?? []);
  const system = new Set(systemColumns(table).map((column) => column.name));
  return {
    name: table.name,
    typeName: typeNameOf(table.name),
    table,
    columns,
    declared: columns.filter((column) => !system.has(column.definition.name)),
    key: pick(table.key),
  };
}

export function viewRelation(catalog: Catalog, view: ViewDefinition): Relation {
  const group = groupViewOf(catalog, view);
  const source = catalog.table(group.from);
  const { key, values } = viewColumns(catalog.manifest, view);
  const keyColumns = key.map((definition) =>
    group.tickWindow !== null && definition.name === 'tickWindow'
      ? { definition, enumName: null, description: windowDescription(group.tickWindow) }
      : tableColumn(source, definition),
  );
  const valueColumns = values.map((definition, i) => {
    const column = group.columns[i];
    if (!column) throw new RangeError(`view "${view.name}" has no aggregate ${i}`);
    const { aggregate } = column;
    const sourceColumn = 'column' in aggregate ? catalog.column(source, aggregate.column) : null;
    return {
      definition,
      enumName:
        definition.kind === 'enum' && sourceColumn ? enumNameOf(source, sourceColumn) : null,
      description: aggregateDescription(column),
    };
  });
  return {
    name: view.name,
    typeName: typeNameOf(view.name),
    columns: [...keyColumns, ...valueColumns],
    key: keyColumns,
  };
}

/** The group view itself, or the one a top view draws from. */
export function groupViewOf(catalog: Catalog, view: ViewDefinition): GroupViewDefinition {
  if (view.kind === 'group') return view;
  const source = catalog.views.get(view.from);
  if (source?.kind !== 'group') throw new RangeError(`no group view "${view.from}"`);
  return source;
}

function tableColumn(table: TableDefinition, definition: ColumnDefinition): RelationColumn {
  return {
    definition,
    enumName: definition.kind === 'enum' ? enumNameOf(table, definition) : null,
    description: columnDescription(table, definition),
  };
}
