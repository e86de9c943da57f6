import type { DocumentNode, ExecutionResult } from 'graphql';
import type { Answers } from './answer.ts';
import type { Executor } from './executor.ts';
import type { GraphqlParams } from './graphql-params.ts';
import type { OperationContext } from './operation-context.ts';

export interface KnownOperation {
  /** Of a mutation; found valid before. */
  readonly document: DocumentNode;
  readonly params: GraphqlParams;
  readonly context: OperationContext;
}

/**
 * Runs a mutation whose document ran before. Parsing and validating it, and what else yoga does
 * for an operation, would cost a small tick more than its execution does.
 */
export async function executeKnown(
  executor: Executor,
  answers: Answers,
  { document, params, context }: KnownOperation,
): Promise<ExecutionResult> {
  const result = await executor.execute({
    document,
    variableValues: params.variables,
    operationName: params.operationName,
    contextValue: context,
  });
  return answers.result(result, context, 'mutation');
}
