import { scalarKinds } from '../../engine/model/kinds.ts';
import type { ColumnDefinition } from '../../engine/model/types.ts';

/** A column of each kind, optional and named for it, beside a list and the system's position. */
export const columns: ReadonlyMap<string, ColumnDefinition> = new Map(
  [
    ...scalarKinds.map((kind) => ({
      name: kind,
      kind,
      optional: true,
      list: false,
      values: kind === 'enum' ? ['RED', 'GREEN', 'BLUE'] : [],
    })),
    { name: 'list', kind: 'u32' as const, optional: false, list: true, values: [] },
    { name: 'position', kind: 'string' as const, optional: false, list: false, values: [] },
  ].map((column) => [column.name, column]),
);
