import type { NumberKind, TimeUnit } from '../../model/kinds.ts';
import { ArrowDamage } from './arrow-damage.ts';
import type { ArrowField, ArrowType } from './arrow-type.ts';
import type { Flatbuffer } from './flatbuffer.ts';

/** A column, or the elements of a list, and where it lies in every batch of its schema. */
export interface PlacedField extends ArrowField {
  readonly type: PlacedType;
  /** The field's first node and first buffer: the nodes and buffers of its elements come after. */
  readonly node: number;
  readonly buffer: number;
  /** Fields of views before it: their buffers, as many as a batch says, come before its own. */
  readonly viewsBefore: number;
}

export type PlacedType =
  | Exclude<ArrowType<PlacedField>, { kind: 'dictionary' }>
  | {
      readonly kind: 'dictionary';
      readonly index: NumberKind;
      readonly dictionary: DictionaryValues;
    };

/** What every batch of some fields has; each of views has more buffers, as many as the batch says. */
export class BatchLayout {
  nodes = 0;
  buffers = 0;
  views = 0;
}

/** What the batches of a dictionary hold. */
export interface DictionaryValues {
  /** The dictionary's place among those of the schema. */
  readonly place: number;
  readonly values: PlacedField;
  readonly layout: BatchLayout;
}

/** Slots of `Schema.fbs`. */
const fieldSlots = { name: 0, nullable: 1, typeId: 2, type: 3, dictionary: 4, children: 5 };
const encodingSlots = { id: 0, indexType: 1 };
const typeSlots = {
  int: { bits: 0, isSigned: 1 },
  float: { precision: 0 },
  timestamp: { unit: 0, timezone: 1 },
  fixedBinary: { width: 0 },
  fixedList: { size: 0 },
};

/** Reads a field and puts it behind those of `layout`. Throws `ArrowDamage` for a malformed one. */
export function readField(
  flat: Flatbuffer,
  table: number,
  layout: BatchLayout,
  dictionaries: Map<number, DictionaryValues>,
  depth = 0,
): PlacedField {
  const name = flat.text(table, fieldSlots.name) ?? '';
  const nullable = flat.uint8(table, fieldSlots.nullable) !== 0;
  const place = { node: layout.nodes, buffer: layout.buffers, viewsBefore: layout.views };
  const encoding = flat.table(table, fieldSlots.dictionary);
  if (encoding === 0) {
    const type = readType(flat, table, layout, dictionaries, depth);
    return { name, nullable, type, ...place };
  }
  layout.nodes += 1;
  layout.buffers += 2;
  const indexType = flat.table(encoding, encodingSlots.indexType);
  const index = indexType === 0 ? 'i32' : integerKind(flat, indexType);
  const id = exactId(flat.wide(encoding, encodingSlots.id));
  let dictionary = dictionaries.get(id);
  if (!dictionary) {
    const own = new BatchLayout();
    const type = readType(flat, table, own, dictionaries, depth + 1);
    const values = { name, nullable, type, node: 0, buffer: 0, viewsBefore: 0 };
    dictionary = { place: dictionaries.size, values, layout: own };
    dictionaries.set(id, dictionary);
  }
  const type: PlacedType = index
    ? { kind: 'dictionary', index, dictionary }
    : { kind: 'other', name: 'Dictionary' };
  return { name, nullable, type, ...place };
}

export function exactId(id: number): number {
  if (!Number.isSafeInteger(id)) throw new ArrowDamage('a dictionary has an impossible id');
  return id;
}

/** Lists nest no deeper in any column: what is deeper needs no more than to be refused by name. */
const depthMax = 2;

