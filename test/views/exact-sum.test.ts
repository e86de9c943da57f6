import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { scaledDouble, unscaledDouble } from '../../engine/views/operators/scaled-double.ts';
import { ExactSumAggregate } from '../../engine/views/operators/sum-exact.ts';
import type { SourceRows } from '../../engine/views/sources/source-rows.ts';
import { runs } from '../budget.ts';
import { exactSum } from './naive-view.ts';

const anyDouble = fc.double({ noNaN: true, noDefaultInfinity: true });
const double = fc.oneof(
  anyDouble,
  fc.constantFrom(0, 5e-324, 2.3e-308, 0.1, 1, 1e16, 1.7e308, -1.7e308, 2 ** 53, -(2 ** -60)),
);
const column = { name: 'x', kind: 'f64', optional: false, list: false, values: [] } as const;

/** Rows of one group. */
function rowsOf(values: readonly number[]): SourceRows {
  const { length } = values;
  const vector = { layout: 'fixed', column, length, validity: null } as const;
  return {
    length,
    tick: 0,
    column: () => ({ ...vector, values: Float64Array.from(values) }),
    lanes: () => [],
    mask: () => null,
  };
}

describe('doubles as multiples of the least one', () => {
  test('are rounded as IEEE 754 rounds an addition', () => {
    fc.assert(
      fc.property(double, double, (a, b) => {
        // Minus zero and zero are one.
        expect(unscaledDouble(scaledDouble(a) + scaledDouble(b))).toBe(a + b + 0);
      }),
      { numRuns: runs(5_000) },
    );
  });
});

describe('an exact sum', () => {
  test('is the double nearest to the sum of the rows that are left, whatever came and went', () => {
    const steps = fc.array(fc.record({ value: double, isTakenBack: fc.boolean() }), {
      maxLength: 40,
      size: 'max',
    });
    fc.assert(
      fc.property(steps, (plan) => {
        const sum = new ExactSumAggregate(column);
        for (const lane of [...sum.lanes, ...sum.beside]) lane.grow(1);
        const groups = new Uint32Array(100);
        const left: number[] = [];
        const check = () => expect(sum.value(sum.lanes, 0, 0)).toBe(exactSum(left));
        for (const { value, isTakenBack } of plan) {
          sum.fold(rowsOf([value]), groups, null, 1);
          left.push(value);
          check();
          if (!isTakenBack) continue;
          const [first = 0] = left.splice(0, 1);
          sum.fold(rowsOf([first]), groups, null, -1);
          check();
        }
        sum.fold(rowsOf(left), groups, null, -1);
        // Nothing is left of it, nor of what it needed on the way.
        expect([...sum.lanes, ...sum.beside].map((lane) => lane.values[0])).toEqual([0, 0]);
        expect(sum.memoryBytes).toBe(0);
      }),
      { numRuns: runs(500) },
    );
  });
});
