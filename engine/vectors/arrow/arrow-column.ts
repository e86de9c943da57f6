import { elementColumn, elementsOf, kindOf } from '../../model/kinds.ts';
import type { ColumnDefinition } from '../../model/types.ts';
import { bitAt, type ColumnVector, type LeafVector } from '../column-vector.ts';
import { listBound } from '../value-bound.ts';
import { enumOrdinal, VectorBuilder } from '../vector-builder.ts';
import { emptyVector } from '../vector-rows.ts';
import { binaryReader } from './arrow-binary.ts';
import { cellsReader, dictionaryReader, notLookedUp } from './arrow-dictionary.ts';
import type { PlacedField } from './arrow-field.ts';
import { misfit, wrongType } from './arrow-misfit.ts';
import { numberReader } from './arrow-number.ts';
import { fromZero, nullsHoldSome, readOffsets } from './arrow-offsets.ts';
import { partsReader } from './arrow-parts.ts';
import { type ArrowRows, readBits, readValidity } from './arrow-rows.ts';

/**
 * Makes a vector of rows of a batch. Throws `BAD_USER_INPUT` naming `place` for what the column
 * cannot hold, `LIMIT_EXCEEDED` for a value past a bound.
 */
export type ColumnReader = (rows: ArrowRows, place: string) => ColumnVector;
type LeafReader = (rows: ArrowRows, validity: Uint8Array | null, place: string) => LeafVector;

/**
 * How a client's Arrow column is read as a vector of `column`. Where type and layout agree the
 * memory is shared; numbers of other widths, dictionaries, views, large offsets and time units are
 * converted. Nulls' values are zeroed, offsets begin at 0, texts are checked to be UTF-8 and JSON
 * to be JSON, so that equal columns are equal bytes and nothing malformed reaches the log.
 *
 * Throws `BAD_USER_INPUT` naming `place` for a type that the column does not take.
 */
export function columnReader(
  field: PlacedField,
  column: ColumnDefinition,
  place: string,
): ColumnReader {
  if (field.type.kind === 'null') return nullReader(column);
  const read = column.list ? listReader(field, column, place) : leafReader(field, column, place);
  return (rows, at) => {
    const validity = readValidity(field, rows, at);
    if (validity !== null && !column.optional) {
      let row = 0;
      while (bitAt(validity, row)) row++;
      throw holdsNull(at, row);
    }
    return read(rows, validity, at);
  };
}

function nullReader(column: ColumnDefinition): ColumnReader {
  return ({ length }, place) => {
    if (!column.optional && length > 0) throw holdsNull(place, 0);
    return emptyVector(column, length);
  };
}

function holdsNull(place: string, row: number): Error {
  return misfit(place, `holds a null; the column is not optional (row ${row})`);
}

function leafReader(field: PlacedField, column: ColumnDefinition, place: string): LeafReader {
  const { type } = field;
  const { form, layout } = kindOf(column);
  switch (layout) {
    case 'bool':
      return boolReader(field, column, place);
    case 'binary':
      if (type.kind === 'binary') return binaryReader(field, column, place);
      break;
    case 'strided':
      if (form === 'parts') return partsReader(field, column, place);
      if (type.kind === 'fixedBinary') return stridedReader(field, column, place);
      break;
    case 'fixed':
      if (form !== 'enum') return numberReader(field, column, place);
      if (type.kind === 'dictionary') return enumReader(field, column, place);
      break;
  }
  return convertingReader(field, column, place);
}

function boolReader(field: PlacedField, column: ColumnDefinition, place: string): LeafReader {
  if (field.type.kind !== 'bool') throw wrongType(place, field.type, column.kind);
  return (rows, validity, at) => {
    const bits = readBits(field, 1, rows, at);
    if (validity) {
      for (let i = 0; i < bits.length; i++) {
        bits[i] = (bits[i] as number) & (validity[i] as number);
      }
    }
    return { column, layout: 'bool', length: rows.length, validity, bits };
  };
}

function stridedReader(field: PlacedField, column: ColumnDefinition, place: string): LeafReader {
  const { type } = field;
  const { arrow, stride } = kindOf(column);
  if (type.kind !== 'fixedBinary' || arrow.kind !== type.kind || arrow.width !== type.width) {
    throw wrongType(place, type, column.kind);
  }
  const Elements = elementsOf(column.kind);
  return ({ batch, start, length }, validity, at) => {
    const given = batch.elements(field, 1, Elements, start * stride, length * stride, at);
    const values = validity ? given.slice() : given;
    if (validity) {
      for (let i = 0; i < length; i++) {
        if (!bitAt(validity, i)) (values as Uint8Array).fill(0, i * stride, (i + 1) * stride);
      }
    }
    return { column, layout: 'strided', length, validity, stride, values };
  };
}

/** Value by value, for types whose layout differs: dictionaries, views, names of an enum. */
function convertingReader(field: PlacedField, column: ColumnDefinition, place: string): LeafReader {
  const open = cellsReader(field, column, place);
  return (rows, validity, at) => {
    const builder = new VectorBuilder(column);
    const read = open(rows, at);
    const { budget } = rows.batch;
    let row = 0;
    const rowPlace = () => `${at}[${row}]`;
    for (; row < rows.length; row++) {
      const value = validity === null || bitAt(validity, row) ? read(row) : null;
      if (value !== null) budget.charge(value, 1, at);
      builder.push(value, rowPlace);
    }
    return builder.build() as LeafVector;
  };
}

/** Names beyond which a dictionary of an enum, most of which cannot be its, is read row by row. */
const namesMax = 4096;

/** A name of the dictionary is looked up once, when the first row has it. */
function enumReader(field: PlacedField, column: ColumnDefinition, place: string): LeafReader {
  const open = dictionaryReader(field, column, place);
  const rowByRow = convertingReader(field, column, place);
  return (rows, validity, at) => {
    const { dictionary, length: names, indices, read } = open(rows, at);
    if (names > namesMax) return rowByRow(rows, validity, at);
    const ordinals = dictionary?.ordinals(column, names) ?? noOrdinals;
    const { length } = rows;
    const values = new Uint16Array(length);
    const lookUp = (name: number, row: number) =>
      enumOrdinal(column, read(name), () => `${at}[${row}]`);
    for (let row = 0; row < length; row++) {
      if (validity !== null && !bitAt(validity, row)) continue;
      const name = indices[row] as number;
      let ordinal = name >= 0 && name < names ? (ordinals[name] as number) : notLookedUp;
      if (ordinal === notLookedUp) {
        ordinal = lookUp(name, row);
        ordinals[name] = ordinal;
      }
      values[row] = ordinal;
    }
    return { column, layout: 'fixed', length, validity, values };
  };
}

const noOrdinals = new Int32Array(0);

function listReader(field: PlacedField, column: ColumnDefinition, place: string) {
  const { type } = field;
  if (type.kind !== 'list') throw wrongType(place, type, `a list of ${column.kind}`);
  const { item, isLarge } = type;
  const readElements = columnReader(item, elementColumn(column), place);
  return (rows: ArrowRows, validity: Uint8Array | null, at: string): ColumnVector => {
    const { batch, length } = rows;
    const given = readOffsets(field, rows, isLarge, batch.lengthOf(item), null, listBound, at);
    const first = given[0] as number;
    const last = given[length] as number;
    if (nullsHoldSome(given, validity)) throw misfit(at, `has elements under a null`);
    const child = readElements({ batch, start: first, length: last - first }, at);
    if (child.layout === 'list') throw new RangeError('lists do not nest');
    return { column, layout: 'list', length, validity, offsets: fromZero(given), child };
  };
}
