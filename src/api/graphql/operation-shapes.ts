import { hash } from 'node:crypto';
import {
  type DocumentNode,
  Kind,
  type OperationDefinitionNode,
  print,
  separateOperations,
  visit,
} from 'graphql';
import { limits } from '../../../engine/model/limits.ts';
import type { OperationShape } from '../../../resolvers/insight/finished-operation.ts';

const known = new WeakMap<OperationDefinitionNode, OperationShape>();

/**
 * The shape of an operation of a valid document: its text, with the fragments it uses and `_` in the
 * place of values, as graphql-js prints it. Worked out once a parsed document.
 */
export function shapeOf(
  document: DocumentNode,
  operation: OperationDefinitionNode,
): OperationShape {
  let shape = known.get(operation);
  if (shape === undefined) {
    const name = operation.name?.value ?? null;
    // An operation without a name is the only one of its document.
    const own = name === null ? document : (separateOperations(document)[name] ?? document);
    shape = textShape(name, print(withoutValues(own)));
    known.set(operation, shape);
  }
  return shape;
}

/** The shape with more to it than its document tells, such as SQL. */
export function shapeWith(shape: OperationShape, more: readonly string[]): OperationShape {
  return more.length === 0 ? shape : textShape(shape.name, `${more.join('; ')} -- ${shape.text}`);
}

export function textShape(name: string | null, text: string): OperationShape {
  const fingerprint = hash('sha256', text, 'hex').slice(0, 32);
  const max = limits.operationTextLengthMax;
  return { fingerprint, name, text: text.length <= max ? text : `${text.slice(0, max)}…` };
}

const hidden = { kind: Kind.ENUM, value: '_' } as const;
const hide = () => hidden;

/** Lists of values count as one value, however long they are. */
function withoutValues(document: DocumentNode): DocumentNode {
  return visit(document, {
    IntValue: hide,
    FloatValue: hide,
    StringValue: hide,
    BooleanValue: hide,
    ListValue: (node) => (node.values.some(isVariable) ? undefined : hidden),
  });
}

function isVariable({ kind }: { readonly kind: Kind }): boolean {
  return kind === Kind.VARIABLE;
}
