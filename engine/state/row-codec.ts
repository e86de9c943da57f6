import { elementsOf, kindOf } from '../model/kinds.ts';
import type { Row, Scalar } from '../model/types.ts';
import type { ColumnMemory } from '../vectors/column-memory.ts';
import {
  type ColumnBatch,
  type ColumnVector,
  scalarOf,
  scalarOfBytes,
  scalarOfElements,
} from '../vectors/column-vector.ts';
import { type BytePool, noBytes } from './byte-pool.ts';
import type { ColumnLayout, RowLayout } from './row-layout.ts';
import type { RowPage } from './row-pages.ts';

/** One column's value of the row at `offset`. */
export function readValue(
  layout: RowLayout,
  column: ColumnLayout,
  page: RowPage,
  offset: number,
  pool: BytePool,
): Scalar | null {
  if (column.validityBit >= 0 && !isPresent(layout, column, page, offset)) return null;
  const at = offset + column.word;
  switch (column.kind) {
    case 'bool':
      return page.u32[at] === 1;
    case 'u32':
      return page.u32[at] as number;
    case 'i32':
      return page.i32[at] as number;
    case 'f32':
      return column.words === 1
        ? (page.f32[at] as number)
        : scalarOfElements(column.column, page.f32, at);
    case 'enum':
      return scalarOf(column.column, page.u32[at] as number);
    case 'f64':
      return page.f64[at >> 1] as number;
    case 'i64':
      return scalarOf(column.column, page.i64[at >> 1] as bigint);
    case 'u64':
      return page.u64[at >> 1] as bigint;
    case 'pool': {
      const bytes = pool.bytes(page.u32[at] as number);
      return kindOf(column.column).layout === 'strided'
        ? scalarOfElements(column.column, bytes, 0)
        : scalarOfBytes(column.column, bytes);
    }
  }
}

export function isPresent(
  layout: RowLayout,
  column: ColumnLayout,
  page: RowPage,
  offset: number,
): boolean {
  const word = page.u32[offset + layout.validityWord + (column.validityBit >>> 5)] as number;
  return (word & (1 << (column.validityBit & 31))) !== 0;
}

/** The declared columns of the row at `offset` as an object. */
export function readRow(
  layout: RowLayout,
  page: RowPage,
  offset: number,
  pool: BytePool,
): { [column: string]: Row[string] } {
  const row: { [column: string]: Row[string] } = {};
  for (const column of layout.columns) {
    row[column.column.name] = readValue(layout, column, page, offset, pool);
  }
  return row;
}

/**
 * The declared columns of `count` rows that lie side by side from the page's begin, in Arrow
 * layout, in `memory`. Rows of absent images (all words zero) read as zeros and nulls.
 */
export function gatherRows(
  layout: RowLayout,
  page: RowPage,
  count: number,
  pool: BytePool,
  memory: ColumnMemory,
): ColumnBatch {
  return {
    length: count,
    vectors: layout.columns.map((column) =>
      gatherColumn(layout, column, page, count, pool, memory),
    ),
  };
}

