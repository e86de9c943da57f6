import { columnOrPart, kindOf } from '../../model/kinds.ts';
import type { ColumnDefinition, Scalar } from '../../model/types.ts';
import { type Comparison, type Condition, walkCondition } from '../../query/condition.ts';
import { rowPredicate } from '../../query/row-predicate.ts';
import { bitAt, type ColumnVector, valueAt } from '../../vectors/column-vector.ts';
import type { SourceRows } from './source-rows.ts';
import type { SourceColumn } from './table-source.ts';

/**
 * A condition over columns: writes 1 for every row that meets it and 0 for every other. The meaning
 * is `rowPredicate`'s to the letter; what is not decided on the columns themselves is given to it.
 */
export type RowMask = (source: Pick<SourceRows, 'length' | 'column'>, mask: Uint8Array) => void;

export function compileRowMask(
  condition: Condition,
  columns: ReadonlyMap<string, ColumnDefinition>,
): RowMask {
  const onColumn = (leaf: ValueComparison): RowMask => {
    const column = columnOrPart((name) => columns.get(name), leaf.column);
    if (!column) throw new RangeError(`a checked condition names a column: ${leaf.column}`);
    return comparison(leaf, column);
  };
  return walkCondition<RowMask>(condition, {
    and: (parts) => combine(parts, 1, (a, b) => a & b),
    or: (parts) => combine(parts, 0, (a, b) => a | b),
    not: (inner) => (source, mask) => {
      inner(source, mask);
      for (let row = 0; row < source.length; row++) mask[row] = 1 - (mask[row] as number);
    },
    compare: onColumn,
    in: onColumn,
    between: onColumn,
    isNull: presence,
  });
}

type ValueComparison = Exclude<Comparison, { kind: 'isNull' }>;

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

function presence({ column, isNull }: Extract<Comparison, { kind: 'isNull' }>): RowMask {
  return (source, mask) => {
    const input = source.column(column);
    const validity = input.layout === 'constant' ? null : input.validity;
    if (validity === null) {
      mask.fill(Number(!isNull), 0, source.length);
      return;
    }
    for (let row = 0; row < source.length; row++) {
      mask[row] = Number(bitAt(validity, row) !== isNull);
    }
  };
}

function comparison(leaf: ValueComparison, column: ColumnDefinition): RowMask {
  const test = scalarTest(leaf);
  const rows = rowTest(leaf, column, test);
  return (source, mask) => {
    const input: SourceColumn = source.column(leaf.column);
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

function scalarTest(leaf: ValueComparison): (value: Scalar) => boolean {
  // Under a name that is no part's: the value is there already.
  const predicate = rowPredicate({ ...leaf, column: 'value' });
  return (value) => predicate({ value });
}

/** Decides every row that is not null; what it writes for a null is overwritten. */
function rowTest(
  leaf: ValueComparison,
  column: ColumnDefinition,
  test: (value: Scalar) => boolean,
): (vector: ColumnVector, mask: Uint8Array, length: number) => void {
  const { form } = kindOf(column);
  if (form === 'bool' || form === 'enum') {
    // So few values that each is decided once.
    const values: readonly Scalar[] = form === 'bool' ? [false, true] : column.values;
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
  const ofNumber = numberTest(leaf);
  const texts = textOperands(leaf, column);
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

function numberTest(leaf: ValueComparison): ((value: number) => boolean) | null {
  if (leaf.kind === 'between') {
    const { low, high } = leaf;
    if (typeof low !== 'number' || typeof high !== 'number') return null;
    return (value) => value >= low && value <= high;
  }
  if (leaf.kind !== 'compare' || typeof leaf.value !== 'number') return null;
  const operand = leaf.value;
  switch (leaf.op) {
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
function textOperands(leaf: ValueComparison, column: ColumnDefinition): TextOperands | null {
  if (kindOf(column).layout !== 'binary') return null;
  if (leaf.kind === 'in' && leaf.values.length <= 8) {
    return { operands: leaf.values.map(bytesOf), negated: false };
  }
  if (leaf.kind !== 'compare' || (leaf.op !== 'eq' && leaf.op !== 'ne')) return null;
  return { operands: [bytesOf(leaf.value)], negated: leaf.op === 'ne' };
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
