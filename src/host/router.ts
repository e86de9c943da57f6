import { EngineError } from '../../engine/model/errors.ts';
import type { Exchange } from '../http/exchange.ts';
import { HttpRefusal } from '../http/http-refusal.ts';
import type { Endpoint } from '../telemetry/metrics.ts';

export type Handler = (
  exchange: Exchange,
  parameters: Readonly<Record<string, string>>,
) => Promise<void>;

export interface Route {
  readonly methods: readonly string[];
  /** Segments; `{name}` takes any one segment, a last `*` the rest. */
  readonly path: string;
  readonly endpoint: Endpoint;
  readonly handle: Handler;
}

/** A last route for while nothing else can be answered. */
export function unavailableRoute(why: string): Route {
  return {
    methods: ['GET', 'HEAD', 'POST'],
    path: '/*',
    endpoint: 'other',
    handle: () => {
      throw new EngineError('UNAVAILABLE', why, { retryAfterMs: 1_000 });
    },
  };
}

interface PreparedRoute extends Route {
  readonly segments: readonly string[];
}

/** Finds the handler of a path: the first route of the list that fits. */
export class Router {
  readonly #routes: readonly PreparedRoute[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ ...route, segments: segmentsOf(route.path) }));
  }

  /** Throws `NOT_FOUND` for an unknown path, `BAD_USER_INPUT` for a broken one or a wrong method. */
  async handle(exchange: Exchange): Promise<void> {
    const method = exchange.request.method ?? 'GET';
    const { path } = exchange;
    const allowed: string[] = [];
    for (const route of this.#routes) {
      const parameters = match(route.segments, path);
      if (parameters === null) continue;
      exchange.endpoint = route.endpoint;
      if (route.methods.includes(method)) return route.handle(exchange, parameters);
      allowed.push(...route.methods);
    }
    if (allowed.length > 0) {
      exchange.response.setHeader('allow', allowed.join(', '));
      throw new HttpRefusal(405, `this path takes ${allowed.join(', ')} only`);
    }
    throw new EngineError('NOT_FOUND', 'there is nothing at this path');
  }
}

function segmentsOf(path: string): readonly string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function match(
  segments: readonly string[],
  path: readonly string[],
): Readonly<Record<string, string>> | null {
  const takesRest = segments.at(-1) === '*';
  const fixed = takesRest ? segments.length - 1 : segments.length;
  if (takesRest ? path.length < fixed : path.length !== fixed) return null;
  const parameters: Record<string, string> = {};
  for (let i = 0; i < fixed; i++) {
    const segment = segments[i] as string;
    const given = path[i] as string;
    if (segment.startsWith('{')) parameters[segment.slice(1, -1)] = given;
    else if (segment !== given) return null;
  }
  return parameters;
}
