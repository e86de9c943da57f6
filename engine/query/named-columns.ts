import {
  type AnyLeaf,
  type Comparison,
  type Condition,
  type ConditionVisitor,
  walkCondition,
} from './condition.ts';

/** The columns, and parts of columns, that a condition looks at. */
export function namedColumns<Leaf extends AnyLeaf = Comparison>(
  condition: Condition<Leaf> | null,
): readonly string[] {
  if (condition === null) return [];
  const all = (parts: readonly (readonly string[])[]) => parts.flat();
  const own = ({ column }: { readonly column: string }) => [column];
  const visitor = {
    and: all,
    or: all,
    not: (inner: readonly string[]) => inner,
    compare: own,
    in: own,
    between: own,
    isNull: own,
  };
  return walkCondition(condition, visitor as ConditionVisitor<readonly string[], Leaf>);
}
