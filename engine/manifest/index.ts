/** The door for a title's manifest: what a studio imports to declare its game. */

export type { TitleManifest } from '../model/types.ts';
export { count, countDistinct, max, min, sum, sumLength } from './aggregate-spec.ts';
export { type ColumnSpec, type ColumnSpecs, t } from './column-spec.ts';
export {
  defineTitle,
  type KeyOf,
  type NewRowOf,
  type RoleNameOf,
  type RowOf,
  type TableNameOf,
  type Title,
  type ViewNameOf,
} from './define-title.ts';
export { onTables, type RoleSpec, type TableAccess } from './role-spec.ts';
export { actionTable, eventTable, stateTable, type TableSpec } from './table-spec.ts';