function readType(
  flat: Flatbuffer,
  field: number,
  layout: BatchLayout,
  dictionaries: Map<number, DictionaryValues>,
  depth: number,
): PlacedType {
  const id = flat.uint8(field, fieldSlots.typeId);
  const [typeName, buffers] = typesById[id] ?? ['', 0];
  if (typeName === '') throw new ArrowDamage('a field is of an unknown type');
  layout.nodes += 1;
  layout.buffers += buffers;
  const table = flat.table(field, fieldSlots.type);
  switch (typeName) {
    case 'Null':
      return { kind: 'null' };
    case 'Bool':
      return { kind: 'bool' };
    case 'Int': {
      const as = integerKind(flat, table);
      return as ? { kind: 'number', as } : { kind: 'other', name: typeName };
    }
    case 'Float': {
      const precision = table === 0 ? 0 : flat.int16(table, typeSlots.float.precision);
      const as = ([null, 'f32', 'f64'] as const)[precision] ?? null;
      return as ? { kind: 'number', as } : { kind: 'other', name: 'Float16' };
    }
    case 'Timestamp': {
      const unit = timeUnits[table === 0 ? 0 : flat.int16(table, typeSlots.timestamp.unit)];
      if (!unit) return { kind: 'other', name: typeName };
      const zone = table === 0 ? null : flat.text(table, typeSlots.timestamp.timezone);
      return { kind: 'timestamp', unit, zone };
    }
    case 'Utf8':
    case 'LargeUtf8':
      return { kind: 'binary', isText: true, isLarge: typeName !== 'Utf8' };
    case 'Binary':
    case 'LargeBinary':
      return { kind: 'binary', isText: false, isLarge: typeName !== 'Binary' };
    case 'Utf8View':
    case 'BinaryView':
      layout.views += 1;
      return { kind: 'view', isText: typeName === 'Utf8View' };
    case 'FixedSizeBinary': {
      const width = table === 0 ? 0 : flat.int32(table, typeSlots.fixedBinary.width);
      return { kind: 'fixedBinary', width };
    }
    case 'FixedSizeList': {
      if (depth >= depthMax) return { kind: 'other', name: typeName };
      const size = table === 0 ? 0 : flat.int32(table, typeSlots.fixedList.size);
      const item = readItem(flat, field, layout, dictionaries, depth);
      return { kind: 'items', size, item };
    }
    case 'Struct': {
      if (depth >= depthMax) return { kind: 'other', name: typeName };
      const children = flat.vector(field, fieldSlots.children, 4);
      const fields: PlacedField[] = [];
      for (let i = 0; i < flat.lengthOf(children); i++) {
        const child = flat.tableIn(children, i);
        fields.push(readField(flat, child, layout, dictionaries, depth + 1));
      }
      return { kind: 'struct', fields };
    }
    case 'List':
    case 'LargeList': {
      if (depth >= depthMax) return { kind: 'other', name: typeName };
      const item = readItem(flat, field, layout, dictionaries, depth);
      return { kind: 'list', isLarge: typeName === 'LargeList', item };
    }
    default:
      return { kind: 'other', name: typeName };
  }
}

/** The one field of a list's elements, which lies behind the list's own. */
function readItem(
  flat: Flatbuffer,
  field: number,
  layout: BatchLayout,
  dictionaries: Map<number, DictionaryValues>,
  depth: number,
): PlacedField {
  const children = flat.vector(field, fieldSlots.children, 4);
  if (flat.lengthOf(children) !== 1) throw new ArrowDamage('a list has one type of elements');
  return readField(flat, flat.tableIn(children, 0), layout, dictionaries, depth + 1);
}

/** Arrow's types by their ids in `Schema.fbs`, with the buffers of a field of its own. */
const typesById: readonly (readonly [name: string, buffers: number])[] = [
  // None is what a field without a type has; Arrow's libraries take it for Null.
  ['Null', 0],
  ['Null', 0],
  ['Int', 2],
  ['Float', 2],
  ['Binary', 3],
  ['Utf8', 3],
  ['Bool', 2],
  ['Decimal', 2],
  ['Date', 2],
  ['Time', 2],
  ['Timestamp', 2],
  ['Interval', 2],
  ['List', 2],
  ['Struct', 1],
  ['Union', 2],
  ['FixedSizeBinary', 2],
  ['FixedSizeList', 1],
  ['Map', 2],
  ['Duration', 2],
  ['LargeBinary', 3],
  ['LargeUtf8', 3],
  ['LargeList', 2],
  ['RunEndEncoded', 0],
  ['BinaryView', 2],
  ['Utf8View', 2],
  ['ListView', 3],
  ['LargeListView', 3],
];

const timeUnits: readonly TimeUnit[] = ['SECOND', 'MILLISECOND', 'MICROSECOND', 'NANOSECOND'];

/** The number an `Int` field holds; null for a width that no number has. */
function integerKind(flat: Flatbuffer, table: number): NumberKind | null {
  if (table === 0) return null;
  const bits = flat.int32(table, typeSlots.int.bits);
  const isSigned = flat.uint8(table, typeSlots.int.isSigned) !== 0;
  switch (bits) {
    case 8:
      return isSigned ? 'i8' : 'u8';
    case 16:
      return isSigned ? 'i16' : 'u16';
    case 32:
      return isSigned ? 'i32' : 'u32';
    case 64:
      return isSigned ? 'i64' : 'u64';
    default:
      return null;
  }
}
