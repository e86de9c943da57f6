import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Row, Scalar, Value } from '../../engine/model/types.ts';
import type { CompareOp, Condition } from '../../engine/query/condition.ts';
import { parseWhere } from '../../engine/query/parse-where.ts';
import { rowPredicate } from '../../engine/query/row-predicate.ts';
import { runs } from '../budget.ts';
import { columns } from './columns.ts';

describe('a filter on rows', () => {
  const holds = (where: unknown, row: Row) =>
    rowPredicate(parseWhere(columns, where, 'where'))(row);

  test('that is absent accepts every row', () => {
    expect(rowPredicate(null)({})).toBe(true);
    expect(holds({}, {})).toBe(true);
  });

  test('says no to every comparison with null, and its negation says yes', () => {
    const conditions = [
      { eq: 1 },
      { ne: 1 },
      { lt: 1 },
      { lte: 1 },
      { gt: 1 },
      { gte: 1 },
      { in: [1] },
      { between: [0, 2] },
      { isNull: false },
    ];
    for (const condition of conditions) {
      for (const row of [{ u32: null }, {}]) {
        expect(holds({ u32: condition }, row)).toBe(false);
        expect(holds({ not: { u32: condition } }, row)).toBe(true);
      }
    }
    expect(holds({ u32: { isNull: true } }, { u32: null })).toBe(true);
    expect(holds({ u32: { isNull: true } }, { u32: 0 })).toBe(false);
  });

  test('tells bytes and lists of bytes by content', () => {
    const row = { bytes: new Uint8Array([1, 2]) };
    expect(holds({ bytes: { eq: 'AQI=' } }, row)).toBe(true);
    expect(holds({ bytes: { ne: 'AQI=' } }, row)).toBe(false);
    expect(holds({ bytes: { in: ['AQ==', 'AQI='] } }, row)).toBe(true);
    expect(holds({ bytes: { in: ['AQ=='] } }, row)).toBe(false);
  });

  test('finds a value that was stored as f32', () => {
    expect(holds({ f32: { eq: 0.1 } }, { f32: Math.fround(0.1) })).toBe(true);
  });

  test('knows one zero', () => {
    expect(holds({ f64: { eq: 0 } }, { f64: -0 })).toBe(true);
    expect(holds({ f64: { in: [0] } }, { f64: -0 })).toBe(true);
    expect(holds({ f64: { between: [0, 1] } }, { f64: -0 })).toBe(true);
  });

  test('with an empty range or list accepts nothing', () => {
    expect(holds({ u32: { between: [5, 1] } }, { u32: 3 })).toBe(false);
    expect(holds({ u32: { in: [] } }, { u32: 3 })).toBe(false);
  });
});

test('a predicate agrees with a naive evaluation of the filter, whatever filter and row', () => {
  const value = {
    u32: fc.integer({ min: 0, max: 4 }),
    i64: fc.bigInt({ min: -2n, max: 2n }),
    f64: fc.constantFrom(-1.5, -0, 0, 0.5, 2),
    string: fc.string({ unit: fc.constantFrom('a', 'b', '\uffff', '😀'), maxLength: 3 }),
    bool: fc.boolean(),
    enum: fc.constantFrom('RED', 'GREEN', 'BLUE'),
    bytes: fc.uint8Array({ max: 1, maxLength: 2 }),
  };
  const ordered = ['u32', 'i64', 'f64', 'string'] as const;
  const any = [...ordered, 'bool', 'enum', 'bytes'] as const;
  const equality: readonly CompareOp[] = ['eq', 'ne'];
  const order: readonly CompareOp[] = ['lt', 'lte', 'gt', 'gte'];

  const compare = (names: readonly (typeof any)[number][], ops: readonly CompareOp[]) =>
    fc.constantFrom(...names).chain((column) =>
      fc.record({
        kind: fc.constant('compare' as const),
        column: fc.constant(column),
        op: fc.constantFrom(...ops),
        value: value[column] as fc.Arbitrary<Scalar>,
      }),
    );
  const like = fc.record({
    kind: fc.constant('compare' as const),
    column: fc.constant('string'),
    op: fc.constant('like' as const),
    value: fc.string({ unit: fc.constantFrom('a', 'b', '%', '_', '😀'), maxLength: 4 }),
  });
  const membership = fc.constantFrom(...any).chain((column) =>
    fc.record({
      kind: fc.constant('in' as const),
      column: fc.constant(column),
      values: fc.array(value[column] as fc.Arbitrary<Scalar>, { maxLength: 3 }),
    }),
  );
  const between = fc.constantFrom(...ordered).chain((column) =>
    fc.record({
      kind: fc.constant('between' as const),
      column: fc.constant(column),
      low: value[column] as fc.Arbitrary<Scalar>,
      high: value[column] as fc.Arbitrary<Scalar>,
    }),
  );
  const nullness = fc.record({
    kind: fc.constant('isNull' as const),
    column: fc.constantFrom(...any),
    isNull: fc.boolean(),
  });
  const { filter } = fc.letrec<{ filter: Condition }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      compare(any, equality),
      compare(ordered, order),
      like,
      membership,
      between,
      nullness,
      fc.record({
        kind: fc.constant('and' as const),
        all: fc.array(tie('filter'), { maxLength: 3 }),
      }),
      fc.record({
        kind: fc.constant('or' as const),
        any: fc.array(tie('filter'), { maxLength: 3 }),
      }),
      fc.record({ kind: fc.constant('not' as const), inner: tie('filter') }),
    ),
  }));
  const nullable = (arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: null, freq: 3 });
  const row = fc.record({
    u32: nullable(value.u32),
    i64: nullable(value.i64),
    f64: nullable(value.f64),
    string: nullable(value.string),
    bool: nullable(value.bool),
    enum: nullable(value.enum),
    bytes: nullable(value.bytes),
  });

  fc.assert(
    fc.property(filter, fc.array(row, { minLength: 1, maxLength: 10 }), (tree, rows) => {
      const predicate = rowPredicate(tree);
      for (const each of rows) expect(predicate(each)).toBe(naive(tree, each));
    }),
    { numRuns: runs(2_000) },
  );
});

/** The meaning of `filter.ts`, word by word, with Node's own tools for order and patterns. */
function naive(filter: Condition, row: Row): boolean {
  switch (filter.kind) {
    case 'and':
      return !filter.all.some((each) => !naive(each, row));
    case 'or':
      return filter.any.filter((each) => naive(each, row)).length > 0;
    case 'not':
      return !naive(filter.inner, row);
    case 'isNull':
      return filter.isNull ? row[filter.column] === null : row[filter.column] !== null;
    default: {
      const value = row[filter.column] as Scalar | null;
      if (value === null) return false;
      if (filter.kind === 'in') return filter.values.some((other) => sign(value, other) === 0);
      if (filter.kind === 'between') {
        return sign(value, filter.low) !== -1 && sign(value, filter.high) !== 1;
      }
      if (filter.op === 'like') {
        const source = String(filter.value).replaceAll('%', '.*').replaceAll('_', '.');
        return new RegExp(`^${source}$`, 'su').test(String(value));
      }
      const allowed = { eq: [0], ne: [-1, 1], lt: [-1], lte: [-1, 0], gt: [1], gte: [1, 0] };
      return allowed[filter.op].includes(sign(value, filter.value));
    }
  }
}

function sign(a: Scalar, b: Scalar): number {
  if (typeof a === 'string' || a instanceof Uint8Array) {
    return Buffer.compare(Buffer.from(a), Buffer.from(b as string | Uint8Array));
  }
  return a < b ? -1 : a > b ? 1 : 0;
}
