import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { EngineError } from '../../engine/model/errors.ts';
import type { Endpoint } from '../telemetry/metrics.ts';

/** One request with its answer, and what every handler needs to know of it. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The client's `x-request-id` where it is a sane one, else a new id. */
  readonly requestId: string;
  endpoint: Endpoint = 'other';
  readonly #path: readonly string[];
  readonly #search: string;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
    const { path, search } = splitTarget(originFormOf(request.url ?? '/'));
    this.#path = path;
    this.#search = search;
    this.requestId = requestIdOf(request);
    response.setHeader('x-request-id', this.requestId);
  }

  /**
   * Decoded path segments: `/ashfall/graphql` is `['ashfall', 'graphql']`. Throws `BAD_USER_INPUT`
   * for a path that is not validly percent-encoded.
   */
  get path(): readonly string[] {
    return this.#path.some((segment) => segment.includes('%'))
      ? this.#path.map(decoded)
      : this.#path;
  }

  get query(): URLSearchParams {
    return new URLSearchParams(this.#search);
  }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new EngineError(
      'BAD_USER_INPUT',
      `the path is not validly percent-encoded: "${segment}"`,
      { details: { path: 'the path of the URL' }, cause },
    );
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

/** Segments of the path as they were sent, and what follows the question mark. */
function splitTarget(target: string): { readonly path: string[]; readonly search: string } {
  const mark = target.indexOf('?');
  const pathText = mark < 0 ? target : target.slice(0, mark);
  const path = pathText.split('/').slice(1);
  if (path.at(-1) === '') path.pop();
  return {
    path,
    search: mark < 0 ? '' : target.slice(mark + 1),
  };
}

export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : randomUUID();
}
