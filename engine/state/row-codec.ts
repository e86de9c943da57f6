import type { Row, Scalar } from '../model/types.ts';
import { utf8 } from '../model/utf8.ts';
import type { ColumnMemory } from '../vectors/column-memory.ts';
import { type ColumnBatch, type ColumnVector, formatUuid } from '../vectors/column-vector.ts';
import { fixedArray } from '../vectors/vector-builder.ts';
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
      return page.f32[at] as number;
    case 'enum':
      return column.column.values[page.u32[at] as number] as string;
    case 'f64':
      return page.f64[at >> 1] as number;
    case 'i64': {
      const value = page.i64[at >> 1] as bigint;
      return column.column.kind === 'timestamp' ? Number(value) : value;
    }
    case 'u64':
      return page.u64[at >> 1] as bigint;
    case 'pool': {
      const bytes = pool.bytes(page.u32[at] as number);
      if (column.column.kind === 'uuid') return formatUuid(bytes, 0);
      return column.column.kind === 'bytes' ? bytes.slice() : utf8.decode(bytes);
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
      const values = memory.fixed(fixedArray(column.kind), count);
      const words = new Uint32Array(values.buffer, values.byteOffset, count * 2);
      for (let i = 0, at = word; i < count; i++, at += stride) {
        words[i * 2] = page.u32[at] as number;
        words[i * 2 + 1] = page.u32[at + 1] as number;
      }
      return { ...base, layout: 'fixed', values };
    }
    default: {
      const values = memory.fixed(fixedArray(column.kind), count);
      const source = column.kind === 'f32' ? page.f32 : page.i32;
      for (let i = 0, at = word; i < count; i++, at += stride) values[i] = source[at] as number;
      return { ...base, layout: 'fixed', values };
    }
  }
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
  if (column.kind === 'uuid') {
    const bytes = memory.bytes(count * 16);
    for (let i = 0, at = word; i < count; i++, at += stride) {
      const id = page.u32[at] as number;
      if (id !== noBytes) pool.copyTo(id, bytes, i * 16);
    }
    return { column, layout: 'uuid', length: count, validity, bytes };
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
