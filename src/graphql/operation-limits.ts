import {
  type ASTVisitor,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
} from 'graphql';
import { limits } from '../../engine/model/limits.ts';

/** A validation rule: refuses operations that nest deeper or select more than the bounds allow. */
export function OperationLimitsRule(context: ValidationContext): ASTVisitor {
  return {
    OperationDefinition(operation) {
      const excess = measure(operation.selectionSet, (name) => context.getFragment(name));
      if (excess !== null) {
        context.reportError(
          new GraphQLError(excess.message, {
            nodes: operation,
            extensions: { code: 'LIMIT_EXCEEDED', details: excess.details },
          }),
        );
      }
      return false;
    },
  };
}

interface Excess {
  readonly message: string;
  readonly details: { readonly limit: string; readonly max: number };
}

/**
 * Walks the selection as execution would, fragments spread out, and stops at the first bound that
 * is passed, so that the walk itself is bounded too. A fragment within itself ends at the depth.
 */
function measure(
  root: SelectionSetNode,
  fragment: (name: string) => FragmentDefinitionNode | null | undefined,
): Excess | null {
  let fields = 0;
  const pending: { readonly set: SelectionSetNode; readonly depth: number }[] = [
    { set: root, depth: 1 },
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.depth > limits.graphqlDepthMax) {
      return {
        message: `the operation nests deeper than ${limits.graphqlDepthMax} levels`,
        details: { limit: 'graphqlDepth', max: limits.graphqlDepthMax },
      };
    }
    for (const selection of next.set.selections) {
      fields += 1;
      if (fields > limits.graphqlFieldsMax) {
        return {
          message: `the operation selects more than ${limits.graphqlFieldsMax} fields`,
          details: { limit: 'graphqlFields', max: limits.graphqlFieldsMax },
        };
      }
      const set =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? fragment(selection.name.value)?.selectionSet
          : selection.selectionSet;
      if (set !== undefined) pending.push({ set, depth: next.depth + 1 });
    }
  }
  return null;
}
