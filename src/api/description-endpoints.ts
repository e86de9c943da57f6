import { createHash } from 'node:crypto';
import { authoriseRole } from '../../resolvers/authorise.ts';
import { originOf, recordedSignIn } from '../audit/request-audit.ts';
import type { TitleAudit } from '../audit/title-audit.ts';
import { type CompressedForms, isKnown, sendBody } from '../http/respond.ts';
import type { Handler } from '../http/route.ts';
import { credentialsOf, type TitleAccess } from '../identity/title-identity.ts';
import type { TitleLimits } from '../limits/title-limits.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { exchangeTicket } from './request-ticket.ts';

export interface DescriptionOptions {
  readonly contentType: string;
  readonly content: string;
  readonly audit: TitleAudit;
  readonly use: TitleLimits;
  readonly metrics: Metrics;
  readonly identity: Pick<TitleAccess, 'authenticate'>;
}

/** `GET /{title}/schema.graphql` and `/{title}/manifest.json`: what generators read; for any role. */
export function descriptionEndpoint(options: DescriptionOptions): Handler {
  const { metrics, contentType, content } = options;
  const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 24)}"`;
  const compressed: CompressedForms = new Map();
  const headers = { etag, 'cache-control': 'private, no-cache' };
  return async (exchange) => {
    const { request, requestId } = exchange;
    const audit = options.audit.of(originOf(request));
    const principal = await recordedSignIn(audit, requestId, () =>
      options.identity.authenticate(credentialsOf(request.headers)),
    );
    await options.use.admit(principal, requestId);
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
