import type { ExecutionResult, GraphQLError } from 'graphql';

export interface PrintedResult extends ExecutionResult {
  /** Yoga asks a result itself how it becomes text. */
  readonly stringify: (result: ExecutionResult) => string;
}

/**
 * A result whose printing never throws. Yoga prints outside the steps whose errors it hands on: of
 * an event stream the error would be nobody's, and end the process.
 *
 * @param failed the error in its public form, for the result that cannot be printed
 */
export function printedResult(
  result: ExecutionResult,
  failed: (error: unknown) => GraphQLError,
): PrintedResult {
  return {
    ...result,
    stringify: (shown) => {
      try {
        return JSON.stringify(shown);
      } catch (error) {
        return JSON.stringify({ errors: [failed(error)] });
      }
    },
  };
}
