import type { IncomingMessage } from 'node:http';
import { MIMEType } from 'node:util';
import { HttpRefusal } from './http-refusal.ts';

/** Throws (HTTP 415) for a body that does not say it is of this media type, its text in UTF-8. */
export function checkContentType(request: IncomingMessage, wanted: string): void {
  const given = parsed(request.headers['content-type']);
  if (given?.essence !== wanted) {
    throw refusal(`the request needs "content-type: ${wanted}"`);
  }
  const charset = given.params.get('charset') ?? 'utf-8';
  if (!/^utf-?8$/i.test(charset)) {
    throw refusal(`the request body must be UTF-8, not "${charset}" (content-type: charset)`);
  }
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
