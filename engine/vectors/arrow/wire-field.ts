import type { ColumnDefinition } from '../../model/types.ts';

/** The Arrow types this room writes and reads. */
export type ArrowType =
  | { readonly id: 'int'; readonly bits: 8 | 16 | 32 | 64; readonly signed: boolean }
  | { readonly id: 'float'; readonly bits: 32 | 64 }
  | { readonly id: 'bool' }
  | { readonly id: 'utf8' }
  | { readonly id: 'binary' }
  | { readonly id: 'fixedBinary'; readonly byteWidth: number }
  /** Milliseconds since 1970, UTC. */
  | { readonly id: 'timestampMs' }
  | { readonly id: 'list'; readonly item: ArrowField };

export interface ArrowField {
  readonly name: string;
  readonly type: ArrowType;
  readonly nullable: boolean;
}

/**
 * How a column travels to ClickHouse: exactly the bytes of its `ColumnVector`. Enums go as their
 * ordinals, UUIDs as 16 bytes; the insert's SELECT turns them into ClickHouse's types.
 */
export function shippedField(column: ColumnDefinition): ArrowField {
  const item = shippedType(column);
  if (!column.list) return { name: column.name, type: item, nullable: column.optional };
  return {
    name: column.name,
    // ClickHouse has no nullable lists: an absent one is stored empty.
    nullable: false,
    type: { id: 'list', item: { name: 'item', type: item, nullable: false } },
  };
}

function shippedType(column: ColumnDefinition): ArrowType {
  switch (column.kind) {
    case 'bool':
      return { id: 'bool' };
    case 'i8':
      return { id: 'int', bits: 8, signed: true };
    case 'i16':
      return { id: 'int', bits: 16, signed: true };
    case 'i32':
      return { id: 'int', bits: 32, signed: true };
    case 'i64':
      return { id: 'int', bits: 64, signed: true };
    case 'u8':
      return { id: 'int', bits: 8, signed: false };
    case 'u16':
      return { id: 'int', bits: 16, signed: false };
    case 'u32':
      return { id: 'int', bits: 32, signed: false };
    case 'u64':
      return { id: 'int', bits: 64, signed: false };
    case 'f32':
      return { id: 'float', bits: 32 };
    case 'f64':
      return { id: 'float', bits: 64 };
    case 'enum':
      return { id: 'int', bits: 16, signed: true };
    case 'uuid':
      return { id: 'fixedBinary', byteWidth: 16 };
    case 'timestamp':
      return { id: 'timestampMs' };
    case 'string':
    case 'json':
      return { id: 'utf8' };
    case 'bytes':
      return { id: 'binary' };
  }
}
