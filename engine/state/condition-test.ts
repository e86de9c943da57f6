import {
  type ConditionTest,
  type FormLeaf,
  testConnectives,
  walkCondition,
} from '../query/condition.ts';
import type { ConditionForm, StreamCondition } from '../query/condition-form.ts';
import { type LikeMatcher, likeMatcher, likeUnits } from '../query/like-pattern.ts';
import type { BytePool } from './byte-pool.ts';
import { type ColumnWords, columnWords } from './column-words.ts';
import { isPresent, readValue } from './row-codec.ts';
import { type ColumnLayout, placeOf, type RowLayout } from './row-layout.ts';
import { newPage, type RowPage } from './row-pages.ts';

/** Whether the row at `offset` meets the condition with the operands of effect `row`. */
export type PlaceTest = ConditionTest<RowPage, number, number>;

export interface CompiledCondition {
  readonly test: PlaceTest;
  /** To be released after the tick (`releaseWords`). */
  readonly operands: readonly ColumnWords[];
}

/** What tests have cost beyond a comparison each: long texts do. */
export interface TestMeter {
  units: number;
}

/** A condition as a test on rows in place: no row object is made. */
export function compileCondition(
  condition: StreamCondition,
  layout: RowLayout,
  pool: BytePool,
  meter: TestMeter = { units: 0 },
): CompiledCondition {
  const operands = condition.operands.map((vector) => columnWords(vector, pool));
  return { test: compile(condition.form, { layout, pool, operands, meter }), operands };
}

interface Scope {
  readonly layout: RowLayout;
  readonly pool: BytePool;
  readonly operands: readonly ColumnWords[];
  readonly meter: TestMeter;
}

const connectives = testConnectives<RowPage, number, number>();

function compile(form: ConditionForm, scope: Scope): PlaceTest {
  return walkCondition<PlaceTest, FormLeaf>(form, {
    ...connectives,
    or: (tests, { any }) => connectives.or(withMemberships(any, tests, scope)),
    isNull: (leaf) => {
      const column = columnOf(scope.layout, leaf.column);
      if (column.validityBit < 0) return () => !leaf.isNull;
      return (page, offset) => isPresent(scope.layout, column, page, offset) !== leaf.isNull;
    },
    compare: (leaf) => compileCompare(leaf, scope),
  });
}

type Comparison = Extract<FormLeaf, { kind: 'compare' }>;

/** How many values there must be for a look into a set to be worth it. */
const membersMin = 4;

/** Equalities of one column with values that are the same for every effect are one look into a set. */
function withMemberships(
  any: readonly ConditionForm[],
  tests: readonly PlaceTest[],
  scope: Scope,
): readonly PlaceTest[] {
  const members = new Map<string, Comparison[]>();
  for (const part of any) {
    if (part.kind !== 'compare' || part.op !== 'eq') continue;
    if (!isConstant(operandOf(part, scope))) continue;
    const known = members.get(part.column);
    if (known) known.push(part);
    else members.set(part.column, [part]);
  }
  const sets = [...members].filter(([, parts]) => parts.length >= membersMin);
  const looked = new Set<ConditionForm>(sets.flatMap(([, parts]) => parts));
  const memberships = sets.map(([name, parts]) => {
    const values = parts.map((part) => firstOf(operandOf(part, scope)));
    return membershipTest(columnOf(scope.layout, name), values, scope);
  });
  return [...memberships, ...tests.filter((_, i) => !looked.has(any[i] as ConditionForm))];
}

/** Whether the row's value is among all those of `operands`: one look into a set. */
export function membershipTest(
  column: ColumnLayout,
  operands: readonly ColumnWords[],
  { layout }: Pick<Scope, 'layout'>,
): PlaceTest {
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
  if (!operand) throw new RangeError(`the condition has no operand ${condition.operand}`);
  return operand;
}

function presence(column: ColumnLayout, layout: RowLayout): PlaceTest {
  return column.validityBit < 0
    ? () => true
    : (page, offset) => isPresent(layout, column, page, offset);
}

/** Whether a text matches the pattern of operand `row`; each pattern is compiled once. */
function compileLike(column: ColumnLayout, operand: ColumnWords, scope: Scope): PlaceTest {
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

function compileCompare(condition: Comparison, scope: Scope): PlaceTest {
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
  if (!column) throw new RangeError(`a checked condition names a column: "${name}"`);
  return column;
}
