import { createHash } from 'node:crypto';
import type { RoleDefinition } from '../../engine/model/types.ts';
import { authoriseRole } from '../../resolvers/authorise.ts';
import { type CompressedForms, isKnown, sendBody } from '../http/respond.ts';
import type { Handler } from '../http/route.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { exchangeTicket } from './request-ticket.ts';
import { type SignInParts, signIn } from './sign-in.ts';

export interface DescriptionOptions extends SignInParts {
  readonly contentType: string;
  /** What the role is told. */
  readonly contentOf: (role: RoleDefinition) => Description;
  readonly metrics: Metrics;
}

/** A text that is answered again and again. */
export interface Description {
  readonly content: string;
  readonly etag: string;
  readonly compressed: CompressedForms;
}

export function describe(content: string): Description {
  const hash = createHash('sha256').update(content).digest('base64url');
  return { content, etag: `"${hash.slice(0, 24)}"`, compressed: new Map() };
}

/** `GET /{title}/schema.graphql` and `/{title}/manifest.json`: what generators read; for any role, the schema as far as it may use it. */
export function descriptionEndpoint(options: DescriptionOptions): Handler {
  const { metrics, contentType } = options;
  return async (exchange) => {
    const { principal, audit } = await signIn(options, exchange);
    const ticket = exchangeTicket(principal, principal.class, exchange);
    const role = authoriseRole({ principal, audit, ticket });
    const { content, etag, compressed } = options.contentOf(role);
    const headers = { etag, 'cache-control': 'private, no-cache' };
    if (isKnown(exchange, etag)) {
      exchange.response.writeHead(304, headers).end();
      return;
    }
    await sendBody(exchange, metrics, { contentType, content, headers, compressed });
    options.use.charge(principal, { bytes: exchange.bytesSent });
  };
}
