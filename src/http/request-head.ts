import type { IncomingMessage } from 'node:http';
import { servingLimits } from '../serving-limits.ts';
import { HttpRefusal } from './http-refusal.ts';

/**
 * Throws for a head with too many headers (HTTP 431), or too long a target (HTTP 414). Its bytes are
 * bounded where it is parsed.
 */
export function checkHead({ rawHeaders, url = '' }: IncomingMessage): void {
  const { httpHeadersMax, httpTargetCharsMax } = servingLimits;
  if (rawHeaders.length > 2 * httpHeadersMax) {
    throw new HttpRefusal(431, `a request has ${httpHeadersMax} headers at most`, {
      details: { limit: 'httpHeadersMax', max: httpHeadersMax },
    });
  }
  if (url.length > httpTargetCharsMax) {
    throw new HttpRefusal(
      414,
      `path and query have ${httpTargetCharsMax} characters at most; send a query as the body of a POST`,
      { details: { limit: 'httpTargetCharsMax', max: httpTargetCharsMax } },
    );
  }
}

/** Why a head, or what follows it, could not be parsed; null where the client has gone. */
export function unreadable(error: NodeJS.ErrnoException, hasHead: boolean): HttpRefusal | null {
  switch (error.code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return null;
    case 'HPE_HEADER_OVERFLOW': {
      const max = servingLimits.httpHeaderBytesMax;
      return new HttpRefusal(431, `the head of a request has ${max} bytes at most`, {
        details: { limit: 'httpHeaderBytesMax', max },
      });
    }
    case 'ERR_HTTP_REQUEST_TIMEOUT': {
      const limit = hasHead ? 'httpRequestMs' : 'httpHeadersMs';
      const max = servingLimits[limit];
      return new HttpRefusal(408, `the request did not arrive within ${max} ms`, {
        details: { limit, max },
      });
    }
    default:
      return new HttpRefusal(400, 'this is no request of HTTP/1.1');
  }
}
