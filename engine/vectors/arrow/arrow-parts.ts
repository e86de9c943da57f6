import { elementsOf, kindOf } from '../../model/kinds.ts';
import type { ColumnDefinition } from '../../model/types.ts';
import { bitAt, type StridedVector } from '../column-vector.ts';
import type { PlacedField } from './arrow-field.ts';
import { misfit, wrongType } from './arrow-misfit.ts';
import { numberReader } from './arrow-number.ts';
import { type ArrowRows, readValidity } from './arrow-rows.ts';
import { typeName } from './arrow-type.ts';

/**
 * The reader of a field of lists of fixed size, whose items are the parts of a value; throws where
 * it is not of that type and size. An item is null only where its list is.
 */
export function partsReader(field: PlacedField, column: ColumnDefinition, place: string) {
  const { type } = field;
  const { parts, stride, arrow } = kindOf(column);
  if (!parts || type.kind !== 'items' || type.size !== stride) {
    throw wrongType(place, type, typeName(arrow));
  }
  const { item } = type;
  const readItems = numberReader(item, { ...column, kind: parts.kind }, place);
  return (rows: ArrowRows, validity: Uint8Array | null, at: string): StridedVector => {
    const { batch, length } = rows;
    const items = { batch, start: rows.start * stride, length: length * stride };
    const itemValidity = readValidity(item, items, at);
    const given = readItems(items, itemValidity, at).values;
    const values = validity ? given.slice() : given;
    const zero = new (elementsOf(column.kind))(stride);
    for (let row = 0; validity !== null && row < length; row++) {
      if (!bitAt(validity, row)) (values as Float32Array).set(zero as Float32Array, row * stride);
    }
    for (let i = 0; itemValidity !== null && i < items.length; i++) {
      const row = Math.floor(i / stride);
      if (bitAt(itemValidity, i) || (validity !== null && !bitAt(validity, row))) continue;
      throw misfit(
        `${at}[${row}].${parts.names[i % stride]}`,
        'is null; a value has all its parts',
      );
    }
    return { column, layout: 'strided', length, validity, stride, values };
  };
}
