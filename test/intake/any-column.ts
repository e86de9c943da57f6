import fc from 'fast-check';
import { scalarKinds } from '../../engine/model/kinds.ts';
import type { ColumnDefinition, Scalar, ScalarKind, Value } from '../../engine/model/types.ts';
import type { ColumnVector } from '../../engine/vectors/column-vector.ts';
import { VectorBuilder } from '../../engine/vectors/vector-builder.ts';

export function columnOf(
  name: string,
  kind: ScalarKind,
  more: Partial<ColumnDefinition> = {},
): ColumnDefinition {
  const values = kind === 'enum' ? ['RED', 'GREEN', 'BLUE'] : [];
  return { name, kind, optional: false, list: false, values, ...more };
}

/** A column of any kind, optional and a list or not, under the name. */
export function anyColumn(name: string): fc.Arbitrary<ColumnDefinition> {
  return fc
    .tuple(fc.constantFrom(...scalarKinds), fc.boolean(), fc.boolean())
    .map(([kind, optional, list]) => columnOf(name, kind, { optional, list }));
}

/** Values of a column, nulls among them where it may have them. */
export function cellOf(column: ColumnDefinition): fc.Arbitrary<Value> {
  const scalar = scalarOf(column.kind);
  const value: fc.Arbitrary<Value> = column.list ? fc.array(scalar, { maxLength: 5 }) : scalar;
  return column.optional ? fc.option(value, { freq: 3 }) : value;
}

export function vectorOf(column: ColumnDefinition, values: readonly Value[]): ColumnVector {
  const builder = new VectorBuilder(column);
  for (const value of values) builder.push(value, () => column.name);
  return builder.build();
}

function scalarOf(kind: ScalarKind): fc.Arbitrary<Scalar> {
  switch (kind) {
    case 'bool':
      return fc.boolean();
    case 'i8':
      return fc.integer({ min: -128, max: 127 });
    case 'i16':
      return fc.integer({ min: -32_768, max: 32_767 });
    case 'i32':
      return fc.integer();
    case 'i64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case 'u8':
      return fc.nat(255);
    case 'u16':
      return fc.nat(65_535);
    case 'u32':
      return fc.nat(4_294_967_295);
    case 'u64':
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case 'f32':
      return fc.float();
    case 'f64':
      return fc.double();
    case 'string':
      return fc.string({ unit: 'grapheme', maxLength: 20 });
    case 'enum':
      return fc.constantFrom('RED', 'GREEN', 'BLUE');
    case 'uuid':
      return fc.uuid();
    case 'timestamp':
      return fc.integer({ min: -8_640_000_000_000_000, max: 8_640_000_000_000_000 });
    case 'json':
      return fc.json({ maxDepth: 2 });
    case 'bytes':
      return fc.uint8Array({ maxLength: 20 });
    case 'vec3':
      return fc.record({ x: fc.float(), y: fc.float(), z: fc.float() });
  }
}
