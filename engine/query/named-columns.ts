import { type Condition, walkCondition } from './condition.ts';

/** The columns that a condition looks at. */
export function namedColumns(condition: Condition | null): readonly string[] {
  if (condition === null) return [];
  const all = (parts: readonly (readonly string[])[]) => parts.flat();
  const own = ({ column }: { readonly column: string }) => [column];
  return walkCondition<readonly string[]>(condition, {
    and: all,
    or: all,
    not: (inner) => inner,
    compare: own,
    in: own,
    between: own,
    isNull: own,
  });
}
