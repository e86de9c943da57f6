import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ClientDeparture } from '../../engine/index.ts';
import type { Endpoint, Metrics } from '../telemetry/metrics.ts';

/** One request with its answer, and what every handler needs to know of it. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The client's `x-request-id` where it is a sane one, else a new id. */
  readonly requestId: string;
  /** Called by whoever finds out who asks, or that they may. */
  readonly signedIn: () => void;
  /** The client leaves when it goes before it has its answer. */
  readonly departure = new ClientDeparture();
  endpoint: Endpoint = 'other';
  /** The metrics of the title that answers; null for what belongs to none. */
  metrics: Metrics | null = null;
  /** The bytes of the body that it was answered with, once it was. */
  bytesSent = 0;
  /** The path as it was sent, percent-encoded. */
  readonly pathname: string;
  readonly #search: string;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    signedIn: () => void = () => undefined,
  ) {
    this.signedIn = signedIn;
    this.request = request;
    this.response = response;
    const { pathname, search } = splitTarget(originFormOf(request.url ?? '/'));
    this.pathname = pathname;
    this.#search = search;
    this.requestId = requestIdOf(request);
    response.setHeader('x-request-id', this.requestId);
    response.once('close', () => {
      if (!response.writableFinished) this.departure.leave();
    });
  }

  get query(): URLSearchParams {
    return new URLSearchParams(this.#search);
  }
}

/**
 * Path and query of a request's target. A client that takes the server for its proxy sends them with
 * scheme and authority before (RFC 9112, 3.2.2: `GET http://host/path`), which every server accepts.
 */
export function originFormOf(target: string): string {
  const absolute = /^https?:\/\/[^/?#]*/i.exec(target);
  if (absolute === null) return target;
  const rest = target.slice(absolute[0].length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** The path, and what follows the question mark. */
export function splitTarget(target: string): {
  readonly pathname: string;
  readonly search: string;
} {
  const mark = target.indexOf('?');
  if (mark < 0) return { pathname: target, search: '' };
  return { pathname: target.slice(0, mark), search: target.slice(mark + 1) };
}

export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : randomUUID();
}
