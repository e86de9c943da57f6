import { kindOf } from '../model/kinds.ts';
import { plainColumn } from '../model/plain-column.ts';
import { allColumns } from '../model/system-columns.ts';
import type {
  ColumnDefinition,
  GroupViewDefinition,
  TitleManifest,
  ViewAggregate,
  ViewDefinition,
} from '../model/types.ts';
import { describedAs } from './described-as.ts';

export interface ViewColumns {
  /** The columns that name a row, in order. */
  readonly key: readonly ColumnDefinition[];
  /** The aggregates, in manifest order. */
  readonly values: readonly ColumnDefinition[];
}

/**
 * The columns of a view's rows: first `key`, then `values`. A top view has those of the group view
 * it draws from. The manifest must be valid.
 *
 * Counts are exact to 2^53, sums of integers without bound; `min` and `max` leave out nulls; texts
 * order by code point, and rows by key: nulls last, enums in the order of their values.
 */
export function viewColumns(
  manifest: Pick<TitleManifest, 'tables' | 'views'>,
  view: ViewDefinition,
): ViewColumns {
  if (view.kind === 'group') return groupColumns(manifest, view);
  const source = manifest.views.find((candidate) => candidate.name === view.from);
  if (source?.kind !== 'group') throw new RangeError(`no group view "${view.from}"`);
  return groupColumns(manifest, source);
}

function groupColumns(
  manifest: Pick<TitleManifest, 'tables'>,
  view: GroupViewDefinition,
): ViewColumns {
  const table = manifest.tables.find((candidate) => candidate.name === view.from);
  if (!table) throw new RangeError(`no table "${view.from}"`);
  const source = new Map(allColumns(table).map((column) => [column.name, column]));
  const sourceColumn = (name: string): ColumnDefinition => {
    const column = source.get(name);
    if (!column) throw new RangeError(`no column "${name}" in table "${table.name}"`);
    return column;
  };
  const key = view.groupBy.map(sourceColumn);
  if (view.tickWindow !== null) key.push(plainColumn('tickWindow', 'u32'));
  const values = view.columns.map(({ name, description, aggregate }) => ({
    ...aggregateColumn(name, aggregate, sourceColumn),
    ...describedAs(description),
  }));
  return { key, values };
}

function aggregateColumn(
  name: string,
  aggregate: ViewAggregate,
  sourceColumn: (name: string) => ColumnDefinition,
): ColumnDefinition {
  switch (aggregate.op) {
    case 'count':
    case 'countDistinct':
    case 'sumLength':
      return plainColumn(name, 'u64');
    case 'sum':
      return plainColumn(name, kindOf(sourceColumn(aggregate.column)).sum ?? 'f64');
    case 'min':
    case 'max': {
      const { kind, values, optional } = sourceColumn(aggregate.column);
      // A group whose rows all fail the condition has no least row.
      const mayLack = optional || aggregate.where !== undefined;
      return { name, kind, list: false, values, optional: mayLack };
    }
  }
}
