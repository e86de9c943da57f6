import type { Guard, GuardCondition } from '../query/guard.ts';
import { likeMatcher } from '../query/like-pattern.ts';
import type { BytePool } from './byte-pool.ts';
import { type ColumnWords, columnWords } from './column-words.ts';
import { isPresent, readValue } from './row-codec.ts';
import { type ColumnLayout, placeOf, type RowLayout } from './row-layout.ts';
import type { RowPage } from './row-pages.ts';

/** Whether the row at `offset` satisfies the guard with the operands of effect `row`. */
export type GuardTest = (page: RowPage, offset: number, row: number) => boolean;

export interface CompiledGuard {
  readonly test: GuardTest;
  /** To be released after the tick (`releaseWords`). */
  readonly operands: readonly ColumnWords[];
}

/** A guard as a test on rows in place: no row object is made. */
export function compileGuard(guard: Guard, layout: RowLayout, pool: BytePool): CompiledGuard {
  const operands = guard.operands.map((vector) => columnWords(vector, pool));
  return { test: compile(guard.condition, { layout, pool, operands }), operands };
}

interface Scope {
  readonly layout: RowLayout;
  readonly pool: BytePool;
  readonly operands: readonly ColumnWords[];
}

function compile(condition: GuardCondition, scope: Scope): GuardTest {
  switch (condition.kind) {
    case 'and': {
      const parts = condition.all.map((part) => compile(part, scope));
      if (parts.length === 1) return parts[0] as GuardTest;
      return (page, offset, row) => parts.every((part) => part(page, offset, row));
    }
    case 'or': {
      const parts = condition.any.map((part) => compile(part, scope));
      return (page, offset, row) => parts.some((part) => part(page, offset, row));
    }
    case 'not': {
      const inner = compile(condition.inner, scope);
      return (page, offset, row) => !inner(page, offset, row);
    }
    case 'isNull': {
      const column = columnOf(scope.layout, condition.column);
      if (column.validityBit < 0) return () => !condition.isNull;
      return (page, offset) => isPresent(scope.layout, column, page, offset) !== condition.isNull;
    }
    case 'compare':
      return compileCompare(condition, scope);
  }
}

function compileCompare(
  condition: Extract<GuardCondition, { kind: 'compare' }>,
  scope: Scope,
): GuardTest {
  const { layout, pool } = scope;
  const column = columnOf(layout, condition.column);
  const operand = scope.operands[condition.operand];
  if (!operand) throw new RangeError(`the guard has no operand ${condition.operand}`);
  const present: GuardTest =
    column.validityBit < 0 ? () => true : (page, offset) => isPresent(layout, column, page, offset);
  const { op } = condition;
  if ((op === 'eq' || op === 'ne') && column.words === 1 && column.kind !== 'f32') {
    // Equal values are equal words: integers, enums, ids of pooled strings.
    const wanted = op === 'eq';
    const { words } = operand;
    return (page, offset, row) =>
      present(page, offset, row) && (page.u32[offset + column.word] === words[row]) === wanted;
  }
  if (op === 'like') {
    return (page, offset, row) => {
      const text = readValue(layout, column, page, offset, pool);
      const pattern = Buffer.from(pool.bytes(operand.words[row] as number)).toString('utf8');
      return typeof text === 'string' && likeMatcher(pattern)(text);
    };
  }
  const order = compileOrder(column, operand, scope);
  return (page, offset, row) => {
    if (!present(page, offset, row)) return false;
    const sign = order(page, offset, row);
    switch (op) {
      case 'eq':
        return sign === 0;
      case 'ne':
        return sign !== 0;
      case 'lt':
        return sign < 0;
      case 'lte':
        return sign <= 0;
      case 'gt':
        return sign > 0;
      case 'gte':
        return sign >= 0;
    }
  };
}

/**
 * The sign of (row's value − operand). Enums compare by ordinal, strings by code point. Runs once an
 * effect: a closure for each way to read a word costs less than one that looks the way up.
 */
function compileOrder(
  column: ColumnLayout,
  operand: ColumnWords,
  scope: Scope,
): (page: RowPage, offset: number, row: number) => number {
  const { word } = column;
  const { buffer, byteOffset, length } = operand.words;
  switch (column.kind) {
    case 'pool':
      return (page, offset, row) =>
        scope.pool.compare(page.u32[offset + word] as number, operand.words[row] as number);
    case 'bool':
    case 'u32':
    case 'enum':
      return (page, offset, row) =>
        (page.u32[offset + word] as number) - (operand.words[row] as number);
    case 'i32': {
      const values = new Int32Array(buffer, byteOffset, length);
      return (page, offset, row) => (page.i32[offset + word] as number) - (values[row] as number);
    }
    case 'f32': {
      const values = new Float32Array(buffer, byteOffset, length);
      return (page, offset, row) => sign(page.f32[offset + word] as number, values[row] as number);
    }
    case 'f64': {
      const values = new Float64Array(buffer, byteOffset, length / 2);
      return (page, offset, row) =>
        sign(page.f64[(offset + word) >> 1] as number, values[row] as number);
    }
    case 'i64': {
      const values = new BigInt64Array(buffer, byteOffset, length / 2);
      return (page, offset, row) =>
        sign(page.i64[(offset + word) >> 1] as bigint, values[row] as bigint);
    }
    case 'u64': {
      const values = new BigUint64Array(buffer, byteOffset, length / 2);
      return (page, offset, row) =>
        sign(page.u64[(offset + word) >> 1] as bigint, values[row] as bigint);
    }
  }
}

function sign<T extends number | bigint>(left: T, right: T): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function columnOf(layout: RowLayout, name: string): ColumnLayout {
  const column = placeOf(layout, name);
  if (!column) throw new RangeError(`a checked guard has the column "${name}"`);
  return column;
}
