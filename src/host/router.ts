import findMyWay, { type HTTPMethod, type HTTPVersion } from 'find-my-way';
import { EngineError } from '../../engine/model/errors.ts';
import type { Exchange } from '../http/exchange.ts';
import { HttpRefusal } from '../http/http-refusal.ts';
import type { Route } from '../http/route.ts';

/** Longer than the target of any request that Node takes. */
const paramCharsMax = 1024 * 1024;

/** Finds the handler of a path: of the routes that fit, the one that says most of it in its own words. */
export class Router {
  readonly #routes: findMyWay.Instance<HTTPVersion.V1>;
  readonly #methods: readonly HTTPMethod[];
  /** Why nothing else can be answered; null while it can. */
  readonly #elsewhere: string | null;

  constructor(routes: readonly Route[], elsewhere: string | null = null) {
    this.#elsewhere = elsewhere;
    this.#routes = findMyWay({
      ignoreTrailingSlash: true,
      maxParamLength: paramCharsMax,
      // What is found then has no route.
      onBadUrl: () => {},
    });
    for (const route of routes) {
      const path = route.path.replace(/\{(\w+)\}/g, ':$1');
      this.#routes.on(route.methods as HTTPMethod[], path, () => {}, route);
    }
    this.#methods = [...new Set(routes.flatMap(({ methods }) => methods as HTTPMethod[]))];
  }

  /** Throws `NOT_FOUND` for an unknown path, `BAD_USER_INPUT` for a broken one or a wrong method. */
  async handle(exchange: Exchange): Promise<void> {
    const { pathname } = exchange;
    const found = this.#find((exchange.request.method ?? 'GET') as HTTPMethod, pathname);
    if (found !== null) {
      exchange.endpoint = found.route.endpoint;
      return found.route.handle(exchange, found.parameters);
    }
    if (this.#elsewhere !== null) {
      throw new EngineError('UNAVAILABLE', this.#elsewhere, { retryAfterMs: 1_000 });
    }
    const others = this.#methods.flatMap((method) => {
      const route = this.#find(method, pathname)?.route;
      return route === undefined ? [] : [{ method, route }];
    });
    const [other] = others;
    if (other === undefined) throw new EngineError('NOT_FOUND', 'there is nothing at this path');
    exchange.endpoint = other.route.endpoint;
    const allowed = others.map(({ method }) => method).join(', ');
    exchange.response.setHeader('allow', allowed);
    throw new HttpRefusal(405, `this path takes ${allowed} only`);
  }

  #find(method: HTTPMethod, pathname: string) {
    const found = this.#routes.find(method, pathname);
    if (found === null) return null;
    if (found.store === null) throw badPath(pathname);
    const parameters = found.params as Readonly<Record<string, string>>;
    return { route: found.store as Route, parameters };
  }
}

function badPath(path: string): EngineError {
  return new EngineError('BAD_USER_INPUT', `the path is not validly percent-encoded: "${path}"`, {
    details: { path: 'the path of the URL' },
  });
}
