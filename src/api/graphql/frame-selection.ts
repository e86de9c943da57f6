import { createHash } from 'node:crypto';
import {
  type DocumentNode,
  type ExecutionArgs,
  getOperationAST,
  type SelectionNode,
  visit,
} from 'graphql';
import type { RoleDefinition } from '../../../engine/model/types.ts';
import type { OperationContext } from './operation-context.ts';

/**
 * Names what an operation makes of a frame: equal for subscribers whose answers to one frame have
 * the same text. The arguments of the subscription's own field are not part of it: they decide which
 * frames a subscriber gets, not how one is answered. Role and class are, as `extensions` tell the
 * class. The document counts as an object: documents that are cached are one for all who send them.
 */
export function frameSelection(args: ExecutionArgs, operation: OperationContext): string {
  const { document, operationName, variableValues } = args;
  const names = variablesOf(document, operationName);
  const variables = names.map((name) => [name, variableValues?.[name]]);
  const { queryClass } = operation.ticket;
  // What a role may see can change while its name stays.
  const role = operation.principal.role;
  const what = [operationName ?? null, role && numberOf(role), queryClass, variables];
  const digest = createHash('sha256').update(JSON.stringify(what)).digest('base64url');
  return `${numberOf(document)}:${digest}`;
}

/** The variables that are used anywhere but in the arguments of the operation's own fields. */
function variablesOf(
  document: DocumentNode,
  operationName: ExecutionArgs['operationName'],
): string[] {
  const fields = getOperationAST(document, operationName)?.selectionSet.selections ?? [];
  const roots = new Set<SelectionNode>(fields);
  const names = new Set<string>();
  visit(document, {
    VariableDefinition: () => false,
    Argument: (_node, _key, _parent, _path, ancestors) =>
      roots.has(ancestors.at(-1) as SelectionNode) ? false : undefined,
    Variable: ({ name }) => {
      names.add(name.value);
    },
  });
  return [...names].sort();
}

const numbers = new WeakMap<DocumentNode | RoleDefinition, number>();
let lastNumber = 0;

function numberOf(object: DocumentNode | RoleDefinition): number {
  const known = numbers.get(object);
  if (known !== undefined) return known;
  const number = ++lastNumber;
  numbers.set(object, number);
  return number;
}
