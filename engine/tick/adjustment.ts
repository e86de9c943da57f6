import { kindOf } from '../model/kinds.ts';
import type { ColumnDefinition, Parts, Value } from '../model/types.ts';
import { type ColumnLayout, placeOf, type RowLayout } from '../state/row-layout.ts';
import type { RowPage } from '../state/row-pages.ts';
import { type ColumnVector, isNullAt } from '../vectors/column-vector.ts';
import { partVectors } from '../vectors/part-vector.ts';

/**
 * The column in which the operands of an `adjust` travel: wide enough to add and to subtract.
 * Integers up to 32 bits take whole `f64`s, 64-bit ones `i64`, floats `f64`, values of parts their own.
 */
export function addendColumn(column: ColumnDefinition): ColumnDefinition {
  const { wideRange, parts } = kindOf(column);
  const kind = parts ? column.kind : wideRange ? 'i64' : 'f64';
  return { ...column, kind, optional: true };
}

/** What is added, whole: a part that is not named gets minus zero, which changes no number. */
export function wholeAddend(column: ColumnDefinition, addend: Value | undefined): Value {
  const { parts } = kindOf(column);
  if (!parts || typeof addend !== 'object' || addend === null) return addend ?? null;
  const given = addend as Parts;
  return { ...given, ...Object.fromEntries(parts.names.map((name) => [name, given[name] ?? -0])) };
}

/** Adding to one numeric column. A null column counts as zero; a null addend changes nothing. */
export interface Adjustment {
  /** Whether the sum is finite, whole where it must be, and within the column's range. */
  fits(page: RowPage, offset: number, row: number): boolean;
  write(page: RowPage, offset: number, row: number): void;
}

/** Adding to a column: to each of its parts, where it has some. */
export function compileAdjustments(
  layout: RowLayout,
  column: ColumnLayout,
  addends: ColumnVector,
): readonly Adjustment[] {
  if (addends.layout !== 'strided') return [compileAdjustment(layout, column, addends)];
  return partVectors(addends).map((part) => {
    const place = placeOf(layout, part.column.name);
    if (!place) throw new RangeError(`${column.column.name} has no part "${part.column.name}"`);
    return compileAdjustment(layout, place, part);
  });
}

function compileAdjustment(
  layout: RowLayout,
  column: ColumnLayout,
  addends: ColumnVector,
): Adjustment {
  if (addends.layout !== 'fixed') throw new RangeError('addends are numbers');
  const { values } = addends;
  const { word, validityBit } = column;
  const markPresent = (page: RowPage, offset: number) => {
    if (validityBit < 0) return;
    const at = offset + layout.validityWord + (validityBit >>> 5);
    page.u32[at] = (page.u32[at] as number) | (1 << (validityBit & 31));
  };
  // A null column's words are zero, so the sum needs no case of its own.
  const { range, wideRange } = kindOf(column.column);
  if (wideRange) {
    const view = column.kind as 'i64' | 'u64';
    const [low, high] = wideRange;
    const sum = (page: RowPage, offset: number, row: number) =>
      (page[view][(offset + word) >> 1] as bigint) + (values[row] as bigint);
    return {
      fits: (page, offset, row) => {
        const result = sum(page, offset, row);
        return result >= low && result <= high;
      },
      write: (page, offset, row) => {
        if (isNullAt(addends, row)) return;
        page[view][(offset + word) >> 1] = sum(page, offset, row);
        markPresent(page, offset);
      },
    };
  }
  const view = column.kind as 'u32' | 'i32' | 'f32' | 'f64';
  const shift = view === 'f64' ? 1 : 0;
  const sum = (page: RowPage, offset: number, row: number) =>
    (page[view][(offset + word) >> shift] as number) + (values[row] as number);
  return {
    fits: (page, offset, row) => {
      const result = sum(page, offset, row);
      if (!range) return Number.isFinite(view === 'f32' ? Math.fround(result) : result);
      return Number.isInteger(result) && result >= range[0] && result <= range[1];
    },
    write: (page, offset, row) => {
      if (isNullAt(addends, row)) return;
      page[view][(offset + word) >> shift] = sum(page, offset, row);
      markPresent(page, offset);
    },
  };
}
