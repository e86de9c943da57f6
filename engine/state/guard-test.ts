import type { Guard, GuardCondition } from '../query/guard.ts';
import { type LikeMatcher, likeMatcher, likeUnits } from '../query/like-pattern.ts';
import type { BytePool } from './byte-pool.ts';
import { type ColumnWords, columnWords } from './column-words.ts';
import { isPresent, readValue } from './row-codec.ts';
import { type ColumnLayout, placeOf, type RowLayout } from './row-layout.ts';
import { newPage, type RowPage } from './row-pages.ts';

/** Whether the row at `offset` satisfies the guard with the operands of effect `row`. */
export type GuardTest = (page: RowPage, offset: number, row: number) => boolean;

export interface CompiledGuard {
  readonly test: GuardTest;
  /** To be released after the tick (`releaseWords`). */
  readonly operands: readonly ColumnWords[];
}

/** What tests have cost beyond a comparison each: long texts do. */
export interface TestMeter {
  units: number;
}

/** A guard as a test on rows in place: no row object is made. */
export function compileGuard(
  guard: Guard,
  layout: RowLayout,
  pool: BytePool,
  meter: TestMeter = { units: 0 },
): CompiledGuard {
  const operands = guard.operands.map((vector) => columnWords(vector, pool));
  return { test: compile(guard.condition, { layout, pool, operands, meter }), operands };
}

interface Scope {
  readonly layout: RowLayout;
  readonly pool: BytePool;
  readonly operands: readonly ColumnWords[];
  readonly meter: TestMeter;
}

function compile(condition: GuardCondition, scope: Scope): GuardTest {
  switch (condition.kind) {
    case 'and': {
      const parts = condition.all.map((part) => compile(part, scope));
      if (parts.length === 1) return parts[0] as GuardTest;
      return (page, offset, row) => parts.every((part) => part(page, offset, row));
    }
    case 'or': {
      const parts = compileAlternatives(condition.any, scope);
      if (parts.length === 1) return parts[0] as GuardTest;
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

type Comparison = Extract<GuardCondition, { kind: 'compare' }>;

/** How many values there must be for a look into a set to be worth it. */
const membersMin = 4;

/** Equalities of one column with values that are the same for every effect are one look into a set. */
function compileAlternatives(any: readonly GuardCondition[], scope: Scope): GuardTest[] {
  const members = new Map<string, Comparison[]>();
  const others: GuardCondition[] = [];
  for (const part of any) {
    if (part.kind !== 'compare' || part.op !== 'eq' || !isConstant(operandOf(part, scope))) {
      others.push(part);
      continue;
    }
    const known = members.get(part.column);
    if (known) known.push(part);
    else members.set(part.column, [part]);
  }
  const tests: GuardTest[] = [];
  for (const [name, parts] of members) {
    if (parts.length < membersMin) {
      others.push(...parts);
      continue;
    }
    const values = parts.map((part) => firstOf(operandOf(part, scope)));
    tests.push(membershipTest(columnOf(scope.layout, name), values, scope));
  }
  return [...tests, ...others.map((part) => compile(part, scope))];
}

/** Whether the row's value is among all those of `operands`: one look into a set. */
export function membershipTest(
  column: ColumnLayout,
  operands: readonly ColumnWords[],
  { layout }: Pick<Scope, 'layout'>,
): GuardTest {
  const present = presence(column, layout);
  const read = valueReader(column);
  const readOperand = valueReader({ ...column, word: 0 });
  const values = new Set<number | bigint>();
  const page = newPage(1, 2);
  for (const { words, width } of operands) {
    for (let at = 0; at < words.length; at += width) {
      page.u32.set(words.subarray(at, at + width));
      values.add(readOperand(page, 0));
    }
  }
  return (target, offset, row) => present(target, offset, row) && values.has(read(target, offset));
}

function firstOf(operand: ColumnWords): ColumnWords {
  return { ...operand, words: operand.words.subarray(0, operand.width) };
}

/** Reads what is equal where values are equal: a set takes minus zero for zero, as `eq` does. */
function valueReader(column: ColumnLayout): (page: RowPage, offset: number) => number | bigint {
  const { word } = column;
  switch (column.kind) {
    case 'f32':
      return (page, offset) => page.f32[offset + word] as number;
    case 'f64':
      return (page, offset) => page.f64[(offset + word) >> 1] as number;
    case 'i64':
    case 'u64':
      return (page, offset) => page.i64[(offset + word) >> 1] as bigint;
    default:
      return (page, offset) => page.u32[offset + word] as number;
  }
}

function isConstant({ words, width, validity }: ColumnWords): boolean {
  if (validity !== null || words.length < width) return false;
  for (let i = width; i < words.length; i++) if (words[i] !== words[i - width]) return false;
  return true;
}

function operandOf(condition: Comparison, { operands }: Scope): ColumnWords {
  const operand = operands[condition.operand];
  if (!operand) throw new RangeError(`the guard has no operand ${condition.operand}`);
  return operand;
}

function presence(column: ColumnLayout, layout: RowLayout): GuardTest {
  return column.validityBit < 0
    ? () => true
    : (page, offset) => isPresent(layout, column, page, offset);
}

/** Whether a text matches the pattern of operand `row`; each pattern is compiled once. */
function compileLike(column: ColumnLayout, operand: ColumnWords, scope: Scope): GuardTest {
  const { layout, pool, meter } = scope;
  const present = presence(column, scope.layout);
  const patterns = new Map<number, { readonly matches: LikeMatcher; readonly perByte: number }>();
  const patternOf = (id: number) => {
    const text = Buffer.from(pool.bytes(id)).toString('utf8');
    const pattern = { matches: likeMatcher(text), perByte: likeUnits(text).perByte };
    patterns.set(id, pattern);
    return pattern;
  };
  return (page, offset, row) => {
    if (!present(page, offset, row)) return false;
    const id = operand.words[row] as number;
    const { matches, perByte } = patterns.get(id) ?? patternOf(id);
    if (column.kind !== 'pool') {
      return matches(readValue(layout, column, page, offset, pool) as string);
    }
    const text = pool.bytes(page.u32[offset + column.word] as number);
    meter.units += Math.ceil(text.length * perByte);
    return matches(text);
  };
}

function compileCompare(condition: Comparison, scope: Scope): GuardTest {
  const column = columnOf(scope.layout, condition.column);
  const operand = operandOf(condition, scope);
  const present = presence(column, scope.layout);
  const { op } = condition;
  if ((op === 'eq' || op === 'ne') && column.words === 1 && column.kind !== 'f32') {
    // Equal values are equal words: integers, enums, ids of pooled strings.
    const wanted = op === 'eq';
    const { words } = operand;
    return (page, offset, row) =>
      present(page, offset, row) && (page.u32[offset + column.word] === words[row]) === wanted;
  }
  if (op === 'like') return compileLike(column, operand, scope);
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
