import { type ArrowScalar, kindOf, type NumberKind } from '../../model/kinds.ts';
import type { ColumnDefinition } from '../../model/types.ts';

/**
 * Arrow's types that some column takes or is written in; of all others the name alone is known,
 * which is what a refusal says. `Field` is that of the types within: one that is read knows its
 * place in a batch as well.
 */
export type ArrowType<Field = ArrowField> =
  | ArrowScalar
  | { readonly kind: 'null' }
  | { readonly kind: 'other'; readonly name: string }
  | { readonly kind: 'view'; readonly isText: boolean }
  | { readonly kind: 'items'; readonly size: number; readonly item: Field }
  | { readonly kind: 'struct'; readonly fields: readonly Field[] }
  | { readonly kind: 'list'; readonly isLarge: boolean; readonly item: Field }
  | {
      readonly kind: 'dictionary';
      readonly index: NumberKind;
      readonly dictionary: { readonly values: Field };
    };

export interface ArrowField {
  readonly name: string;
  readonly type: ArrowType;
  readonly nullable: boolean;
}

/** The type as Arrow's libraries write it. */
export function typeName(type: ArrowType<ArrowField>): string {
  switch (type.kind) {
    case 'null':
      return 'Null';
    case 'bool':
      return 'Bool';
    case 'other':
      return type.name;
    case 'number':
      return numberName(type.as);
    case 'timestamp':
      return `Timestamp<${type.unit}${type.zone ? `, ${type.zone}` : ''}>`;
    case 'binary':
      return `${type.isLarge ? 'Large' : ''}${type.isText ? 'Utf8' : 'Binary'}`;
    case 'view':
      return type.isText ? 'Utf8View' : 'BinaryView';
    case 'fixedBinary':
      return `FixedSizeBinary[${type.width}]`;
    case 'fixedList':
      return `FixedSizeList[${type.size}]<${numberName(type.as)}>`;
    case 'items':
      return `FixedSizeList[${type.size}]<${typeName(type.item.type)}>`;
    case 'struct':
      return `Struct<${type.fields.map((field) => `${field.name}: ${typeName(field.type)}`).join(', ')}>`;
    case 'list':
      return `${type.isLarge ? 'LargeList' : 'List'}<${typeName(type.item.type)}>`;
    case 'dictionary': {
      const { values } = type.dictionary;
      return `Dictionary<${numberName(type.index)}, ${typeName(values.type)}>`;
    }
  }
}

function numberName(kind: NumberKind): string {
  const family = { i: 'Int', u: 'Uint', f: 'Float' }[kind[0] as 'i' | 'u' | 'f'];
  return `${family}${kind.slice(1)}`;
}

/** The field of a column whose scalars are of type `scalar`: its kind's own, or one it is shown as. */
export function fieldOf(
  column: ColumnDefinition,
  scalar: ArrowType = kindOf(column).arrow,
): ArrowField {
  const { name, list, optional } = column;
  // A null struct is written as null parts.
  if (!list) return { name, type: scalar, nullable: optional && scalar.kind !== 'struct' };
  const item: ArrowField = { name: 'item', type: scalar, nullable: false };
  return { name, type: { kind: 'list', isLarge: false, item }, nullable: optional };
}
