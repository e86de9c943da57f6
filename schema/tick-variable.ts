import { type DocumentNode, Kind, OperationTypeNode } from 'graphql';

/** The variable in which an operation brings a whole tick. */
export interface TickVariable {
  readonly name: string;
  readonly operationName: string | null;
}

/**
 * The variable of a document that does nothing but commit a tick, all of whose input is that
 * variable: `mutation ($input: CommitTickInput!) { commitTick(input: $input) { … } }`. Null for
 * every other document. It must have passed validation.
 */
export function tickVariableOf(document: DocumentNode): TickVariable | null {
  const [operation, ...others] = document.definitions;
  if (operation?.kind !== Kind.OPERATION_DEFINITION || others.length > 0) return null;
  if (operation.operation !== OperationTypeNode.MUTATION) return null;
  const [variable, ...variables] = operation.variableDefinitions ?? [];
  const [field, ...fields] = operation.selectionSet.selections;
  if (!variable || variables.length > 0 || variable.defaultValue) return null;
  if (field?.kind !== Kind.FIELD || field.name.value !== 'commitTick' || fields.length > 0) {
    return null;
  }
  // Validation saw to it that the one argument is `input`, and that the variable has its type.
  const [argument] = field.arguments ?? [];
  const { value: name } = variable.variable.name;
  if (argument?.value.kind !== Kind.VARIABLE || argument.value.name.value !== name) return null;
  const hasDirectives = [operation, variable, field].some((node) => node.directives?.length);
  return hasDirectives ? null : { name, operationName: operation.name?.value ?? null };
}
