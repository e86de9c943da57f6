import { type ExecutionArgs, type ExecutionResult, execute, type GraphQLSchema } from 'graphql';
import { FastVariables } from '../../../schema/fast-variables.ts';

/** Runs valid queries and mutations of one title, whichever way they came. */
export class Executor {
  readonly #schema: GraphQLSchema;
  readonly #variables: FastVariables;

  constructor(schema: GraphQLSchema) {
    this.#schema = schema;
    this.#variables = new FastVariables(schema);
  }

  /** graphql-js's own `execute`; its errors have no public form yet. */
  execute(args: Omit<ExecutionArgs, 'schema'>): ExecutionResult | Promise<ExecutionResult> {
    const asked: ExecutionArgs = { ...args, schema: this.#schema };
    return execute({ ...asked, ...this.#variables.prepare(asked) });
  }
}
