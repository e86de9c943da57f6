import type { Catalog } from '../manifest/catalog.ts';
import type { ColumnDefinition, ViewDefinition } from '../manifest/types.ts';
import { viewColumns as manifestViewColumns } from '../manifest/view-columns.ts';

/** The columns of a view's rows: the key's, then the aggregates. */
export function viewColumns(view: ViewDefinition, catalog: Catalog): readonly ColumnDefinition[] {
  const { key, values } = manifestViewColumns(catalog.manifest, view);
  return [...key, ...values];
}
