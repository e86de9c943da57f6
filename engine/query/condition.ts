import type { Scalar } from '../model/types.ts';

/**
 * A checked predicate on a row, wherever it was written: a `where`, a `require`, a view's `where`, a
 * role's row rule. A leaf asks something of one column, or of a part of one (`velocity.x`).
 *
 * Three-valued logic is not exposed: a comparison with null is false, `ne` too; only `isNull` sees
 * nulls; `not` negates the truth of its inside.
 */
export type Condition<Leaf extends AnyLeaf = Comparison> =
  | ConditionAnd<Leaf>
  | ConditionOr<Leaf>
  | { readonly kind: 'not'; readonly inner: Condition<Leaf> }
  | Leaf;

interface ConditionAnd<Leaf extends AnyLeaf> {
  readonly kind: 'and';
  readonly all: readonly Condition<Leaf>[];
}

interface ConditionOr<Leaf extends AnyLeaf> {
  readonly kind: 'or';
  readonly any: readonly Condition<Leaf>[];
}

/** A leaf with its values, in the column's in-memory shape. */
export type Comparison =
  | {
      readonly kind: 'compare';
      readonly column: string;
      readonly op: CompareOp;
      readonly value: Scalar;
    }
  | { readonly kind: 'in'; readonly column: string; readonly values: readonly Scalar[] }
  /** Inclusive at both ends. */
  | {
      readonly kind: 'between';
      readonly column: string;
      readonly low: Scalar;
      readonly high: Scalar;
    }
  | Presence;

/** A leaf whose value stands apart, as operand of that number; see `condition-form.ts`. */
export type FormLeaf =
  | {
      readonly kind: 'compare';
      readonly column: string;
      readonly op: CompareOp;
      readonly operand: number;
    }
  | Presence;

interface Presence {
  readonly kind: 'isNull';
  readonly column: string;
  readonly isNull: boolean;
}

export type AnyLeaf = Comparison | FormLeaf;

/** `like`: SQL's, `%` any run, `_` one character, `\` escapes; strings only. */
export type CompareOp = 'eq' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte' | 'like';

export const conditionTrue: Condition = { kind: 'and', all: [] };

/**
 * The condition that holds where all hold, in one spelling: no conjunction directly within another,
 * and none of one part. A planner sees one list, and equal conditions are equal bytes in the log.
 */
export function conjunction<Leaf extends AnyLeaf>(
  all: readonly Condition<Leaf>[],
): Condition<Leaf> {
  const flat = all.flatMap((part) => (part.kind === 'and' ? part.all : [part]));
  const [only] = flat;
  return flat.length === 1 && only ? only : { kind: 'and', all: flat };
}

/** What a condition comes to, from the leaves up: `parts` are what the members came to. */
export type ConditionVisitor<Result, Leaf extends AnyLeaf = Comparison> = {
  and(parts: readonly Result[], condition: ConditionAnd<Leaf>): Result;
  or(parts: readonly Result[], condition: ConditionOr<Leaf>): Result;
  not(inner: Result): Result;
} & { readonly [Kind in Leaf['kind']]: (leaf: Extract<Leaf, { kind: Kind }>) => Result };

/** The one walk through a condition. Every use of one is a visitor of it. */
export function walkCondition<Result, Leaf extends AnyLeaf = Comparison>(
  condition: Condition<Leaf>,
  visitor: ConditionVisitor<Result, Leaf>,
): Result {
  const walk = (part: Condition<Leaf>): Result => walkCondition(part, visitor);
  switch (condition.kind) {
    case 'and':
      return visitor.and(condition.all.map(walk), condition);
    case 'or':
      return visitor.or(condition.any.map(walk), condition);
    case 'not':
      return visitor.not(walk(condition.inner));
    default:
      return (visitor[condition.kind as Leaf['kind']] as (leaf: typeof condition) => Result)(
        condition,
      );
  }
}

/** Whether what is given meets a condition. */
export type ConditionTest<A, B = void, C = void> = (a: A, b: B, c: C) => boolean;

/** The connectives of a visitor that makes tests. */
export function testConnectives<A, B = void, C = void>() {
  type Test = ConditionTest<A, B, C>;
  return {
    and: (parts: readonly Test[]): Test =>
      parts.length === 1 ? (parts[0] as Test) : (a, b, c) => parts.every((part) => part(a, b, c)),
    or: (parts: readonly Test[]): Test =>
      parts.length === 1 ? (parts[0] as Test) : (a, b, c) => parts.some((part) => part(a, b, c)),
    not:
      (inner: Test): Test =>
      (a, b, c) =>
        !inner(a, b, c),
  };
}
