import type { IncomingMessage } from 'node:http';
import Negotiator from 'negotiator';
import { HttpRefusal } from '../../http/http-refusal.ts';

/** In which forms a client takes the answer of an operation. At least one is not null. */
export interface AnswerTypes {
  /** The form of a result. */
  readonly result: 'application/json' | 'application/graphql-response+json' | null;
  /** The form of a subscription's events, or of the single event that a result is. */
  readonly events: 'text/event-stream' | null;
}

const resultTypes = ['application/json', 'application/graphql-response+json'];
const eventType = 'text/event-stream';

/**
 * What `accept` asks for, by its `q` values. Throws (HTTP 406) where nothing fits, so that an
 * operation whose answer nobody takes does not run.
 */
export function answerTypesOf(request: IncomingMessage): AnswerTypes {
  const { accept } = request.headers;
  // What almost every client sends costs no parsing.
  if (accept === undefined || accept === '*/*') {
    return { result: 'application/json', events: eventType };
  }
  if (accept === 'application/json') return { result: accept, events: null };
  const negotiator = new Negotiator(request);
  const result = negotiator.mediaType(resultTypes) as AnswerTypes['result'] | undefined;
  const events = negotiator.mediaType([eventType]) as AnswerTypes['events'] | undefined;
  if (result === undefined && events === undefined) {
    throw new HttpRefusal(
      406,
      'no media type in "accept" fits: application/json, application/graphql-response+json, or text/event-stream',
      { details: { path: 'accept' } },
    );
  }
  return { result: result ?? null, events: events ?? null };
}
