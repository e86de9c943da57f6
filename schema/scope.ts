import type { Catalog } from '../engine/model/catalog.ts';
import type { Builder } from './builder.ts';
import type { ColumnTypes } from './column-types.ts';

/** What the parts of the schema are made with. */
export interface SchemaScope {
  readonly catalog: Catalog;
  readonly builder: Builder;
  readonly columns: ColumnTypes;
}
