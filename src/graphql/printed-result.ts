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
  return { ...result, stringify: (shown) => printed(shown, failed) };
}

/**
 * A message of a subscription, as `printedResult`. On an event stream yoga prints it last in its
 * event, so that a line of the event's own may follow: its `id`, with which a client that opens the
 * stream again says what it has seen. What failed has none, and is asked for again. On a WebSocket
 * messages are printed without yoga, and have no lines.
 */
export function printedMessage(
  result: ExecutionResult,
  failed: (error: unknown) => GraphQLError,
  eventId: string | null,
): PrintedResult {
  const isSeen = eventId !== null && result.errors === undefined;
  const idLine = isSeen ? `\nid: ${eventId}` : '';
  return { ...result, stringify: (shown) => printed(shown, failed, idLine) };
}

function printed(
  shown: ExecutionResult,
  failed: (error: unknown) => GraphQLError,
  after = '',
): string {
  try {
    return JSON.stringify(shown) + after;
  } catch (error) {
    return JSON.stringify({ errors: [failed(error)] });
  }
}
