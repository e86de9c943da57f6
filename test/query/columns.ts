import type { ColumnDefinition, ScalarKind } from '../../engine/model/types.ts';

const kinds: readonly ScalarKind[] = [
  'bool',
  'i8',
  'i16',
  'i32',
  'i64',
  'u8',
  'u16',
  'u32',
  'u64',
  'f32',
  'f64',
  'string',
  'enum',
  'uuid',
  'timestamp',
  'json',
  'bytes',
];

/** A column of each kind, optional and named for it, beside a list and the system's position. */
export const columns: ReadonlyMap<string, ColumnDefinition> = new Map(
  [
    ...kinds.map((kind) => ({
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
