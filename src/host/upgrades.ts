import type { IncomingMessage } from 'node:http';
import { EngineError } from '../../engine/model/errors.ts';
import { isOriginAllowed } from '../http/cors.ts';
import { originFormOf, requestIdOf, splitTarget } from '../http/exchange.ts';
import { checkHead } from '../http/request-head.ts';
import type { SecureHeaders } from '../http/secure-headers.ts';
import type { OpenTitle } from '../titles/open-title.ts';
import type { TitleRegistry } from '../titles/title-registry.ts';
import { answerBare } from './bare-answer.ts';
import type { UpgradeHandler } from './http-front.ts';
import type { Readiness } from './readiness.ts';

/** WebSockets are opened on the same paths as GraphQL over HTTP. */
export function upgradesTo(
  titles: TitleRegistry,
  corsOrigins: readonly string[],
  secure: SecureHeaders,
  readiness: Readiness,
): UpgradeHandler {
  return (request, socket, head) => {
    try {
      checkHead(request);
      const title = titleOf(request, titles);
      refuseOrigin(request, corsOrigins);
      if (readiness.server !== 'serving') {
        throw new EngineError('UNAVAILABLE', 'the server is stopping', { retryAfterMs: 1_000 });
      }
      const refusal = title.socket.refusal(request.socket.remoteAddress ?? '');
      if (refusal !== null) throw refusal;
      title.socket.accept(request, socket, head);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      answerBare(socket, error, requestIdOf(request), secure);
    }
  };
}

/** Throws `NOT_FOUND`, `UNKNOWN_TITLE` and `UNAVAILABLE`. */
function titleOf(request: IncomingMessage, titles: TitleRegistry): OpenTitle {
  const { pathname } = splitTarget(originFormOf(request.url ?? ''));
  if (pathname === '/graphql') return titles.only();
  const [, name] = /^\/([^/]+)\/graphql$/.exec(pathname) ?? [];
  if (name !== undefined) return titles.get(name);
  const [only, ...others] = titles.names();
  const place = only !== undefined && others.length === 0 ? only : '{title}';
  throw new EngineError('NOT_FOUND', `WebSockets are opened on /${place}/graphql`);
}

function refuseOrigin(request: IncomingMessage, corsOrigins: readonly string[]): void {
  if (isOriginAllowed(request, corsOrigins)) return;
  throw new EngineError(
    'FORBIDDEN',
    'pages of this origin may not open WebSockets here; name it in --cors-origins',
  );
}
