import { ArrowDamage } from './arrow-damage.ts';
import { BatchLayout, type DictionaryValues, type PlacedField, readField } from './arrow-field.ts';
import type { Flatbuffer } from './flatbuffer.ts';

/** The schema of an Arrow stream: what its columns are and where they lie in its batches. */
export interface ArrowSchema {
  readonly fields: readonly PlacedField[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly dictionaries: ReadonlyMap<number, DictionaryValues>;
  readonly layout: BatchLayout;
}

const schemaSlots = { endianness: 0, fields: 1, metadata: 2 };
const pairSlots = { key: 0, value: 1 };

/** Reads the `Schema` table of a schema message. Throws `ArrowDamage` for a malformed one. */
export function readSchema(flat: Flatbuffer, table: number): ArrowSchema {
  if (flat.int16(table, schemaSlots.endianness) !== 0) {
    throw new ArrowDamage('its numbers are big-endian; send them little-endian');
  }
  const layout = new BatchLayout();
  const dictionaries = new Map<number, DictionaryValues>();
  const fields: PlacedField[] = [];
  const tables = flat.vector(table, schemaSlots.fields, 4);
  for (let i = 0; i < flat.lengthOf(tables); i++) {
    fields.push(readField(flat, flat.tableIn(tables, i), layout, dictionaries));
  }
  const metadata = new Map<string, string>();
  const pairs = flat.vector(table, schemaSlots.metadata, 4);
  for (let i = 0; i < flat.lengthOf(pairs); i++) {
    const pair = flat.tableIn(pairs, i);
    const key = flat.text(pair, pairSlots.key);
    const value = flat.text(pair, pairSlots.value);
    if (key !== null && value !== null) metadata.set(key, value);
  }
  return { fields, metadata, dictionaries, layout };
}
