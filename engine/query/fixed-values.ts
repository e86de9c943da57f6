import type { Scalar } from '../model/types.ts';
import { type Condition, walkCondition } from './condition.ts';

type FixedValues = ReadonlyMap<string, readonly Scalar[]>;

const none: FixedValues = new Map();

/**
 * The columns that a condition compares with `eq` or `in` wherever it holds, and with which values:
 * a row that meets it has one of them there.
 */
export function fixedValues(condition: Condition | null): FixedValues {
  if (condition === null) return none;
  return walkCondition<FixedValues>(condition, {
    and: (parts) => {
      const fixed = new Map<string, readonly Scalar[]>();
      for (const [column, values] of parts.flatMap((part) => [...part])) {
        const known = fixed.get(column);
        if (!known || values.length < known.length) fixed.set(column, values);
      }
      return fixed;
    },
    or: () => none,
    not: () => none,
    compare: ({ column, op, value }) => (op === 'eq' ? new Map([[column, [value]]]) : none),
    in: ({ column, values }) => new Map([[column, [...new Set(values)]]]),
    between: () => none,
    isNull: () => none,
  });
}

/** A column that has one value in every row that meets a condition. */
export interface PinnedValue {
  readonly column: string;
  readonly value: Exclude<Scalar, object>;
}

/**
 * The first of `columns` that the condition pins to a value, null where it pins none of them: a row
 * with another value there need not be tested. Bytes and parts pin nothing: they are equal without
 * being one.
 */
export function pinnedValue(
  condition: Condition | null,
  columns: ReadonlySet<string>,
): PinnedValue | null {
  for (const [column, [value, ...others]] of fixedValues(condition)) {
    if (value === undefined || others.length > 0 || !columns.has(column)) continue;
    if (typeof value !== 'object') return { column, value };
  }
  return null;
}

const sessionColumn: ReadonlySet<string> = new Set(['sessionId']);

/**
 * The one session that rows meeting the condition can belong to, or null where it does not say. A
 * feed then need not look at the ticks of other sessions.
 */
export function sessionOf(condition: Condition | null): string | null {
  return (pinnedValue(condition, sessionColumn)?.value as string | undefined) ?? null;
}
