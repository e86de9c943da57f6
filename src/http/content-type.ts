import type { IncomingMessage } from 'node:http';
import { MIMEType } from 'node:util';
import { HttpRefusal } from './http-refusal.ts';

/**
 * The media type of a body, which must be one of those. Throws (HTTP 415) for a body that does not
 * say so, or whose text is not in UTF-8.
 */
export function checkContentType<Type extends string>(
  request: IncomingMessage,
  ...wanted: readonly Type[]
): Type {
  const given = parsed(request.headers['content-type']);
  const type = wanted.find((one) => one === given?.essence);
  if (!given || !type) {
    throw refusal(`the request needs "content-type: ${wanted.join('", or "')}"`);
  }
  const charset = given.params.get('charset') ?? 'utf-8';
  if (!/^utf-?8$/i.test(charset)) {
    throw refusal(`the request body must be UTF-8, not "${charset}" (content-type: charset)`);
  }
  return type;
}

function parsed(contentType: string | undefined): MIMEType | null {
  try {
    return new MIMEType(contentType ?? '');
  } catch {
    return null;
  }
}

function refusal(message: string): HttpRefusal {
  return new HttpRefusal(415, message, { details: { path: 'content-type' } });
}
