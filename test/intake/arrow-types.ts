import {
  Binary,
  Bool,
  type DataType,
  Dictionary,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  List,
  TimestampMillisecond,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow';
import type { ColumnDefinition, Scalar, Value } from '../../engine/model/types.ts';
import { type ColumnVector, valueAt } from '../../engine/vectors/column-vector.ts';
import { parseUuid } from '../../engine/vectors/vector-builder.ts';

/** The Arrow type in which our own messages lay a column out; of an enum its ordinals. */
export function ownType(column: ColumnDefinition): DataType {
  if (column.list) {
    return new List(new Field('item', ownType({ ...column, list: false }), false));
  }
  switch (column.kind) {
    case 'enum':
      return new Uint16();
    case 'uuid':
      return new FixedSizeBinary(16);
    default:
      return clientType(column);
  }
}

/** A type in which a client would send it. */
export function clientType(column: ColumnDefinition): DataType {
  if (column.list) {
    return new List(new Field('item', clientType({ ...column, list: false }), false));
  }
  switch (column.kind) {
    case 'bool':
      return new Bool();
    case 'i8':
      return new Int8();
    case 'i16':
      return new Int16();
    case 'i32':
      return new Int32();
    case 'i64':
      return new Int64();
    case 'u8':
      return new Uint8();
    case 'u16':
      return new Uint16();
    case 'u32':
      return new Uint32();
    case 'u64':
      return new Uint64();
    case 'f32':
      return new Float32();
    case 'f64':
      return new Float64();
    case 'enum':
      return new Dictionary(new Utf8(), new Int32());
    case 'timestamp':
      return new TimestampMillisecond();
    case 'uuid':
      return new FixedSizeBinary(16);
    case 'bytes':
      return new Binary();
    case 'vec3':
      return new FixedSizeList(3, new Field('item', new Float32(), true));
    case 'string':
    case 'json':
      return new Utf8();
  }
}

/** Our vector as a client's Arrow column. */
export function clientColumn(vector: ColumnVector): Vector {
  const { column, length } = vector;
  const values = Array.from({ length }, (_, row) => clientValue(column, valueAt(vector, row)));
  return vectorFromArray(values, clientType(column));
}

function clientValue(column: ColumnDefinition, value: Value): unknown {
  if (value === null) return value;
  if (Array.isArray(value)) {
    const element = { ...column, list: false };
    return value.map((one: Scalar) => clientValue(element, one));
  }
  if (column.kind === 'vec3') return Object.values(value);
  return column.kind === 'uuid' ? parseUuid(value as string) : value;
}