function gatherColumn(
  layout: RowLayout,
  layoutColumn: ColumnLayout,
  page: RowPage,
  count: number,
  pool: BytePool,
  memory: ColumnMemory,
): ColumnVector {
  const { column, word } = layoutColumn;
  const stride = layout.wordsPerRow;
  const validity = gatherValidity(layout, layoutColumn, page, count, memory);
  const base = { column, length: count, validity };
  switch (layoutColumn.kind) {
    case 'bool': {
      const bits = memory.bytes((count + 7) >>> 3);
      for (let i = 0, at = word; i < count; i++, at += stride) {
        if (page.u32[at] === 1) bits[i >>> 3] = (bits[i >>> 3] as number) | (1 << (i & 7));
      }
      return { ...base, layout: 'bool', bits };
    }
    case 'pool':
      return gatherPooled(layoutColumn, page, count, stride, pool, validity, memory);
    case 'f64':
    case 'i64':
    case 'u64': {
      const values = memory.fixed(elementsOf(column.kind), count);
      const words = new Uint32Array(values.buffer, values.byteOffset, count * 2);
      for (let i = 0, at = word; i < count; i++, at += stride) {
        words[i * 2] = page.u32[at] as number;
        words[i * 2 + 1] = page.u32[at + 1] as number;
      }
      return { ...base, layout: 'fixed', values };
    }
    default: {
      if (kindOf(column).layout === 'strided') {
        return gatherStrided(layoutColumn, page, count, stride, validity, memory);
      }
      const values = memory.fixed(elementsOf(column.kind), count);
      const source = layoutColumn.kind === 'f32' ? page.f32 : page.i32;
      for (let i = 0, at = word; i < count; i++, at += stride) values[i] = source[at] as number;
      return { ...base, layout: 'fixed', values };
    }
  }
}

function gatherStrided(
  { column, word, words }: ColumnLayout,
  page: RowPage,
  count: number,
  wordsPerRow: number,
  validity: Uint8Array | null,
  memory: ColumnMemory,
): ColumnVector {
  const { stride } = kindOf(column);
  const values = memory.fixed(elementsOf(column.kind), count * stride);
  const target = new Uint32Array(values.buffer, values.byteOffset, count * words);
  for (let i = 0, at = word; i < count; i++, at += wordsPerRow) {
    for (let w = 0; w < words; w++) target[i * words + w] = page.u32[at + w] as number;
  }
  return { column, layout: 'strided', length: count, validity, stride, values };
}

function gatherPooled(
  layoutColumn: ColumnLayout,
  page: RowPage,
  count: number,
  stride: number,
  pool: BytePool,
  validity: Uint8Array | null,
  memory: ColumnMemory,
): ColumnVector {
  const { column, word } = layoutColumn;
  const kind = kindOf(column);
  if (kind.layout === 'strided') {
    const values = memory.bytes(count * kind.stride);
    for (let i = 0, at = word; i < count; i++, at += stride) {
      const id = page.u32[at] as number;
      if (id !== noBytes) pool.copyTo(id, values, i * kind.stride);
    }
    return { column, layout: 'strided', length: count, validity, stride: kind.stride, values };
  }
  const offsets = memory.int32s(count + 1);
  let end = 0;
  for (let i = 0, at = word; i < count; i++, at += stride) {
    const id = page.u32[at] as number;
    if (id !== noBytes) end += pool.byteLength(id);
    offsets[i + 1] = end;
  }
  const data = memory.bytes(end);
  for (let i = 0, at = word; i < count; i++, at += stride) {
    const id = page.u32[at] as number;
    if (id !== noBytes) pool.copyTo(id, data, offsets[i] as number);
  }
  return { column, layout: 'binary', length: count, validity, offsets, data };
}

function gatherValidity(
  layout: RowLayout,
  layoutColumn: ColumnLayout,
  page: RowPage,
  count: number,
  memory: ColumnMemory,
): Uint8Array | null {
  const { validityBit } = layoutColumn;
  if (validityBit < 0) return null;
  const stride = layout.wordsPerRow;
  const mask = 1 << (validityBit & 31);
  let at = layout.validityWord + (validityBit >>> 5);
  let bits: Uint8Array | null = null;
  for (let i = 0; i < count; i++, at += stride) {
    if (((page.u32[at] as number) & mask) !== 0) {
      if (bits) bits[i >>> 3] = (bits[i >>> 3] as number) | (1 << (i & 7));
    } else if (!bits) {
      // The first null: all rows before it are present.
      bits = memory.bytes((count + 7) >>> 3);
      bits.fill(0xff, 0, i >>> 3);
      if ((i & 7) !== 0) bits[i >>> 3] = (1 << (i & 7)) - 1;
    }
  }
  return bits;
}
