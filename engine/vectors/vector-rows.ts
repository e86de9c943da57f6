import { elementColumn, elementsOf, kindOf } from '../model/kinds.ts';
import type { ColumnDefinition } from '../model/types.ts';
import { bitAt, type ColumnVector, isNullAt, type LeafVector } from './column-vector.ts';

/**
 * A vector of `length` rows without a value: nulls, or zeros where the column is not optional. All
 * such vectors share one memory of zeros, so that rows claimed of many columns cost none of it.
 */
export function emptyVector(column: ColumnDefinition, length: number): ColumnVector {
  const validity = column.optional && length > 0 ? zeroBytes((length + 7) >>> 3) : null;
  if (column.list) {
    const child = emptyLeaf(elementColumn(column), 0, null);
    return { column, layout: 'list', length, validity, offsets: zeroOffsets(length), child };
  }
  return emptyLeaf(column, length, validity);
}

/** Never written to: a vector is immutable once it is built. */
let zeros = new ArrayBuffer(4096);

function zeroMemory(bytes: number): ArrayBuffer {
  if (bytes > zeros.byteLength) zeros = new ArrayBuffer(bytes);
  return zeros;
}

function zeroBytes(bytes: number): Uint8Array {
  return new Uint8Array(zeroMemory(bytes), 0, bytes);
}

function zeroOffsets(length: number): Int32Array {
  return new Int32Array(zeroMemory((length + 1) * 4), 0, length + 1);
}

function emptyLeaf(
  column: ColumnDefinition,
  length: number,
  validity: Uint8Array | null,
): LeafVector {
  const { layout, stride } = kindOf(column);
  switch (layout) {
    case 'bool':
      return { column, layout, length, validity, bits: zeroBytes((length + 7) >>> 3) };
    case 'binary': {
      const offsets = zeroOffsets(length);
      return { column, layout, length, validity, offsets, data: zeroBytes(0) };
    }
    default: {
      const Elements = elementsOf(column.kind);
      const memory = zeroMemory(length * stride * Elements.BYTES_PER_ELEMENT);
      const values = new Elements(memory, 0, length * stride);
      return layout === 'fixed'
        ? { column, layout, length, validity, values }
        : { column, layout, length, validity, stride, values };
    }
  }
}

/** Row `rows[i]` of `sources[of[i]]`; all sources are of one column. */
export interface RowPicks {
  readonly of: Uint32Array;
  readonly rows: Uint32Array;
}

/** The picked rows as one vector. */
export function pickRows(sources: readonly ColumnVector[], picks: RowPicks): ColumnVector {
  const first = sources[0];
  if (!first) throw new RangeError('there is no vector to pick from');
  const length = picks.rows.length;
  const validity = pickValidity(sources, picks);
  const { column } = first;
  switch (first.layout) {
    case 'fixed': {
      const values = new (elementsOf(column.kind))(length);
      for (let i = 0; i < length; i++) {
        const source = sources[picks.of[i] as number];
        if (source?.layout === 'fixed')
          values[i] = source.values[picks.rows[i] as number] as number;
      }
      return { column, layout: 'fixed', length, validity, values };
    }
    case 'bool': {
      const bits = new Uint8Array((length + 7) >>> 3);
      for (let i = 0; i < length; i++) {
        const source = sources[picks.of[i] as number];
        if (source?.layout === 'bool' && bitAt(source.bits, picks.rows[i] as number)) {
          bits[i >>> 3] = (bits[i >>> 3] as number) | (1 << (i & 7));
        }
      }
      return { column, layout: 'bool', length, validity, bits };
    }
    case 'strided': {
      const { stride } = first;
      const values = new (elementsOf(column.kind))(length * stride);
      for (let i = 0; i < length; i++) {
        const source = sources[picks.of[i] as number];
        if (source?.layout !== 'strided') continue;
        const at = (picks.rows[i] as number) * stride;
        for (let j = 0; j < stride; j++) values[i * stride + j] = source.values[at + j] as number;
      }
      return { column, layout: 'strided', length, validity, stride, values };
    }
    case 'binary': {
      const offsets = pickOffsets(sources, picks);
      const data = new Uint8Array(offsets[length] as number);
      for (let i = 0; i < length; i++) {
        const source = sources[picks.of[i] as number];
        const row = picks.rows[i] as number;
        if (source?.layout !== 'binary') continue;
        data.set(source.data.subarray(source.offsets[row], source.offsets[row + 1]), offsets[i]);
      }
      return { column, layout: 'binary', length, validity, offsets, data };
    }
    case 'list': {
      const offsets = pickOffsets(sources, picks);
      const total = offsets[length] as number;
      const of = new Uint32Array(total);
      const rows = new Uint32Array(total);
      for (let i = 0, at = 0; i < length; i++) {
        const index = picks.of[i] as number;
        const source = sources[index];
        if (source?.layout !== 'list') continue;
        const row = picks.rows[i] as number;
        const end = source.offsets[row + 1] as number;
        for (let element = source.offsets[row] as number; element < end; element++, at++) {
          of[at] = index;
          rows[at] = element;
        }
      }
      const children = sources.map((s) => (s.layout === 'list' ? s.child : first.child));
      const child = pickRows(children, { of, rows }) as LeafVector;
      return { column, layout: 'list', length, validity, offsets, child };
    }
  }
}

function pickOffsets(sources: readonly ColumnVector[], picks: RowPicks): Int32Array {
  const offsets = new Int32Array(picks.rows.length + 1);
  for (let i = 0, end = 0; i < picks.rows.length; i++) {
    const source = sources[picks.of[i] as number];
    const row = picks.rows[i] as number;
    if (source?.layout === 'binary' || source?.layout === 'list') {
      end += (source.offsets[row + 1] as number) - (source.offsets[row] as number);
    }
    offsets[i + 1] = end;
  }
  return offsets;
}

function pickValidity(sources: readonly ColumnVector[], picks: RowPicks): Uint8Array | null {
  if (sources.every((source) => source.validity === null)) return null;
  const length = picks.rows.length;
  const validity = new Uint8Array((length + 7) >>> 3);
  let nulls = 0;
  for (let i = 0; i < length; i++) {
    const source = sources[picks.of[i] as number] as ColumnVector;
    if (isNullAt(source, picks.rows[i] as number)) nulls++;
    else validity[i >>> 3] = (validity[i >>> 3] as number) | (1 << (i & 7));
  }
  return nulls === 0 ? null : validity;
}
