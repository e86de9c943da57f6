import { columnOrPart } from '../../model/kinds.ts';
import type { ColumnDefinition, Scalar } from '../../model/types.ts';
import type { Filter } from '../../query/filter.ts';
import { rowPredicate } from '../../query/row-predicate.ts';
import { bitAt, type ColumnVector, valueAt } from '../../vectors/column-vector.ts';
import type { SourceRows } from './source-rows.ts';
import type { SourceColumn } from './table-source.ts';

/**
 * A filter over columns: writes 1 for every row that matches and 0 for every other. The meaning is
 * `rowPredicate`'s to the letter; what is not decided on the columns themselves is given to it.
 */
export type RowMask = (source: Pick<SourceRows, 'length' | 'column'>, mask: Uint8Array) => void;

export function compileRowMask(
  filter: Filter,
  columns: ReadonlyMap<string, ColumnDefinition>,
): RowMask {
  switch (filter.kind) {
    case 'and':
      return combine(
        filter.all.map((inner) => compileRowMask(inner, columns)),
        1,
        (a, b) => a & b,
      );
    case 'or':
      return combine(
        filter.any.map((inner) => compileRowMask(inner, columns)),
        0,
        (a, b) => a | b,
      );
    case 'not': {
      const inner = compileRowMask(filter.inner, columns);
      return (source, mask) => {
        inner(source, mask);
        for (let row = 0; row < source.length; row++) mask[row] = 1 - (mask[row] as number);
      };
    }
    default: {
      const column = columnOrPart((name) => columns.get(name), filter.column);
      if (!column) throw new RangeError(`a checked filter names a column: ${filter.column}`);
      return filter.kind === 'isNull' ? nullness(filter) : comparison(filter, column);
    }
  }
}

function combine(
  parts: readonly RowMask[],
  empty: 0 | 1,
  join: (a: number, b: number) => number,
): RowMask {
  const [first, ...others] = parts;
  if (!first) return (source, mask) => void mask.fill(empty, 0, source.length);
  let scratch = new Uint8Array(0);
  return (source, mask) => {
    first(source, mask);
    for (const other of others) {
      if (scratch.length < source.length) scratch = new Uint8Array(source.length * 2);
      other(source, scratch);
      for (let row = 0; row < source.length; row++) {
        mask[row] = join(mask[row] as number, scratch[row] as number);
      }
    }
  };
}

function nullness(filter: Filter & { kind: 'isNull' }): RowMask {
  return (source, mask) => {
    const input = source.column(filter.column);
    const validity = input.layout === 'constant' ? null : input.validity;
    if (validity === null) {
      mask.fill(Number(!filter.isNull), 0, source.length);
      return;
    }
    for (let row = 0; row < source.length; row++) {
      mask[row] = Number(bitAt(validity, row) !== filter.isNull);
    }
  };
}

type Comparison = Exclude<Filter, { kind: 'and' | 'or' | 'not' | 'isNull' }>;

function comparison(filter: Comparison, column: ColumnDefinition): RowMask {
  const test = scalarTest(filter);
  const rows = rowTest(filter, column, test);
  return (source, mask) => {
    const input: SourceColumn = source.column(filter.column);
    if (input.layout === 'constant') {
      mask.fill(Number(test(input.value)), 0, source.length);
      return;
    }
    rows(input, mask, source.length);
    const { validity } = input;
    if (validity === null) return;
    for (let row = 0; row < source.length; row++) {
      if (!bitAt(validity, row)) mask[row] = 0;
    }
  };
}

function scalarTest(filter: Comparison): (value: Scalar) => boolean {
  // Under a name that is no part's: the value is there already.
  const predicate = rowPredicate({ ...filter, column: 'value' });
  return (value) => predicate({ value });
}

/** Decides every row that is not null; what it writes for a null is overwritten. */
function rowTest(
  filter: Comparison,
  column: ColumnDefinition,
  test: (value: Scalar) => boolean,
): (vector: ColumnVector, mask: Uint8Array, length: number) => void {
  if (column.kind === 'bool' || column.kind === 'enum') {
    // So few values that each is decided once.
    const values: readonly Scalar[] = column.kind === 'bool' ? [false, true] : column.values;
    const verdicts = Uint8Array.from(values, (value) => Number(test(value)));
    return (vector, mask, length) => {
      if (vector.layout === 'bool') {
        for (let row = 0; row < length; row++) {
          mask[row] = verdicts[Number(bitAt(vector.bits, row))] as number;
        }
      } else if (vector.layout === 'fixed') {
        for (let row = 0; row < length; row++) {
          mask[row] = verdicts[vector.values[row] as number] as number;
        }
      }
    };
  }
  const ofNumber = numberTest(filter);
  const texts = textOperands(filter, column);
  return (vector, mask, length) => {
    if (ofNumber && vector.layout === 'fixed' && typeof vector.values[0] === 'number') {
      for (let row = 0; row < length; row++) {
        mask[row] = Number(ofNumber(vector.values[row] as number));
      }
    } else if (texts && vector.layout === 'binary') {
      const { data, offsets } = vector;
      for (let row = 0; row < length; row++) {
        const from = offsets[row] as number;
        const to = offsets[row + 1] as number;
        const found = texts.operands.some((operand) => equal(operand, data, from, to));
        mask[row] = Number(found !== texts.negated);
      }
    } else {
      for (let row = 0; row < length; row++) {
        const value = valueAt(vector, row);
        mask[row] = Number(value !== null && test(value as Scalar));
      }
    }
  };
}

function numberTest(filter: Comparison): ((value: number) => boolean) | null {
  if (filter.kind === 'between') {
    const { low, high } = filter;
    if (typeof low !== 'number' || typeof high !== 'number') return null;
    return (value) => value >= low && value <= high;
  }
  if (filter.kind !== 'compare' || typeof filter.value !== 'number') return null;
  const operand = filter.value;
  switch (filter.op) {
    case 'eq':
      return (value) => value === operand;
    case 'ne':
      return (value) => value !== operand;
    case 'lt':
      return (value) => value < operand;
    case 'lte':
      return (value) => value <= operand;
    case 'gt':
      return (value) => value > operand;
    case 'gte':
      return (value) => value >= operand;
    case 'like':
      return null;
  }
}

interface TextOperands {
  readonly operands: readonly Uint8Array[];
  readonly negated: boolean;
}

/** Equality of texts is equality of their UTF-8 bytes: no row is decoded for it. */
function textOperands(filter: Comparison, column: ColumnDefinition): TextOperands | null {
  if (column.kind !== 'string' && column.kind !== 'bytes') return null;
  if (filter.kind === 'in' && filter.values.length <= 8) {
    return { operands: filter.values.map(bytesOf), negated: false };
  }
  if (filter.kind !== 'compare' || (filter.op !== 'eq' && filter.op !== 'ne')) return null;
  return { operands: [bytesOf(filter.value)], negated: filter.op === 'ne' };
}

const encoder = new TextEncoder();

function bytesOf(value: Scalar): Uint8Array {
  return value instanceof Uint8Array ? value : encoder.encode(value as string);
}

function equal(operand: Uint8Array, data: Uint8Array, from: number, to: number): boolean {
  if (operand.length !== to - from) return false;
  for (let i = 0; i < operand.length; i++) if (operand[i] !== data[from + i]) return false;
  return true;
}
