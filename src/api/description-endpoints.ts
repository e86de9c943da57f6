import { createHash } from 'node:crypto';
import { authoriseRole } from '../../resolvers/authorise.ts';
import { type CompressedForms, isKnown, sendBody } from '../http/respond.ts';
import type { Handler } from '../http/route.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { exchangeTicket } from './request-ticket.ts';
import { type SignInParts, signIn } from './sign-in.ts';

export interface DescriptionOptions extends SignInParts {
  readonly contentType: string;
  readonly content: string;
  readonly metrics: Metrics;
}

/** `GET /{title}/schema.graphql` and `/{title}/manifest.json`: what generators read; for any role. */
export function descriptionEndpoint(options: DescriptionOptions): Handler {
  const { metrics, contentType, content } = options;
  const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 24)}"`;
  const compressed: CompressedForms = new Map();
  const headers = { etag, 'cache-control': 'private, no-cache' };
  return async (exchange) => {
    const { principal, audit } = await signIn(options, exchange);
    const ticket = exchangeTicket(principal, principal.class, exchange);
    authoriseRole({ principal, audit, ticket });
    if (isKnown(exchange, etag)) {
      exchange.response.writeHead(304, headers).end();
      return;
    }
    await sendBody(exchange, metrics, { contentType, content, headers, compressed });
    options.use.charge(principal, { bytes: exchange.bytesSent });
  };
}
